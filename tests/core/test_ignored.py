"""What is ignored changes neither value nor gradient, whatever it holds.

Every function with `where` is given images with the worst in the places to ignore:
logits that are no numbers, labels out of range, rows that are no probabilities,
negative weights. What is right is worked out from the kept pixels alone.
"""

from math import nan

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import costfn
from batch_losses import AVERAGED, COSTS, MULTILABEL, NAMES
from cell_cases import Q, close, costs, value_and_gradient
from ignored_by_cells import expected
from ignored_cases import CLASSES, hidden, images

seeds = st.integers(0, 2**32 - 1)
hidings = st.booleans()


@st.composite
def situations(draw, name):
    tasks = ["multiclass", "binary", *["multilabel"] * (name in MULTILABEL)]
    task = draw(st.sampled_from(tasks))
    each = task == "multilabel" and draw(st.booleans())
    seen, rng = images(draw(seeds), task, soft=draw(st.booleans()), each=each)
    options = {}
    if name not in COSTS:
        options["zero_division"] = draw(st.sampled_from([0.0, 1.0, nan]))
    if name in AVERAGED:
        words = ["macro", "weighted", None]
        words += {"multiclass": [], "binary": ["binary"], "multilabel": ["micro"]}[task]
        options["average"] = draw(st.sampled_from(words))
    scope = draw(st.sampled_from(["batch", "example"]))
    weighings = ["none", "pixels", *["images"] * (scope == "example")]
    weighing = draw(st.sampled_from(weighings))
    reduction = draw(st.sampled_from(["mean", "sum", "none"]))
    return seen, rng, scope, reduction, weighing, options


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data(), hide=hidings)
def test_of_the_losses_of_counts(name, data, hide):
    seen, rng, scope, reduction, weighing, options = data.draw(situations(name))
    given, plain = costs(name, CLASSES if seen.task == "multiclass" else 2)
    by_image = torch.tensor([0.5, 2.0, nan]) if weighing == "images" else None
    spoilt = seen.spoilt(rng)
    weights = {"none": None, "pixels": spoilt.weight, "images": by_image}

    def of_library(z):
        return getattr(costfn, name)(
            z,
            spoilt.target,
            **given,
            **options,
            task=seen.task,
            scope=scope,
            reduction=reduction,
            sample_weight=weights[weighing],
            where=spoilt.keep,
        )

    def of_cells(z):
        return expected(
            name,
            seen,
            z,
            scope=scope,
            reduction=reduction,
            by_pixel=weighing == "pixels",
            by_image=None if by_image is None else by_image.nan_to_num(1.0).to(Q),
            options=plain | options,
        )

    with hidden(hide):
        found = value_and_gradient(of_library, spoilt.logits)
    close(found, value_and_gradient(of_cells, seen.logits))

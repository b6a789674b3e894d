"""What is ignored changes neither value nor gradient, whatever it holds.

Every function with `where` is given images with the worst in the places to ignore:
logits that are no numbers, labels out of range, rows that are no probabilities,
negative weights. What is right is worked out from the kept pixels alone.
"""

from math import nan
from unittest.mock import patch

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import costfn
import four_cells
from batch_losses import AVERAGED, COSTS, MULTILABEL, NAMES
from cell_cases import Q, close, costs, value_and_gradient
from ignored_cases import CLASSES, images

seeds = st.integers(0, 2**32 - 1)
hidings = st.booleans()


def hidden(so):
    """As on an accelerator, where values are not looked at, or as they are."""
    seen = costfn._foundation.check.readable_values
    return patch(
        "costfn._foundation.check.readable_values",
        (lambda values: None) if so else seen,
    )


def table_of(seen, z, weight, rows):
    """The four cells of some rows, with weight 0 for what is ignored."""
    a, y = z.softmax(-1), seen.target
    if seen.task != "multiclass":
        a = z.sigmoid()
    elif not seen.soft:
        y = torch.eye(CLASSES, dtype=Q)[y]
    w = weight if weight.ndim == z.ndim else weight[..., None]
    if seen.task == "binary":
        a, y = (torch.stack([1 - x, x], -1) for x in (a, y))
        w = weight[..., None]
    a, y, w = (x[rows].flatten(0, -2) for x in (a, y, w))
    several = seen.task == "multilabel"
    return four_cells.Table(a, y, w, soft=seen.soft, several=several)


def of_groups(name, seen, z, weight, groups, **options):
    """The loss of each group, and which have a say in the mean; NaN-free."""
    losses, said = [], []
    for rows in groups:
        found = four_cells.measured(name, table_of(seen, z, weight, rows), **options)
        found = found if isinstance(found, list) else [found]
        losses.append(
            [0 * z.sum() if x is None else 1 - x + 0 * z.sum() for x in found]
        )
        said.append([x is not None for x in found])
    losses = torch.stack([torch.stack(row) for row in losses])
    if options.get("average", "macro") is not None:
        losses, said = losses[:, 0], [row[0] for row in said]
    return losses, torch.tensor(said)


def expected(name, seen, z, *, scope, reduction, by_pixel, by_image, options):
    keep = seen.keep.to(Q)
    weight = keep * seen.weight if by_pixel else keep
    if scope == "batch":
        losses, _ = of_groups(name, seen, z, weight, [slice(None)], **options)
        return losses[0]
    groups = [slice(i, i + 1) for i in range(len(z))]
    losses, said = of_groups(name, seen, z, weight, groups, **options)
    share = torch.ones(len(z), dtype=Q) if by_image is None else by_image
    share = share.reshape(-1, *[1] * (losses.ndim - 1)) * torch.ones_like(losses)
    if reduction != "mean":
        each = share * losses
        return each if reduction == "none" else each.sum(0)
    share = share * said
    total = share.sum(0)
    return (share * losses).sum(0) / torch.where(total == 0, 1, total)


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

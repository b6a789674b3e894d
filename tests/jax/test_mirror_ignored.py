"""What is ignored changes neither value nor gradient of the mirror's functions."""

from math import nan
from unittest.mock import patch

import jax
import jax.numpy as jnp
import pytest
import torch

import costfn
import costfn_jax
from batch_losses import AVERAGED, COST, COSTS, MULTILABEL, NAMES
from both_libraries import as_torch, in_jax
from cell_cases import close, costs, value_and_gradient
from ignored_by_cells import expected
from ignored_cases import CLASSES, images

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick")]
TASKS = {"multiclass": 3, "binary": 4, "multilabel": 5}


def mixed(value):
    share = jnp.arange(1.0, value.size + 1).reshape(value.shape)
    return (share * value).sum(), value


def hidden(so):
    """As under `jit`, which compiles for long, or as it is."""
    seen = costfn_jax._foundation.check.readable_values
    return patch(
        "costfn_jax._foundation.check.readable_values",
        (lambda values: None) if so else seen,
    )


def of_mirror(loss, logits, *, hide):
    both = jax.value_and_grad(lambda z: mixed(loss(z)), has_aux=True)
    with hidden(hide):
        (_, value), slope = both(in_jax(logits))
    return as_torch(value), as_torch(slope)


@pytest.mark.parametrize("name", NAMES)
def test_of_the_losses_of_counts(name):
    """Of one task each, in turn; `test_ignored.py` has every one in torch."""
    tasks = [*TASKS][: 2 + (name in MULTILABEL)]
    task = tasks[NAMES.index(name) % len(tasks)]
    scope, reduction = ("example", "mean") if task != "binary" else ("batch", "mean")
    if task == "multilabel":
        reduction = "none"
    seen, rng = images(TASKS[task], task, soft=name < "h", each=task == "multilabel")
    spoilt = seen.spoilt(rng)
    options = {} if name in COSTS else {"zero_division": nan}
    if name in AVERAGED:
        options["average"] = {"multiclass": None, "binary": "binary"}.get(task, "micro")
    given, plain = costs(name, CLASSES if task == "multiclass" else 2)
    given = {k: in_jax(v) for k, v in given.items()}

    def loss(z):
        return getattr(costfn_jax, name)(
            z,
            in_jax(spoilt.target),
            **given,
            **options,
            task=task,
            scope=scope,
            reduction=reduction,
            sample_weight=in_jax(spoilt.weight),
            where=in_jax(spoilt.keep),
        )

    def of_cells(z):
        return expected(
            name,
            seen,
            z,
            scope=scope,
            reduction=reduction,
            by_pixel=True,
            by_image=None,
            options=plain | options,
        )

    right = value_and_gradient(of_cells, seen.logits)
    for hide in (False, True):
        close(of_mirror(loss, spoilt.logits, hide=hide), right)


IMAGE_WEIGHTS = torch.tensor([0.5, 2.0, nan])


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("hide", [False, True])
def test_a_weight_for_each_image(reduction, hide):
    seen, rng = images(6)
    spoilt = seen.spoilt(rng)
    options = {"scope": "example", "reduction": reduction}
    found = of_mirror(
        lambda z: costfn_jax.dice_loss(
            z,
            in_jax(spoilt.target),
            where=in_jax(spoilt.keep),
            sample_weight=in_jax(IMAGE_WEIGHTS),
            **options,
        ),
        spoilt.logits,
        hide=hide,
    )
    right = value_and_gradient(
        lambda z: expected(
            "dice_loss",
            seen,
            z,
            **options,
            by_pixel=False,
            by_image=torch.tensor([0.5, 2.0, 1.0], dtype=torch.float64),
            options={},
        ),
        seen.logits,
    )
    close(found, right)


def others():
    """Functions with `where` that are no losses of counts: each with its own target."""
    for classes in ("present", "all", [1, 2]):
        yield (
            f"lovasz_softmax_loss-{classes}",
            "multiclass",
            lambda lib, z, y, k=classes, **o: lib.lovasz_softmax_loss(
                z, y, classes=k, where=o["where"]
            ),
        )
    yield (
        "lovasz_hinge_loss",
        "binary",
        lambda lib, z, y, **o: lib.lovasz_hinge_loss(z, y, where=o["where"]),
    )
    for scope in ("batch", "example"):
        yield (
            f"wasserstein-{scope}",
            "multiclass",
            lambda lib, z, y, s=scope, **o: lib.generalized_wasserstein_dice_loss(
                z, y, jnp.array(COST) if lib is costfn_jax else COST, scope=s, **o
            ),
        )
    yield (
        "reduce",
        "binary",
        lambda lib, z, y, **o: lib.reduce(
            z, weight=o["sample_weight"], where=o["where"]
        ),
    )
    for reduction in ("sum", "none"):
        yield (
            f"reduce-{reduction}",
            "binary",
            lambda lib, z, y, r=reduction, **o: lib.reduce(
                z, weight=o["sample_weight"], where=o["where"], reduction=r
            ),
        )
    yield (
        "matrix",
        "multiclass",
        lambda lib, z, y, **o: lib.confusion_matrix(
            lib.relaxations.softmax()(z), y, **o
        ),
    )
    yield (
        "counts",
        "multiclass",
        lambda lib, z, y, **o: (
            lib.counts(lib.relaxations.softmax()(z), y, **o).predicted
        ),
    )


OTHERS = {name: (task, call) for name, task, call in others()}


@pytest.mark.parametrize("name", OTHERS)
def test_of_other_functions(name):
    """Beside torch, whose own are held against what is kept alone."""
    task, call = OTHERS[name]
    seen, rng = images(7, task)
    spoilt = seen.spoilt(rng)
    if name in ("matrix", "counts"):  # of memberships, where a gap has no gradient
        spoilt = spoilt._replace(logits=seen.logits)
    given = {"sample_weight": spoilt.weight, "where": spoilt.keep}
    found = of_mirror(
        lambda z: call(
            costfn_jax,
            z,
            in_jax(spoilt.target),
            **{k: in_jax(v) for k, v in given.items()},
        ),
        spoilt.logits,
        hide=True,
    )
    right = value_and_gradient(
        lambda z: call(costfn, z, spoilt.target, **given), spoilt.logits
    )
    close(found, right)

"""How the mirror's losses of counts count: beside torch, value and gradient."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

import batch_losses
import costfn
import costfn_jax
from batch_losses import COST, EXEMPLARS, LABELS, LOGITS, MULTILABEL, SOFT, WEIGHT

# Annotations are of what is asked for, not of what is traced.
pytestmark = [pytest.mark.unchecked, pytest.mark.usefixtures("quick")]

rng = np.random.default_rng(0)
SETS = torch.tensor(rng.integers(2, size=LOGITS.shape))
KEEP = torch.tensor(rng.random(LABELS.shape) < 0.7)
KEEP_EACH = torch.tensor(rng.random(LOGITS.shape) < 0.7)
ABSENT = LABELS % 2  # without the last class
EACH = {"scope": "example"}
SITUATIONS = {
    "images": (
        LOGITS,
        LABELS,
        EACH | {"sample_weight": WEIGHT, "where": KEEP},
    ),
    "images-probabilities": (LOGITS, SOFT, EACH | {"where": KEEP}),
    "absent": (LOGITS, ABSENT, {}),
    "relaxation": (LOGITS, LABELS, {"relaxation": "raised_cosine"}),
    "devices": (LOGITS, LABELS, {"sum_counts": lambda c: c + c + c}),
    "binary": (
        LOGITS[..., 0],
        SETS[..., 0],
        EACH | {"task": "binary", "sample_weight": WEIGHT, "where": KEEP},
    ),
    "multilabel": (
        LOGITS,
        SETS,
        EACH | {"task": "multilabel", "sample_weight": WEIGHT, "where": KEEP_EACH},
    ),
    "multilabel-whole-examples": (
        LOGITS[0],
        SETS[0],
        {"task": "multilabel", "where": KEEP[0]},
    ),
}
AVERAGES = [
    ({"average": None}, "images"),
    ({"average": "weighted"}, "images"),
    ({"average": "binary"}, "binary"),
    ({"average": "micro"}, "multilabel"),
    ({"average": "micro"}, "multilabel-whole-examples"),
    ({"average": "samples"}, "multilabel-whole-examples"),
    *(
        ({"average": "weighted", "absent": absent, "zero_division": 1.0}, "absent")
        for absent in ("keep", "drop", "drop_unseen")
    ),
]


def to_jax(x):
    return jnp.asarray(x.numpy()) if isinstance(x, torch.Tensor) else x


def of_torch(loss, logits):
    z = logits.clone().requires_grad_()
    value = loss(z)
    return value.detach(), *torch.autograd.grad(value.sum(), z)


def of_jax(loss, logits):
    value, pull = jax.vjp(loss, to_jax(logits))
    return value, *pull(jnp.ones_like(value))


def found(package, name, target, options):
    """The loss of one framework."""
    if "relaxation" in options:
        relaxation = getattr(package.relaxations, options["relaxation"])()
        options = options | {"relaxation": relaxation}
    return partial(getattr(package, name), target=target, **options)


def assert_same(name, logits, target, options):
    ours = of_torch(found(costfn, name, target, options), logits)
    options = {key: to_jax(x) for key, x in options.items()}
    mirror = of_jax(found(costfn_jax, name, to_jax(target), options), logits)
    for expected, actual in zip(ours, mirror, strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-11, atol=1e-13)


# Every loss where its metric matters; how they count is alike, and tried on some. The
# formulas in `test_mirror_cells.py` are of every loss and task.
PAIRS = [
    (name, situation)
    for name in batch_losses.NAMES
    for situation in SITUATIONS
    if name in EXEMPLARS or situation in ("images", "absent")
]


@pytest.mark.parametrize("name, situation", PAIRS)
def test_losses_of_counts(name, situation):
    logits, target, options = SITUATIONS[situation]
    task = options.get("task")
    if task == "multilabel" and name not in MULTILABEL:
        pytest.skip("its metric is of the whole matrix")
    if name in batch_losses.COSTS:
        cost = COST if task is None else batch_losses.BINARY_COST
        options = options | {"cost": cost}
    assert_same(name, logits, target, options)


@pytest.mark.parametrize("averaging, situation", AVERAGES)
@pytest.mark.parametrize("name", ["f_beta_loss", "precision_loss", "tversky_loss"])
def test_averages(name, averaging, situation):
    logits, target, options = SITUATIONS[situation]
    assert_same(name, logits, target, options | averaging)


@pytest.mark.parametrize("background", [None, 0, 2])
@pytest.mark.parametrize("situation", ["images", "images-probabilities"])
def test_the_dice_loss_of_distances(situation, background):
    logits, target, options = SITUATIONS[situation]
    given = options | {"cost": COST, "background": background}
    assert_same("generalized_wasserstein_dice_loss", logits, target, given)


@pytest.mark.parametrize("classes", ["present", "all"])
def test_lovasz_losses(classes):
    options = {"where": KEEP}
    assert_same("lovasz_softmax_loss", LOGITS, ABSENT, options | {"classes": classes})
    assert_same("lovasz_hinge_loss", LOGITS[..., 0], SETS[..., 0], options)

"""Modules and functions with the same arguments, and images to give them."""

import pytest
import torch

import costfn_nn
from losses import LOSSES

LABELLED = [loss for loss in LOSSES if "labels" in loss.forms]
COST = torch.tensor([[0.0, 1, 3], [2, 0, 1], [1, 4, 0]], dtype=torch.float64)
EXTRAS = {
    "cost": COST,
    "transition": torch.tensor(
        [[0.9, 0.1, 0], [0.2, 0.8, 0], [0, 0.25, 0.75]]
    ).double(),
    "prior": torch.tensor([0.5, 0.375, 0.125]).double(),
}
WEIGHT = torch.tensor([0.5, 2.0, 3.0], dtype=torch.float64)
rng = torch.Generator().manual_seed(0)
each_labelled = pytest.mark.parametrize("loss", LABELLED, ids=lambda loss: loss.name)
reductions = pytest.mark.parametrize("reduction", ["none", "mean", "sum"])


def module_of(loss, **options):
    extras = [EXTRAS[name] for name in loss.takes]
    return getattr(costfn_nn, loss.class_name)(
        *extras, **(loss.options[0] | options)
    ).double()


def function_of(loss, **options):
    extras = [EXTRAS[name] for name in loss.takes]
    options = loss.options[0] | options
    return lambda logits, target: loss.torch(logits, target, *extras, **options)


def images(shape=(2, 3, 4, 5)):
    """Logits with the classes on axis 1, labels and class probabilities."""
    logits = 2 * torch.randn(shape, dtype=torch.float64, generator=rng)
    labels = torch.randint(3, (shape[0], *shape[2:]), generator=rng)
    probs = torch.randn(shape, dtype=torch.float64, generator=rng).softmax(1)
    return logits, labels, probs


def last(x):
    return x.movedim(1, -1)

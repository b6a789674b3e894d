"""Every option of a count-based loss reaches its metric and changes the value."""

import inspect

import pytest
import torch

import batch_losses
import costfn
from costfn import metrics
from costfn.relaxations import straight_through

# Class 2 is neither true nor decided; class 3 is decided but never true.
LABELS = torch.tensor([0, 1, 0, 1, 1, 0, 0])
DECIDED = torch.tensor([0, 1, 1, 1, 3, 3, 0])
LOGITS = 4 * torch.eye(4, dtype=torch.float64)[DECIDED]
VALUES = {
    "absent": ("keep", "drop", "drop_unseen"),
    "adjusted": (False, True),
    "alpha": (0.5, 0.125),
    "average": ("macro", "weighted"),
    "beta": (0.5, 1.0, 2.0),
    "class_weight": (None, [1.0, 2.0, 3.0, 4.0]),
    "classes": (None, [0]),
    "gamma": (0.75, 0.5),
    "smooth": (0.0, 1.0),
    "weighting": ("square", "simple", "uniform"),
    "weights": (None, "linear", "quadratic"),
    "zero_division": (0.0, 1.0),
}
NOT_OPTIONS = {"logits", "target", "cost", "counting"}
# Metrics that are undefined only for so few examples.
FEW = dict.fromkeys(("cohen_kappa", "hss", "mcc", "specificity"), 1)
# Metrics that are undefined only without examples, where every loss is 0.
WITHOUT = ("accuracy", "balanced_accuracy", "g_mean", "generalized_dice")
PAIRS = [
    (name, option)
    for name in batch_losses.NAMES
    for option in inspect.signature(getattr(costfn, name)).parameters
    if option not in NOT_OPTIONS
    and (option != "zero_division" or name.removesuffix("_loss") not in WITHOUT)
]


def both(name, logits, labels, **options):
    """The loss, and one minus the metric of its decisions."""
    relaxation = straight_through()
    loss = getattr(costfn, name)(logits, labels, relaxation=relaxation, **options)
    table = costfn.confusion_matrix(relaxation(logits), labels)
    metric = getattr(metrics, name.removesuffix("_loss"))
    return loss.item(), 1 - metric(table, **options).item()


@pytest.mark.parametrize("name, option", PAIRS)
def test_it_arrives(name, option):
    few = FEW.get(name.removesuffix("_loss")) if option == "zero_division" else None
    logits, labels, found = LOGITS[:few], LABELS[:few], set()
    for value in VALUES[option]:
        loss, expected = both(name, logits, labels, **{option: value})
        assert loss == pytest.approx(expected, rel=1e-14)
        found.add(round(loss, 9))
    assert len(found) == len(VALUES[option])


@pytest.mark.parametrize("name", WITHOUT)
def test_without_examples_a_metric_is_what_it_is_told_and_a_loss_is_0(name):
    empty = torch.zeros(4, 4)
    for value in (0.0, 1.0):
        assert getattr(metrics, name)(empty, zero_division=value).item() == value
        loss = getattr(costfn, f"{name}_loss")
        assert loss(LOGITS[:0], LABELS[:0], zero_division=value).item() == 0

"""Averages over some of the classes, and with a weight for each class.

Against scikit-learn, which calls the choice `labels=`; against the four-cell formulas;
and by hand.
"""

from functools import partial
from inspect import signature
from math import inf, nan
from unittest.mock import patch

import numpy as np
import pytest
import torch
from sklearn import metrics as sk

import costfn
import textbook_metrics
from batch_losses import AVERAGED, NAMES
from cell_cases import (
    PROBLEMS,
    RELAXATIONS,
    Q,
    close,
    value_and_gradient,
)
from costfn import metrics
from textbook import exact

pytestmark = pytest.mark.shapes

THEIRS = {
    "precision": sk.precision_score,
    "recall": sk.recall_score,
    "f_beta": partial(sk.fbeta_score, beta=1.0),
    "jaccard": sk.jaccard_score,
}
CHOICES = ([1, 2], [0], [3, 1], [4, 0, 2, 3])
rng = np.random.default_rng(0)
# Class 4 is never true; the other classes have different frequencies.
TRUTH = rng.choice(5, size=(4, 30), p=[0.4, 0.3, 0.2, 0.1, 0.0])
DECIDED = np.where(rng.uniform(size=TRUTH.shape) < 0.6, TRUTH, rng.integers(5, size=30))
SAMPLE_WEIGHT = rng.uniform(0.1, 2.0, size=TRUTH.shape)
SETS = rng.uniform(size=(2, 4, 20, 5)) < np.array([0.5, 0.4, 0.3, 0.2, 0.0])


def that_take(option):
    return [n for n in NAMES if option in signature(getattr(costfn, n)).parameters]


CHOSEN_TOO, WEIGHED_TOO = that_take("classes"), that_take("class_weight")
CLASS_WEIGHT = (0.5, 2.0, 1.0, 0.0, 3.0)


def as_tensors(*arrays):
    return tuple(torch.as_tensor(x) for x in arrays)


def zero_divisions(name):
    return (0.0, 1.0) if name == "jaccard" else (0.0, 1.0, nan)


@pytest.mark.parametrize("average", ["macro", "weighted", "micro", None])
@pytest.mark.parametrize("name", THEIRS)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
def test_a_choice_as_scikit_learn_has_it(name, average):
    for truth, decided, weight in zip(TRUTH, DECIDED, SAMPLE_WEIGHT, strict=True):
        a, y, w = as_tensors(decided, truth, weight)
        table = costfn.counts(a, y, classes=5, sample_weight=w)
        for classes in CHOICES:
            for zero_division in zero_divisions(name):
                found = getattr(metrics, name)(
                    table, average=average, classes=classes, zero_division=zero_division
                )
                right = THEIRS[name](
                    truth,
                    decided,
                    labels=classes,
                    average=average,
                    zero_division=zero_division,
                    sample_weight=weight,
                )
                np.testing.assert_allclose(found, right, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("average", ["macro", "weighted", "micro", None])
@pytest.mark.parametrize("name", THEIRS)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
def test_a_choice_of_several_labels_as_scikit_learn_has_it(name, average):
    for truth, decided in zip(*SETS, strict=True):
        a, y = as_tensors(decided, truth.astype(int))
        table = costfn.counts(a, y, task="multilabel")
        for classes in CHOICES:
            for zero_division in zero_divisions(name):
                options = {"average": average, "zero_division": zero_division}
                found = getattr(metrics, name)(table, classes=classes, **options)
                right = THEIRS[name](truth, decided, labels=classes, **options)
                np.testing.assert_allclose(found, right, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", AVERAGED)
def test_a_class_weight_is_that_of_a_weighted_mean(name):
    metric = getattr(metrics, name.removesuffix("_loss"))
    a, y = as_tensors(DECIDED[0], TRUTH[0])
    table = costfn.counts(a, y, classes=5)
    each = metric(table, average=None).numpy()
    sizes = table.actual.numpy()
    for chosen in (None, [1, 2, 4]):
        k = range(5) if chosen is None else chosen
        weight = np.array(CLASS_WEIGHT)[k]
        found = metric(table, classes=chosen, class_weight=CLASS_WEIGHT)
        right = np.average(each[k], weights=weight)
        assert found.item() == pytest.approx(right, rel=1e-12)
        found = metric(
            table, average="weighted", classes=chosen, class_weight=CLASS_WEIGHT
        )
        right = np.average(each[k], weights=weight * sizes[k])
        assert found.item() == pytest.approx(right, rel=1e-12)


FIVE = [p for p in PROBLEMS if p.width == 5] + [
    p for p in PROBLEMS if p.task == "multilabel"
]


def check(name, problem, relaxation="sigmoid", **options):
    ours, formula = RELAXATIONS[relaxation]

    def of_library(z):
        return getattr(costfn, name)(
            z,
            problem.target,
            **options,
            task=problem.task,
            relaxation=ours,
            sample_weight=problem.weight,
        )

    def of_cells(z):
        return problem.by_cells(name, problem.memberships(z, formula), **options)

    expected = value_and_gradient(of_cells, problem.logits)
    close(value_and_gradient(of_library, problem.logits), expected)


@pytest.mark.parametrize("problem", FIVE, ids=repr)
@pytest.mark.parametrize("name", CHOSEN_TOO)
def test_a_choice_in_the_losses(name, problem):
    averages = ("macro", "weighted", "micro", None) if name in AVERAGED else ("",)
    for classes in ([1, 2], [2, 0], [1]):
        for average in averages:
            options = {"average": average} if average != "" else {}
            check(name, problem, classes=classes, **options)


@pytest.mark.parametrize("problem", FIVE, ids=repr)
@pytest.mark.parametrize("name", WEIGHED_TOO)
def test_a_class_weight_in_the_losses(name, problem):
    weight = list(CLASS_WEIGHT[: problem.width])
    averages = ("macro", "weighted") if name in AVERAGED else ("",)
    for average in averages:
        options = {"average": average} if average != "" else {}
        check(name, problem, class_weight=weight, **options)
        check(name, problem, class_weight=weight, classes=[0, 2], **options)


def test_all_that_average_over_classes_let_them_be_chosen():
    both = {*AVERAGED, "balanced_accuracy_loss", "g_mean_loss"}
    assert set(WEIGHED_TOO) == both
    assert set(CHOSEN_TOO) == {*both, "generalized_dice_loss"}


def test_a_mean_without_the_background_by_hand():
    """Truth 0 0 1 1 2, decisions 0 1 1 0 2: F1 is 1/2, 1/2 and 1."""
    y, a = torch.tensor([0, 0, 1, 1, 2]), torch.tensor([0, 1, 1, 0, 2])
    table = costfn.counts(a, y, classes=3)
    assert metrics.f_beta(table, classes=[1, 2]).item() == 0.75
    # TP 1 + 1, FP 1 + 0, FN 1 + 0.
    micro = metrics.f_beta(table, classes=[1, 2], average="micro")
    assert micro.item() == pytest.approx(4 / 6)
    weighed = metrics.f_beta(table, class_weight=[0, 3, 1])
    assert weighed.item() == pytest.approx((3 * 0.5 + 1) / 4)
    assert metrics.f_beta(table, classes=[2, 0], average=None).tolist() == [1, 0.5]


def test_the_gradient_does_not_reach_a_class_that_is_left_out():
    problem = FIVE[0]
    relaxation = RELAXATIONS["sigmoid"][0]
    z = problem.logits.clone().requires_grad_()
    costfn.dice_loss(
        z, problem.target, classes=[1, 2], relaxation=relaxation
    ).backward()
    assert (z.grad[:, [0, 3, 4]] == 0).all()
    assert (z.grad[:, [1, 2]] != 0).any()


def test_a_class_weight_can_be_learned():
    problem = FIVE[0]
    weight = torch.nn.Parameter(torch.tensor([1.0, 2, 1, 1, 3], dtype=Q))

    def loss(w):
        return costfn.jaccard_loss(problem.logits, problem.target, class_weight=w)

    loss(weight).backward()
    step = 1e-6 * torch.eye(5, dtype=Q)
    for k in range(5):
        ends = [loss((weight + s * step[k]).detach()) for s in (1, -1)]
        slope = (ends[0] - ends[1]).item() / 2e-6
        assert weight.grad[k].item() == pytest.approx(slope, abs=1e-9)


@pytest.mark.parametrize("classes", [[1], [2, 0], [0, 1, 2]])
def test_a_choice_of_lovasz(classes):
    """The mean of the extension over the chosen classes that are present."""
    z = PROBLEMS[2].logits
    labels = PROBLEMS[2].target % 2
    q = exact(torch.eye(3)[labels].numpy())
    errors = abs(q - textbook_metrics.memberships(exact(z.numpy())))
    each = [
        textbook_metrics.lovasz_extension(errors[:, k], q[:, k])
        for k in classes
        if k < 2
    ]
    found = costfn.lovasz_softmax_loss(z, labels, classes=classes)
    assert found.item() == pytest.approx(float(sum(each) / len(each)), rel=1e-12)


Z, Y = PROBLEMS[2].logits, PROBLEMS[2].target
dice, balanced = costfn.dice_loss, costfn.balanced_accuracy_loss
REFUSED = {
    "micro and weights": (
        dice,
        {"average": "micro", "classes": [1], "class_weight": [1, 1, 1]},
    ),
    "None and weights": (dice, {"average": None, "class_weight": [1, 1, 1]}),
    "micro over all": (dice, {"average": "micro", "classes": [0, 1, 2]}),
    "no class": (dice, {"classes": []}),
    "a class twice": (dice, {"classes": [1, 1]}),
    "class 3 of 3": (dice, {"classes": [0, 3]}),
    "class -1": (dice, {"classes": [-1]}),
    "half a class": (dice, {"classes": [0.5]}),
    "NaN for a class": (dice, {"classes": [nan]}),
    "rows of classes": (dice, {"classes": torch.tensor([[0, 1]])}),
    "a class of balanced accuracy": (balanced, {"classes": [5]}),
    "a weight too many": (dice, {"class_weight": [1, 1, 1, 1]}),
    "a weight below 0": (dice, {"class_weight": [1, -1, 1]}),
    "a weight of NaN": (dice, {"class_weight": [1, nan, 1]}),
    "a weight for all": (dice, {"class_weight": 2.0}),
    "a weight of balanced accuracy": (balanced, {"class_weight": [1, 1]}),
}


@pytest.mark.unchecked
@pytest.mark.parametrize("case", REFUSED)
def test_what_makes_no_sense_is_refused_by_name(case):
    loss, options = REFUSED[case]
    with pytest.raises(ValueError, match=r"^(classes|class_weight|average) must"):
        loss(Z, Y, **options)


@pytest.mark.unchecked
@pytest.mark.parametrize(
    "options",
    [
        {"classes": "12"},
        {"classes": 1},
        {"classes": [True, False]},
        {"classes": ["cat"]},
        {"class_weight": "111"},
        {"class_weight": ["a", "b", "c"]},
    ],
    ids=str,
)
def test_what_is_no_number_is_refused_by_name(options):
    with pytest.raises(TypeError, match=r"^(classes|class_weight) must"):
        dice(Z, Y, **options)


@pytest.mark.parametrize("name", WEIGHED_TOO)
@pytest.mark.parametrize("bad", [-1.0, nan, inf])
def test_a_class_weight_that_cannot_be_seen_makes_nan(name, bad):
    weight = torch.tensor([1.0, bad, 2.0], dtype=Q)
    with patch("costfn._foundation.check.readable_values", lambda values: None):
        value, slope = value_and_gradient(
            lambda z: getattr(costfn, name)(z, Y, class_weight=weight), Z
        )
    assert value.isnan()
    assert slope.isnan().any()


@pytest.mark.unchecked
def test_choices_that_need_other_tasks_are_refused():
    z, y = Z[:, 0], (Y > 1).long()
    with pytest.raises(ValueError, match=r"^classes must be None .*'binary'"):
        dice(z, y, task="binary", average="binary", classes=[1])
    with pytest.raises(ValueError, match=r"^class_weight must be None .*'binary'"):
        dice(z, y, task="binary", average="binary", class_weight=[1, 1])
    sets = torch.eye(3, dtype=torch.long)[Y]
    for weight in (None, torch.ones(len(Z))):
        with pytest.raises(ValueError, match=r"^class_weight must be None .*'samples'"):
            dice(
                Z,
                sets,
                task="multilabel",
                average="samples",
                class_weight=[1, 1, 1],
                sample_weight=weight,
            )

"""Metrics of the whole table against scikit-learn, or a composition of its scores."""

from functools import partial
from math import nan

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

import costfn
from costfn import metrics
from costfn.relaxations import straight_through
from problems import Problem, edges, problems, quietly, same, tables, tensors

# Sums of these are exact. With rounded sums, scikit-learn misses 0/0 in the MCC.
DYADIC = (0.25, 0.5, 1.0, 3.0)


def accuracy(problem, division):
    return sk.accuracy_score(*problem[:2], sample_weight=problem.weight)


def balanced(problem, division):
    recalls = present_recalls(problem)
    score = quietly(sk.recall_score, *problem[:2], **recalls, average="macro")
    return score


def present_recalls(problem):
    return {
        "labels": sorted({*problem.truth}),
        "sample_weight": problem.weight,
    }


def adjusted(problem, division):
    present = len({*problem.truth})
    if present == 1:
        return division
    return (balanced(problem, division) - 1 / present) / (1 - 1 / present)


def geometric_mean(problem, division):
    recalls = quietly(
        sk.recall_score, *problem[:2], **present_recalls(problem), average=None
    )
    return np.prod(recalls) ** (1 / len(recalls))


def correlation(problem, division):
    truth, decided = problem[:2]
    if len({*truth}) == 1 or len({*decided}) == 1:
        return division
    return sk.matthews_corrcoef(truth, decided, sample_weight=problem.weight)


def kappa(problem, division, weights=None):
    if len({*problem.truth, *problem.decided}) == 1:
        return division  # scikit-learn compares a sum that rounds with 0
    return quietly(
        sk.cohen_kappa_score,
        *problem[:2],
        labels=[*range(problem.classes)],
        weights=weights,
        sample_weight=problem.weight,
        replace_undefined_by=division,
    )


ROWS = [
    ("accuracy", {}, accuracy),
    ("balanced_accuracy", {}, balanced),
    ("balanced_accuracy", {"adjusted": True}, adjusted),
    ("g_mean", {}, geometric_mean),
    ("mcc", {}, correlation),
    ("cohen_kappa", {}, kappa),
    ("cohen_kappa", {"weights": "linear"}, partial(kappa, weights="linear")),
    ("cohen_kappa", {"weights": "quadratic"}, partial(kappa, weights="quadratic")),
    ("hss", {}, kappa),
]
rows = pytest.mark.parametrize(
    "name, options, score",
    ROWS,
    ids=["-".join([name, *map(str, options.values())]) for name, options, _ in ROWS],
)


def agree(name, options, score, problem):
    y, d, w = tensors(problem)
    logits = 3 * torch.eye(problem.classes, dtype=torch.float64)[d] - 1
    for division in (0.0, 1.0, nan):
        metric = partial(getattr(metrics, name), zero_division=division, **options)
        expected = score(problem, division)
        for table in tables(problem):
            if "weights" in options and isinstance(table, costfn.Counts):
                with pytest.raises(ValueError, match=r"^table must be a confusion mat"):
                    metric(table)
            else:
                same(metric(table), expected)
        loss = getattr(costfn, f"{name}_loss")(
            logits,
            y,
            relaxation=straight_through(),
            sample_weight=w,
            zero_division=division,
            **options,
        )
        same(loss, np.nan_to_num(1 - np.array(expected)))


@rows
@given(problem=problems(weights=DYADIC))
def test_of_random_decisions(name, options, score, problem):
    agree(name, options, score, problem)


@rows
@edges
def test_at_the_edges(name, options, score, problem):
    agree(name, options, score, problem)


@rows
@given(problem=problems())
def test_weights_whose_sums_round_leave_it_a_number(name, options, score, problem):
    for table in tables(problem):
        if "weights" in options and isinstance(table, costfn.Counts):
            continue
        value = getattr(metrics, name)(table, zero_division=0.0, **options)
        assert -1 - 1e-12 <= value <= 1 + 1e-12


@given(problem=problems(), adjust=st.booleans())
def test_balanced_accuracy_as_scikit_learn_names_it(problem, adjust):
    present = sorted({*problem.truth})
    if len(present) == 1 or {*problem.decided} - {*present}:
        return  # undefined, or scikit-learn warns of classes that are never true
    expected = sk.balanced_accuracy_score(
        *problem[:2], sample_weight=problem.weight, adjusted=adjust
    )
    same(metrics.balanced_accuracy(next(tables(problem)), adjusted=adjust), expected)


@given(problem=problems(several=True))
def test_accuracy_of_several_labels_is_one_less_the_hamming_loss(problem):
    y, d, w = tensors(problem)
    found = costfn.counts(d, y, task="multilabel", sample_weight=w)
    truth, decided = np.array(problem.truth), np.array(problem.decided)
    same(
        1 - metrics.accuracy(found),
        sk.hamming_loss(truth, decided, sample_weight=problem.weight),
    )


@pytest.mark.parametrize("name", ["mcc", "cohen_kappa", "hss"])
def test_refused_for_several_labels_per_example(name):
    found = costfn.counts(torch.eye(3), torch.eye(3), task="multilabel")
    with pytest.raises(ValueError, match=r"^table must be of examples with one class"):
        getattr(metrics, name)(found)


@pytest.mark.parametrize("zero_division", [0.0, 1.0, nan])
@pytest.mark.parametrize("name", [name for name, options, _ in ROWS if not options])
def test_without_examples_it_is_zero_division(name, zero_division):
    none = torch.zeros(3, 3, dtype=torch.float64)
    same(getattr(metrics, name)(none, zero_division=zero_division), zero_division)


@pytest.mark.parametrize("name", [name for name, options, _ in ROWS if not options])
def test_zero_division_is_0_1_or_nan(name):
    with pytest.raises(
        ValueError, match=r"^zero_division must be 0, 1 or nan, got 0.5"
    ):
        getattr(metrics, name)(torch.eye(3), zero_division=0.5)


@rows
def test_many_tables_at_once(name, options, score):
    matrices = torch.tensor(
        [[[3.0, 1, 0], [2, 4, 1], [0, 0, 2]], [[1, 0, 0], [0, 1, 5], [2, 2, 2]]]
    ).double()
    metric = partial(getattr(metrics, name), **options)
    each = [metric(matrix) for matrix in matrices]
    torch.testing.assert_close(metric(matrices), torch.stack(each), rtol=0, atol=0)


COST = torch.tensor([[0.0, 1.0, 4.0], [2.0, 0.5, 1.0], [5.0, 3.0, 0.0]]).double()


@given(problem=problems(classes=(3,)))
def test_metrics_of_costs_by_example(problem):
    matrix = [*tables(problem)][1]
    truth, decided = np.array(problem.truth), np.array(problem.decided)
    weight = np.ones(len(truth)) if problem.weight is None else problem.weight
    cost = COST.numpy()

    def mean(costs):
        return np.average(costs, weights=weight)

    paid = mean(cost[truth, decided])
    constant = min(mean(cost[truth, j]) for j in range(3))
    relative = paid / constant if constant > 0 else 0.0
    same(metrics.expected_cost(matrix, COST), paid)
    same(metrics.regret(matrix, COST), paid - mean(cost.min(-1)[truth]))
    same(metrics.normalized_cost(matrix, COST), relative)
    same(metrics.savings(matrix, COST), 1 - relative)


def test_costs_read_rows_as_truth():
    truth_0_decided_2 = torch.zeros(3, 3).double()
    truth_0_decided_2[0, 2] = 7.0
    assert metrics.expected_cost(truth_0_decided_2, COST) == 4.0
    one = Problem([0], [2], 3)
    same([*tables(one)][1], truth_0_decided_2 / 7)

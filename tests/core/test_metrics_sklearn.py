"""Metrics of hard decisions equal scikit-learn's, for every combination of options."""

from functools import cache, partial
from itertools import product
from math import nan
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

import costfn
from costfn import metrics
from costfn.relaxations import straight_through
from problems import edges, problems, quietly, same, tables, tensors

AVERAGES = ("micro", "macro", "weighted", None)
ABSENT = ("keep", "drop", "drop_unseen")


@cache
def of_one_class(score, y, p, w, pos_label):
    arrays = (np.frombuffer(x, np.int64) for x in (y, p))
    weight = None if w is None else np.frombuffer(w)
    options = {"pos_label": pos_label, "zero_division": nan, "sample_weight": weight}
    return quietly(score, *arrays, **options)


def recall(y, p, w, pos_label=1):
    weight = None if w is None else w.tobytes()
    return of_one_class(sk.recall_score, y.tobytes(), p.tobytes(), weight, pos_label)


def precision(y, p, w, pos_label=1):
    return recall(p, y, w, pos_label)


def composed(formula):
    """A score with scikit-learn's options, from a formula for one class."""

    def score(truth, decided, *, average, zero_division, labels=None, sample_weight):
        y, p = (indicators(x, labels) for x in (truth, decided))
        w = np.ones(len(y)) if sample_weight is None else np.array(sample_weight)

        def one(*arguments):
            value = formula(*arguments)
            return zero_division if np.isnan(value) else value

        if average == "micro":
            return one(y.ravel(), p.ravel(), w.repeat(y.shape[1]))
        if average == "binary":
            return one(y[:, -1], p[:, -1], w)
        if average == "samples":
            values = [one(a, b, None) for a, b in zip(y, p, strict=True)]
            weights = w
        else:
            values = [one(a, b, w) for a, b in zip(y.T, p.T, strict=True)]
            weights = w @ y if average == "weighted" else np.ones(len(values))
        values = np.array(values)
        if average is None:
            return values
        defined = ~np.isnan(values)
        if not defined.any():
            return nan
        weights = weights[defined] if weights[defined].any() else None
        return np.average(values[defined], weights=weights)

    return score


def indicators(values, labels):
    values = np.array(values)
    if values.ndim == 2:
        return values
    return (values[:, None] == np.array(labels)).astype(int)


class Row(NamedTuple):
    ours: str
    options: dict[str, Any]
    score: Any
    divisions: tuple[float, ...] = (0.0, 1.0, nan)


def f_score(beta):
    return partial(sk.fbeta_score, beta=beta)


ROWS = [
    Row("precision", {}, sk.precision_score),
    Row("recall", {}, sk.recall_score),
    Row("f_beta", {}, sk.f1_score),
    Row("f_beta", {"beta": 2.0}, f_score(2.0)),
    Row("dice", {}, sk.f1_score),
    Row("tversky", {"alpha": 0.2, "beta": 0.8}, f_score(2.0)),
    Row("focal_tversky", {"alpha": 0.8, "beta": 0.2, "gamma": 1.0}, f_score(0.5)),
    Row("jaccard", {}, sk.jaccard_score, (0.0, 1.0)),
    Row("tversky", {"alpha": 1.0, "beta": 1.0}, sk.jaccard_score, (0.0, 1.0)),
    Row("specificity", {}, composed(partial(recall, pos_label=0))),
    Row("informedness", {}, composed(lambda *x: recall(*x) + recall(*x, 0) - 1)),
    Row("markedness", {}, composed(lambda *x: precision(*x) + precision(*x, 0) - 1)),
    Row(
        "fowlkes_mallows", {}, composed(lambda *x: np.sqrt(precision(*x) * recall(*x)))
    ),
]
rows = pytest.mark.parametrize(
    "row", ROWS, ids=lambda row: "-".join([row.ours, *map(str, row.options.values())])
)


def agree(row, problem, average, division, absent, found):
    truth, decided, k, weight = problem
    labels = {
        "keep": [*range(k)],
        "drop": sorted({*truth}),
        "drop_unseen": sorted({*truth, *decided}),
    }[absent]
    options = {"average": average, "zero_division": division}
    expected = quietly(
        row.score,
        truth,
        decided,
        labels=[0, 1] if average == "binary" else labels,
        sample_weight=weight,
        **options,
    )
    if average is None:
        kept, expected = expected, np.full(k, nan)
        expected[labels] = kept
    for table in found:
        metric = getattr(metrics, row.ours)
        same(metric(table, absent=absent, **options, **row.options), expected)


@rows
@given(problem=problems(), data=st.data())
def test_one_label_per_example(row, problem, data):
    averages = (*AVERAGES, "binary") if problem.classes == 2 else AVERAGES
    chosen = (averages, row.divisions, ABSENT)
    options = data.draw(st.tuples(*map(st.sampled_from, chosen)))
    agree(row, problem, *options, tables(problem))


# The others are these with other weights, so random combinations are enough.
DISTINCT = [row for row in ROWS if row.ours not in ("dice", "tversky", "focal_tversky")]


@pytest.mark.parametrize("row", DISTINCT, ids=lambda row: f"{row.ours}{row.options}")
@edges
def test_every_combination_at_the_edges(row, problem):
    averages = (*AVERAGES, "binary") if problem.classes == 2 else AVERAGES
    found = [*tables(problem)][:1]
    for options in product(averages, row.divisions, ABSENT):
        agree(row, problem, *options, found)


@rows
@given(problem=problems(several=True), data=st.data())
def test_several_labels_per_example(row, problem, data):
    y, d, w = tensors(problem)
    average = data.draw(st.sampled_from((*AVERAGES, "samples")))
    division = data.draw(st.sampled_from(row.divisions))
    options = {"average": average, "zero_division": division}
    decided = (d, d == 1, d.double())
    found = [costfn.counts(x, y, task="multilabel", sample_weight=w) for x in decided]
    if average == "samples":
        of_each = costfn.counts(d.T, y.T, task="multilabel")
        each = torch.ones(len(y)).double() if w is None else w
        found = [costfn.Counts(*(each * x for x in of_each))]
    expected = of_several(row, problem, **options)
    for table in found:
        same(getattr(metrics, row.ours)(table, **options, **row.options), expected)
    loss = getattr(costfn, f"{row.ours}_loss")(
        2.0 * d.double() - 1,
        y,
        task="multilabel",
        relaxation=straight_through(),
        sample_weight=w,
        **options,
        **row.options,
    )
    same(loss, np.nan_to_num(1 - np.array(expected)))


def of_several(row, problem, **options):
    truth, decided = np.array(problem.truth), np.array(problem.decided)
    weight = problem.weight
    return quietly(row.score, truth, decided, sample_weight=weight, **options)


@rows
@given(problem=problems(), data=st.data())
def test_losses_of_straight_through_decisions(row, problem, data):
    """The loss is one minus the metric, and 0 where the metric is undefined."""
    y, d, w = tensors(problem)
    options = {
        "average": data.draw(st.sampled_from(("macro", "weighted", None))),
        "zero_division": data.draw(st.sampled_from(row.divisions)),
    }
    expected = quietly(
        row.score,
        problem.truth,
        problem.decided,
        labels=[*range(problem.classes)],
        sample_weight=problem.weight,
        **options,
    )
    loss = getattr(costfn, f"{row.ours}_loss")(
        3 * torch.eye(problem.classes, dtype=torch.float64)[d] - 1,
        y,
        relaxation=straight_through(),
        sample_weight=w,
        **options,
        **row.options,
    )
    same(loss, np.nan_to_num(1 - np.array(expected)))

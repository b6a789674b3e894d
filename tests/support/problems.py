"""Hard decisions, random and edge cases, for metrics that scikit-learn has too."""

import warnings
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import strategies as st
from sklearn.exceptions import UndefinedMetricWarning

import costfn

# Not dyadic: their sums round, and 0/0 must be detected nevertheless.
WEIGHTS = (0.1, 0.2, 0.3, 0.7, 1.0, 2.5)


def quietly(score, *arguments, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        return score(*arguments, **options)


class Problem(NamedTuple):
    """Labels in [0, classes), or lists of 0 and 1, with a weight per example."""

    truth: list[Any]
    decided: list[Any]
    classes: int
    weight: list[float] | None = None


@st.composite
def problems(draw, classes=(2, 3, 4), weights=WEIGHTS, several=False):
    k, n = draw(st.sampled_from(classes)), draw(st.integers(1, 8))
    one = st.lists(st.integers(0, 1), min_size=k, max_size=k)
    each = st.lists(one if several else st.integers(0, k - 1), min_size=n, max_size=n)
    weight = st.lists(st.sampled_from(weights), min_size=n, max_size=n)
    return Problem(draw(each), draw(each), k, draw(st.none() | weight))


EDGES = {
    "empty class": Problem([0, 0, 2, 2], [0, 2, 2, 0], 3),
    "class only decided": Problem([0, 0, 2, 2], [0, 1, 2, 1], 3),
    "class never decided": Problem([0, 1, 2, 1], [0, 0, 2, 2], 3),
    "one class": Problem([1, 1, 1], [1, 1, 1], 3, [0.1, 0.2, 0.3]),
    "one class, all wrong": Problem([1, 1, 1], [0, 2, 0], 3, [0.1, 0.7, 0.3]),
    "one example": Problem([1], [0], 2),
    "all right": Problem([0, 1, 2, 1], [0, 1, 2, 1], 3, [0.1, 0.2, 0.3, 0.7]),
    "all wrong": Problem([0, 1, 2, 1], [1, 2, 0, 0], 3, [0.1, 0.2, 0.3, 0.7]),
    "inverted": Problem([0, 1, 0, 1], [1, 0, 1, 0], 2, [0.1, 0.2, 0.3, 0.7]),
    "one class, sums that round": Problem(
        [0, 0, 0, 0, 0, 0], [2, 2, 0, 1, 2, 0], 3, [0.2, 0.7, 0.1, 0.1, 0.1, 0.1]
    ),
    "only negatives": Problem([0, 0, 0], [0, 1, 0], 2, [0.1, 0.2, 0.3]),
    "only positives": Problem([1, 1, 1], [0, 1, 0], 2, [0.1, 0.2, 0.3]),
}
edges = pytest.mark.parametrize("problem", EDGES.values(), ids=EDGES)


def tensors(problem):
    weight = problem.weight
    return (
        torch.tensor(problem.truth),
        torch.tensor(problem.decided),
        None if weight is None else torch.tensor(weight, dtype=torch.float64),
    )


def tables(problem):
    """The same hard decisions, counted in every possible way."""
    y, d, w = tensors(problem)
    hot = torch.eye(problem.classes, dtype=torch.float64)
    by_label = partial(costfn.counts, classes=problem.classes, sample_weight=w)
    yield by_label(d, y)
    yield costfn.confusion_matrix(d, y, classes=problem.classes, sample_weight=w)
    yield by_label(d, hot[y])
    yield costfn.counts(hot[d], y, sample_weight=w)
    yield costfn.confusion_matrix(hot[d], hot[y], sample_weight=w)
    if problem.classes == 2:
        binary = partial(costfn.counts, task="binary", sample_weight=w)
        yield binary(d.double(), y)
        yield binary(d == 1, y.double())


def same(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-12, equal_nan=True)

"""Metrics of the whole table, that are no average over classes, in JAX."""

from math import nan
from typing import Literal, get_args

import jax.numpy as jnp
from jax import Array

from . import _check
from ._averaging import Table, as_counts, check_zero_division, each_class
from ._math import others, ratio, small

KappaWeights = Literal["linear", "quadratic"]


def accuracy(table: Table, *, zero_division: float = 0.0) -> Array:
    """Mirror of `costfn.metrics.accuracy`: the same arguments, values and errors."""
    check_zero_division(zero_division)
    c = as_counts(table)
    if c.one_label:
        return ratio(c.true_positive.sum(-1), c.total, zero_division)
    cells = each_class(c)
    right = cells.true_positive + cells.true_negative
    return ratio(right.sum(-1), c.total.sum(-1), zero_division)


def balanced_accuracy(
    table: Table, *, adjusted: bool = False, zero_division: float = nan
) -> Array:
    """Mirror of `costfn.metrics.balanced_accuracy`.

    The same arguments, values and errors.
    """
    check_zero_division(zero_division)
    c = as_counts(table)
    present = (~small(c.actual)).astype(c.actual.dtype).sum(-1)
    score = ratio(ratio(c.true_positive, c.actual).sum(-1), present, zero_division)
    if not adjusted:
        return score
    return ratio(present * score - 1, present - 1, zero_division)


def g_mean(table: Table, *, zero_division: float = 0.0) -> Array:
    """Mirror of `costfn.metrics.g_mean`: the same arguments, values and errors."""
    check_zero_division(zero_division)
    c = as_counts(table)
    absent = small(c.actual)
    recall = jnp.where(absent, 1.0, ratio(c.true_positive, c.actual))
    tiny = float(jnp.finfo(recall.dtype).tiny)
    missed = (recall <= tiny).any(-1, keepdims=True)
    logs = jnp.log(jnp.where(missed, 1.0, recall)).sum(-1)
    present = (~absent).astype(recall.dtype).sum(-1)
    found = jnp.where(missed.squeeze(-1), 0.0, jnp.exp(ratio(logs, present)))
    return jnp.where(present == 0, zero_division, found)


def mcc(table: Table, *, zero_division: float = 0.0) -> Array:
    """Mirror of `costfn.metrics.mcc`: the same arguments, values and errors."""
    check_zero_division(zero_division)
    right, actual, predicted = _shares(table)
    covariance = right.sum(-1) - (actual * predicted).sum(-1)
    variances = tuple((x * others(x)).sum(-1) for x in (actual, predicted))
    none = small(variances[0]) | small(variances[1])
    roots = (jnp.sqrt(jnp.where(none, 1.0, v)) for v in variances)
    return jnp.where(none, zero_division, covariance / next(roots) / next(roots))


def cohen_kappa(
    table: Table,
    *,
    weights: KappaWeights | None = None,
    zero_division: float = 0.0,
) -> Array:
    """Mirror of `costfn.metrics.cohen_kappa`: the same arguments, values and errors."""
    check_zero_division(zero_division)
    _check.one_of("weights", weights, (*get_args(KappaWeights), None))
    if weights is None:
        right, actual, predicted = _shares(table)
        chance = (actual * others(predicted)).sum(-1)
        by_chance = (actual * predicted).sum(-1)
        return ratio(right.sum(-1) - by_chance, chance, zero_division)
    if not isinstance(table, Array):
        raise ValueError(
            "table must be a confusion matrix where weights is given, got Counts, "
            "which do not say what was taken for what"
        )
    _, actual, predicted = _shares(table)
    rank = jnp.arange(table.shape[-1], dtype=actual.dtype)
    distance = jnp.abs(rank[:, None] - rank)
    penalty = distance if weights == "linear" else distance * distance
    total = as_counts(table).total
    shares = ratio(table.astype(actual.dtype), total[..., None, None])
    expected = actual[..., None] * predicted[..., None, :]
    observed = (penalty * shares).sum((-2, -1))
    return 1 - ratio(observed, (penalty * expected).sum((-2, -1)), 1 - zero_division)


def hss(table: Table, *, zero_division: float = 0.0) -> Array:
    """Mirror of `costfn.metrics.hss`: the same arguments, values and errors."""
    return cohen_kappa(table, zero_division=zero_division)


def _shares(table: Table) -> tuple[Array, Array, Array]:
    """True positives, truth and decisions of each class as shares of the total."""
    if not as_counts(table).one_label:
        raise ValueError(
            "table must be of examples with one class each, got one of several labels; "
            "take each label's as binary counts"
        )
    c = as_counts(table)
    total = c.total[..., None]
    return (
        ratio(c.true_positive, total),
        ratio(c.actual, total),
        ratio(c.predicted, total),
    )

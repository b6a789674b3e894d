"""Metrics of the whole table, that are no average over classes, in JAX."""

from collections.abc import Sequence
from math import nan
from typing import Literal, get_args

import jax.numpy as jnp
from jax import Array

from .._foundation import check
from .._foundation.arrays import ArrayLike, as_array
from .._foundation.counts import Counts
from .._foundation.math import others, ratio, small
from .averaging import (
    Table,
    as_counts,
    check_zero_division,
    chosen_classes,
    class_weights,
    each_class,
)

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
    table: Table,
    *,
    adjusted: bool = False,
    zero_division: float = nan,
    classes: Sequence[int] | None = None,
    class_weight: Array | ArrayLike | None = None,
) -> Array:
    """Mirror of `costfn.metrics.balanced_accuracy`.

    The same arguments, values and errors.
    """
    check_zero_division(zero_division)
    hits, actual, weight = _chosen(table, classes, class_weight)
    some = (~small(actual)).astype(actual.dtype)
    weight = some * weight
    amount = weight.sum(-1)
    score = ratio((weight * ratio(hits, actual)).sum(-1), amount, zero_division)
    if not adjusted:
        return score
    present = some.sum(-1)
    return ratio(present * score - 1, present - 1, zero_division)


def _chosen(
    table: Table,
    classes: Sequence[int] | None,
    class_weight: Array | ArrayLike | None,
) -> tuple[Array, Array, Array]:
    """True positives, true examples and weight of the classes that are to count."""
    c = as_counts(table)
    weight = class_weights(class_weight, "macro", c.actual)
    weight = jnp.ones_like(c.actual[..., :1]) if weight is None else weight
    weight = jnp.broadcast_to(weight, c.actual.shape)
    found = (c.true_positive, c.actual, weight)
    if classes is None:
        return found
    index = chosen_classes(classes, "macro", c.actual)
    return found[0][..., index], found[1][..., index], found[2][..., index]


def g_mean(
    table: Table,
    *,
    zero_division: float = 0.0,
    classes: Sequence[int] | None = None,
    class_weight: Array | ArrayLike | None = None,
) -> Array:
    """Mirror of `costfn.metrics.g_mean`: the same arguments, values and errors."""
    check_zero_division(zero_division)
    hits, actual, weight = _chosen(table, classes, class_weight)
    weight = jnp.where(small(actual), 0.0, weight)
    recall = jnp.where(weight == 0, 1.0, ratio(hits, actual))
    tiny = float(jnp.finfo(recall.dtype).tiny)
    missed = (recall <= tiny).any(-1, keepdims=True)
    logs = (weight * jnp.log(jnp.where(missed, 1.0, recall))).sum(-1)
    amount = weight.sum(-1)
    found = jnp.where(missed.squeeze(-1), 0.0, jnp.exp(ratio(logs, amount)))
    return jnp.where(amount == 0, zero_division, found)


def mcc(table: Table, *, zero_division: float = 0.0) -> Array:
    """Mirror of `costfn.metrics.mcc`: the same arguments, values and errors."""
    check_zero_division(zero_division)
    covariance, actual, predicted, unpredicted = _shares(table)
    # Not `others(predicted)`: memberships need not sum to 1.
    variances = (actual * others(actual)).sum(-1), (predicted * unpredicted).sum(-1)
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
    check.one_of("weights", weights, (*get_args(KappaWeights), None))
    if weights is None:
        covariance, actual, _, unpredicted = _shares(table)
        chance = (actual * unpredicted).sum(-1)
        return ratio(covariance, chance, zero_division)
    if isinstance(table, Counts):
        raise ValueError(
            "table must be a confusion matrix where weights is given, got Counts, "
            "which do not say what was taken for what"
        )
    table = as_array("table", table)
    _, actual, predicted, _ = _shares(table)
    rank = jnp.ones_like(actual).cumsum(-1)
    distance = jnp.abs(rank[..., None] - rank[..., None, :])
    penalty = distance if weights == "linear" else distance * distance
    total = as_counts(table).total
    shares = ratio(table.astype(actual.dtype), total[..., None, None])
    expected = actual[..., None] * predicted[..., None, :]
    # Cell by cell, so that nothing is left where the two are the same.
    gain = (penalty * (expected - shares)).sum((-2, -1))
    return ratio(gain, (penalty * expected).sum((-2, -1)), zero_division)


def hss(table: Table, *, zero_division: float = 0.0) -> Array:
    """Mirror of `costfn.metrics.hss`: the same arguments, values and errors."""
    return cohen_kappa(table, zero_division=zero_division)


def _shares(table: Table) -> tuple[Array, Array, Array, Array]:
    """Covariance; and shares of the total: truth, decisions for and against.

    The covariance of decisions and truth is `sum_k (TP TN - FP FN) / n**2`, which is
    `sum_k TP / n - a p` without its cancellation where all is decided alike.
    """
    c = as_counts(table)
    if not c.one_label:
        raise ValueError(
            "table must be of examples with one class each, got one of several labels; "
            "take each label's as binary counts"
        )
    cells, total = each_class(c), c.total[..., None]
    tp, fp, fn, tn = (
        ratio(x, total)
        for x in (
            cells.true_positive,
            cells.false_positive,
            cells.false_negative,
            cells.true_negative,
        )
    )
    return (
        (tp * tn - fp * fn).sum(-1),
        ratio(cells.actual, total),
        ratio(cells.predicted, total),
        ratio(cells.unpredicted, total),
    )

"""Agreement of decisions and truth beyond chance, in JAX: Matthews, Cohen, Heidke."""

from typing import Literal, Unpack, get_args

import jax.numpy as jnp
from jax import Array

from .._foundation import check
from .._foundation.arrays import as_array
from .._foundation.counts import Counts
from .._foundation.math import ratio, small, sum_of_others
from .._foundation.types import AnyTarget, BatchLoss, Scores
from .averaging import Table, as_counts, check_zero_division
from .batch_loss import Counting, one_minus

KappaWeights = Literal["linear", "quadratic"]


def mcc(table: Table, *, zero_division: float = 0.0) -> Array:
    """Mirror of `costfn.metrics.mcc`: the same arguments, values and errors."""
    check_zero_division(zero_division)
    covariance, actual, predicted, unpredicted = _shares(table)
    of_truth = (actual * sum_of_others(actual)).sum(-1)
    # Not `sum_of_others(predicted)`: memberships need not sum to 1.
    of_decisions = (predicted * unpredicted).sum(-1)
    none = small(of_truth) | small(of_decisions)
    roots = (jnp.sqrt(jnp.where(none, 1.0, v)) for v in (of_truth, of_decisions))
    return jnp.where(none, zero_division, covariance / next(roots) / next(roots))


def mcc_loss(
    logits: Scores,
    target: AnyTarget,
    *,
    zero_division: float = 0.0,
    **counting: Unpack[Counting],
) -> BatchLoss:
    """Mirror of `costfn.mcc_loss`: the same arguments, values and errors."""
    return one_minus(logits, target, counting, mcc, zero_division=zero_division)


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
        return ratio(covariance, (actual * unpredicted).sum(-1), zero_division)
    if isinstance(table, Counts):
        raise ValueError(
            "table must be a confusion matrix where weights is given, got Counts, "
            "which do not say which class was decided for which"
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


def cohen_kappa_loss(
    logits: Scores,
    target: AnyTarget,
    *,
    weights: KappaWeights | None = None,
    zero_division: float = 0.0,
    **counting: Unpack[Counting],
) -> BatchLoss:
    """Mirror of `costfn.cohen_kappa_loss`: the same arguments, values and errors."""
    return one_minus(
        logits,
        target,
        counting,
        cohen_kappa,
        "matrix" if weights else "counts",
        weights=weights,
        zero_division=zero_division,
    )


def hss(table: Table, *, zero_division: float = 0.0) -> Array:
    """Mirror of `costfn.metrics.hss`: the same arguments, values and errors."""
    return cohen_kappa(table, zero_division=zero_division)


def hss_loss(
    logits: Scores,
    target: AnyTarget,
    *,
    zero_division: float = 0.0,
    **counting: Unpack[Counting],
) -> BatchLoss:
    """Mirror of `costfn.hss_loss`: the same arguments, values and errors."""
    return cohen_kappa_loss(logits, target, zero_division=zero_division, **counting)


def _shares(table: Table) -> tuple[Array, Array, Array, Array]:
    """Covariance; and shares of the total: truth, decided for a class, for others.

    The covariance of decisions and truth is `sum_k (TP TN - FP FN) / n**2`. It equals
    `sum_k TP / n - a p`, but has no cancellation where all is decided alike.
    """
    c = as_counts(table)
    if not c.one_label:
        raise ValueError(
            "table must be of examples with one class each, got one of several labels; "
            "take each label's as binary counts"
        )
    alarm, missed, rest = c.other_cells()
    total = c.total[..., None]
    tp, fp, fn, tn = (ratio(x, total) for x in (c.true_positive, alarm, missed, rest))
    return (
        (tp * tn - fp * fn).sum(-1),
        ratio(c.actual, total),
        ratio(c.predicted, total),
        ratio(missed + rest, total),
    )

"""Overlap with a weight for each kind of error, in JAX: Tversky's index."""

from collections.abc import Sequence
from typing import Unpack

import jax.numpy as jnp
from jax import Array

from .._foundation.arrays import ArrayLike
from .._foundation.options import ABOVE_ZERO, AT_LEAST_ZERO, number, typed
from .._foundation.types import AnyTarget, BatchLoss, Scores
from .averaged_loss import averaged_loss
from .averaging import (
    Absent,
    Average,
    Averaging,
    Cells,
    Quotient,
    Table,
    averaged,
    quotient,
)
from .batch_loss import Counting


def tversky(
    table: Table,
    *,
    alpha: float | Array = 0.5,
    beta: float | Array = 0.5,
    smooth: float | Array = 0.0,
    average: Average | None = "macro",
    zero_division: float = 0.0,
    absent: Absent = "keep",
    classes: Sequence[int] | None = None,
    class_weight: Array | ArrayLike | None = None,
) -> Array:
    """Mirror of `costfn.metrics.tversky`: the same arguments, values and errors."""
    averaging = Averaging(average, zero_division, absent, classes, class_weight)
    return averaged(table, averaging, _tversky, alpha, beta, smooth)


def tversky_loss(
    logits: Scores,
    target: AnyTarget,
    *,
    alpha: float | Array = 0.5,
    beta: float | Array = 0.5,
    smooth: float | Array = 0.0,
    average: Average | None = "macro",
    zero_division: float = 0.0,
    absent: Absent = "keep",
    classes: Sequence[int] | None = None,
    class_weight: Array | ArrayLike | None = None,
    **counting: Unpack[Counting],
) -> BatchLoss:
    """Mirror of `costfn.tversky_loss`: the same arguments, values and errors."""
    averaging = Averaging(average, zero_division, absent, classes, class_weight)
    options = (alpha, beta, smooth)
    return averaged_loss(logits, target, counting, averaging, _tversky, *options)


def _tversky(
    c: Cells, alpha: float | Array, beta: float | Array, smooth: float | Array
) -> Quotient:
    overlap, errors = _overlap_and_errors(c, alpha, beta, smooth)
    return quotient(overlap, overlap + errors)


def _overlap_and_errors(
    c: Cells, alpha: float | Array, beta: float | Array, smooth: float | Array
) -> tuple[Array, Array]:
    false_alarm, miss, extra = (
        typed(number(name, value, AT_LEAST_ZERO), c.actual.dtype)
        for name, value in (("alpha", alpha), ("beta", beta), ("smooth", smooth))
    )
    errors = false_alarm * c.false_positive + miss * c.false_negative
    return c.true_positive + extra, errors


def focal_tversky(
    table: Table,
    *,
    alpha: float | Array = 0.5,
    beta: float | Array = 0.5,
    gamma: float | Array = 0.75,
    smooth: float | Array = 0.0,
    average: Average | None = "macro",
    zero_division: float = 0.0,
    absent: Absent = "keep",
    classes: Sequence[int] | None = None,
    class_weight: Array | ArrayLike | None = None,
) -> Array:
    """Mirror of `costfn.metrics.focal_tversky`.

    The same arguments, values and errors.
    """
    averaging = Averaging(average, zero_division, absent, classes, class_weight)
    return averaged(table, averaging, _focal_tversky, alpha, beta, gamma, smooth)


def focal_tversky_loss(
    logits: Scores,
    target: AnyTarget,
    *,
    alpha: float | Array = 0.5,
    beta: float | Array = 0.5,
    gamma: float | Array = 0.75,
    smooth: float | Array = 0.0,
    average: Average | None = "macro",
    zero_division: float = 0.0,
    absent: Absent = "keep",
    classes: Sequence[int] | None = None,
    class_weight: Array | ArrayLike | None = None,
    **counting: Unpack[Counting],
) -> BatchLoss:
    """Mirror of `costfn.focal_tversky_loss`: the same arguments, values and errors."""
    averaging = Averaging(average, zero_division, absent, classes, class_weight)
    options = (alpha, beta, gamma, smooth)
    return averaged_loss(logits, target, counting, averaging, _focal_tversky, *options)


def _focal_tversky(
    c: Cells,
    alpha: float | Array,
    beta: float | Array,
    gamma: float | Array,
    smooth: float | Array,
) -> Quotient:
    exponent = number("gamma", gamma, ABOVE_ZERO)
    overlap, errors = _overlap_and_errors(c, alpha, beta, smooth)
    missing, defined = quotient(errors, overlap + errors)
    # Twice where: the slope of the power at 0 is infinite. NaN stays NaN.
    none = missing <= float(jnp.finfo(missing.dtype).tiny)
    power = jnp.where(none, 1.0, missing) ** typed(exponent, missing.dtype)
    return 1 - jnp.where(none, 0.0, power), defined

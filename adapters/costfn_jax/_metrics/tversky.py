"""Metrics of one class against the rest, averaged over classes, in JAX: of overlap."""

from collections.abc import Sequence

import jax.numpy as jnp
from jax import Array

from .._foundation.arrays import ArrayLike
from .._foundation.options import ABOVE_ZERO, AT_LEAST_ZERO, number, typed
from .averaging import Absent, Average, Cells, Table, averaged, quotient


def f_beta(
    table: Table,
    *,
    beta: float | Array = 1.0,
    smooth: float | Array = 0.0,
    average: Average | None = "macro",
    zero_division: float = 0.0,
    absent: Absent = "keep",
    classes: Sequence[int] | None = None,
    class_weight: Array | ArrayLike | None = None,
) -> Array:
    """Mirror of `costfn.metrics.f_beta`: the same arguments, values and errors."""
    recall_weight = number("beta", beta, ABOVE_ZERO)
    extra = number("smooth", smooth, AT_LEAST_ZERO)
    square = recall_weight * recall_weight

    def formula(c: Cells) -> tuple[Array, Array]:
        s, e = (typed(x, c.actual.dtype) for x in (square, extra))
        numerator = (1 + s) * c.true_positive + e
        return quotient(numerator, s * c.actual + c.predicted + e)

    return averaged(
        formula,
        table,
        average,
        zero_division=zero_division,
        absent=absent,
        classes=classes,
        class_weight=class_weight,
    )


def jaccard(
    table: Table,
    *,
    smooth: float | Array = 0.0,
    average: Average | None = "macro",
    zero_division: float = 0.0,
    absent: Absent = "keep",
    classes: Sequence[int] | None = None,
    class_weight: Array | ArrayLike | None = None,
) -> Array:
    """Mirror of `costfn.metrics.jaccard`: the same arguments, values and errors."""
    extra = number("smooth", smooth, AT_LEAST_ZERO)

    def formula(c: Cells) -> tuple[Array, Array]:
        union = c.predicted + c.actual - c.true_positive
        e = typed(extra, union.dtype)
        return quotient(c.true_positive + e, union + e)

    return averaged(
        formula,
        table,
        average,
        zero_division=zero_division,
        absent=absent,
        classes=classes,
        class_weight=class_weight,
    )


def dice(
    table: Table,
    *,
    smooth: float | Array = 0.0,
    average: Average | None = "macro",
    zero_division: float = 0.0,
    absent: Absent = "keep",
    classes: Sequence[int] | None = None,
    class_weight: Array | ArrayLike | None = None,
) -> Array:
    """Mirror of `costfn.metrics.dice`: the same arguments, values and errors."""
    return f_beta(
        table,
        smooth=smooth,
        average=average,
        zero_division=zero_division,
        absent=absent,
        classes=classes,
        class_weight=class_weight,
    )


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
    false_alarm = number("alpha", alpha, AT_LEAST_ZERO)
    miss = number("beta", beta, AT_LEAST_ZERO)
    extra = number("smooth", smooth, AT_LEAST_ZERO)

    def formula(c: Cells) -> tuple[Array, Array]:
        errors = _errors(c, false_alarm, miss)
        overlap = c.true_positive + typed(extra, errors.dtype)
        return quotient(overlap, overlap + errors)

    return averaged(
        formula,
        table,
        average,
        zero_division=zero_division,
        absent=absent,
        classes=classes,
        class_weight=class_weight,
    )


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
    false_alarm = number("alpha", alpha, AT_LEAST_ZERO)
    miss = number("beta", beta, AT_LEAST_ZERO)
    exponent = number("gamma", gamma, ABOVE_ZERO)
    extra = number("smooth", smooth, AT_LEAST_ZERO)

    def formula(c: Cells) -> tuple[Array, Array]:
        errors = _errors(c, false_alarm, miss)
        overlap = c.true_positive + typed(extra, errors.dtype)
        missing, defined = quotient(errors, overlap + errors)
        # Twice where: the slope of the power at 0 is infinite. NaN stays NaN.
        none = missing <= float(jnp.finfo(missing.dtype).tiny)
        power = jnp.where(none, 1.0, missing) ** typed(exponent, missing.dtype)
        return 1 - jnp.where(none, 0.0, power), defined

    return averaged(
        formula,
        table,
        average,
        zero_division=zero_division,
        absent=absent,
        classes=classes,
        class_weight=class_weight,
    )


def _errors(c: Cells, false_alarm: float | Array, miss: float | Array) -> Array:
    a, b = (typed(x, c.actual.dtype) for x in (false_alarm, miss))
    return a * c.false_positive + b * c.false_negative

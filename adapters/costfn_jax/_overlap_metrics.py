"""Metrics of one class against the rest, averaged over classes, in JAX: of overlap."""

import jax.numpy as jnp
from jax import Array

from . import _check
from ._averaging import Absent, Average, Cells, Table, averaged, quotient
from ._math import number


def f_beta(
    table: Table,
    *,
    beta: float = 1.0,
    smooth: float = 0.0,
    average: Average | None = "macro",
    zero_division: float = 0.0,
    absent: Absent = "keep",
) -> Array:
    """Mirror of `costfn.metrics.f_beta`: the same arguments, values and errors."""
    _check.positive("beta", beta)
    _check.at_least_zero("smooth", smooth)

    def formula(c: Cells) -> tuple[Array, Array]:
        dtype = c.true_positive.dtype
        square, extra = number(beta * beta, dtype), number(smooth, dtype)
        numerator = (1 + square) * c.true_positive + extra
        return quotient(numerator, square * c.actual + c.predicted + extra)

    return averaged(formula, table, average, zero_division, absent)


def jaccard(
    table: Table,
    *,
    smooth: float = 0.0,
    average: Average | None = "macro",
    zero_division: float = 0.0,
    absent: Absent = "keep",
) -> Array:
    """Mirror of `costfn.metrics.jaccard`: the same arguments, values and errors."""
    _check.at_least_zero("smooth", smooth)

    def formula(c: Cells) -> tuple[Array, Array]:
        extra = number(smooth, c.true_positive.dtype)
        union = c.predicted + c.actual - c.true_positive
        return quotient(c.true_positive + extra, union + extra)

    return averaged(formula, table, average, zero_division, absent)


def dice(
    table: Table,
    *,
    smooth: float = 0.0,
    average: Average | None = "macro",
    zero_division: float = 0.0,
    absent: Absent = "keep",
) -> Array:
    """Mirror of `costfn.metrics.dice`: the same arguments, values and errors."""
    return f_beta(
        table,
        smooth=smooth,
        average=average,
        zero_division=zero_division,
        absent=absent,
    )


def tversky(
    table: Table,
    *,
    alpha: float = 0.5,
    beta: float = 0.5,
    smooth: float = 0.0,
    average: Average | None = "macro",
    zero_division: float = 0.0,
    absent: Absent = "keep",
) -> Array:
    """Mirror of `costfn.metrics.tversky`: the same arguments, values and errors."""
    _check.at_least_zero("alpha", alpha)
    _check.at_least_zero("beta", beta)
    _check.at_least_zero("smooth", smooth)

    def formula(c: Cells) -> tuple[Array, Array]:
        errors = _errors(c, alpha, beta)
        overlap = c.true_positive + number(smooth, errors.dtype)
        return quotient(overlap, overlap + errors)

    return averaged(formula, table, average, zero_division, absent)


def focal_tversky(
    table: Table,
    *,
    alpha: float = 0.5,
    beta: float = 0.5,
    gamma: float = 0.75,
    smooth: float = 0.0,
    average: Average | None = "macro",
    zero_division: float = 0.0,
    absent: Absent = "keep",
) -> Array:
    """Mirror of `costfn.metrics.focal_tversky`.

    The same arguments, values and errors.
    """
    _check.at_least_zero("alpha", alpha)
    _check.at_least_zero("beta", beta)
    _check.positive("gamma", gamma)
    _check.at_least_zero("smooth", smooth)

    def formula(c: Cells) -> tuple[Array, Array]:
        errors = _errors(c, alpha, beta)
        overlap = c.true_positive + number(smooth, errors.dtype)
        missing, defined = quotient(errors, overlap + errors)
        # Twice where: the slope of the power at 0 is infinite. NaN stays NaN.
        none = missing <= float(jnp.finfo(missing.dtype).tiny)
        power = jnp.where(none, 1.0, missing) ** number(gamma, missing.dtype)
        return 1 - jnp.where(none, 0.0, power), defined

    return averaged(formula, table, average, zero_division, absent)


def _errors(c: Cells, alpha: float, beta: float) -> Array:
    dtype = c.true_positive.dtype
    of_positives = number(alpha, dtype) * c.false_positive
    return of_positives + number(beta, dtype) * c.false_negative

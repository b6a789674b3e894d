"""Means of precision and recall, in JAX: F-measure, Fowlkes and Mallows' index."""

from collections.abc import Sequence
from typing import Unpack

import jax.numpy as jnp
from jax import Array

from .._foundation.arrays import ArrayLike
from .._foundation.math import ratio, small
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
    averaging = Averaging(average, zero_division, absent, classes, class_weight)
    return averaged(table, averaging, f_beta_of_cells, beta, smooth)


def f_beta_loss(
    logits: Scores,
    target: AnyTarget,
    *,
    beta: float | Array = 1.0,
    smooth: float | Array = 0.0,
    average: Average | None = "macro",
    zero_division: float = 0.0,
    absent: Absent = "keep",
    classes: Sequence[int] | None = None,
    class_weight: Array | ArrayLike | None = None,
    **counting: Unpack[Counting],
) -> BatchLoss:
    """Mirror of `costfn.f_beta_loss`: the same arguments, values and errors."""
    averaging = Averaging(average, zero_division, absent, classes, class_weight)
    return averaged_loss(
        logits, target, counting, averaging, f_beta_of_cells, beta, smooth
    )


def f_beta_of_cells(c: Cells, beta: float | Array, smooth: float | Array) -> Quotient:
    recall_weight = number("beta", beta, ABOVE_ZERO)
    extra = typed(number("smooth", smooth, AT_LEAST_ZERO), c.actual.dtype)
    square = typed(recall_weight * recall_weight, c.actual.dtype)
    numerator = (1 + square) * c.true_positive + extra
    return quotient(numerator, square * c.actual + c.predicted + extra)


def fowlkes_mallows(
    table: Table,
    *,
    average: Average | None = "macro",
    zero_division: float = 0.0,
    absent: Absent = "keep",
    classes: Sequence[int] | None = None,
    class_weight: Array | ArrayLike | None = None,
) -> Array:
    """Mirror of `costfn.metrics.fowlkes_mallows`.

    The same arguments, values and errors.
    """
    averaging = Averaging(average, zero_division, absent, classes, class_weight)
    return averaged(table, averaging, _fowlkes_mallows)


def fowlkes_mallows_loss(
    logits: Scores,
    target: AnyTarget,
    *,
    average: Average | None = "macro",
    zero_division: float = 0.0,
    absent: Absent = "keep",
    classes: Sequence[int] | None = None,
    class_weight: Array | ArrayLike | None = None,
    **counting: Unpack[Counting],
) -> BatchLoss:
    """Mirror of `costfn.fowlkes_mallows_loss`.

    The same arguments, values and errors.
    """
    averaging = Averaging(average, zero_division, absent, classes, class_weight)
    return averaged_loss(logits, target, counting, averaging, _fowlkes_mallows)


def _fowlkes_mallows(c: Cells) -> Quotient:
    none = small(c.predicted) | small(c.actual)
    sizes = (jnp.where(none, 1.0, x) for x in (c.predicted, c.actual))
    # One root after the other: their product would vanish with tiny weights.
    share = ratio(c.true_positive, jnp.sqrt(next(sizes)))
    return jnp.where(none, 0.0, ratio(share, jnp.sqrt(next(sizes)))), ~none

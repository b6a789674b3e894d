"""Overlap of the decided and the true, in JAX: Jaccard and Dice."""

from collections.abc import Sequence
from typing import Unpack

from jax import Array

from .._foundation.arrays import ArrayLike
from .._foundation.options import AT_LEAST_ZERO, number, typed
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
from .f_measures import f_beta_of_cells


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
    averaging = Averaging(average, zero_division, absent, classes, class_weight)
    return averaged(table, averaging, _jaccard, smooth)


def jaccard_loss(
    logits: Scores,
    target: AnyTarget,
    *,
    smooth: float | Array = 0.0,
    average: Average | None = "macro",
    zero_division: float = 0.0,
    absent: Absent = "keep",
    classes: Sequence[int] | None = None,
    class_weight: Array | ArrayLike | None = None,
    **counting: Unpack[Counting],
) -> BatchLoss:
    """Mirror of `costfn.jaccard_loss`: the same arguments, values and errors."""
    averaging = Averaging(average, zero_division, absent, classes, class_weight)
    return averaged_loss(logits, target, counting, averaging, _jaccard, smooth)


def _jaccard(c: Cells, smooth: float | Array) -> Quotient:
    union = c.predicted + c.actual - c.true_positive
    extra = typed(number("smooth", smooth, AT_LEAST_ZERO), union.dtype)
    return quotient(c.true_positive + extra, union + extra)


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
    averaging = Averaging(average, zero_division, absent, classes, class_weight)
    return averaged(table, averaging, f_beta_of_cells, 1.0, smooth)


def dice_loss(
    logits: Scores,
    target: AnyTarget,
    *,
    smooth: float | Array = 0.0,
    average: Average | None = "macro",
    zero_division: float = 0.0,
    absent: Absent = "keep",
    classes: Sequence[int] | None = None,
    class_weight: Array | ArrayLike | None = None,
    **counting: Unpack[Counting],
) -> BatchLoss:
    """Mirror of `costfn.dice_loss`: the same arguments, values and errors."""
    averaging = Averaging(average, zero_division, absent, classes, class_weight)
    return averaged_loss(
        logits, target, counting, averaging, f_beta_of_cells, 1.0, smooth
    )

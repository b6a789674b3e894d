"""Rates of one class against the rest, in JAX: precision, recall, specificity."""

from collections.abc import Sequence
from typing import Unpack

from jax import Array

from .._foundation.arrays import ArrayLike
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


def precision(
    table: Table,
    *,
    average: Average | None = "macro",
    zero_division: float = 0.0,
    absent: Absent = "keep",
    classes: Sequence[int] | None = None,
    class_weight: Array | ArrayLike | None = None,
) -> Array:
    """Mirror of `costfn.metrics.precision`: the same arguments, values and errors."""
    averaging = Averaging(average, zero_division, absent, classes, class_weight)
    return averaged(table, averaging, _precision)


def precision_loss(
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
    """Mirror of `costfn.precision_loss`: the same arguments, values and errors."""
    averaging = Averaging(average, zero_division, absent, classes, class_weight)
    return averaged_loss(logits, target, counting, averaging, _precision)


def _precision(c: Cells) -> Quotient:
    return quotient(c.true_positive, c.predicted)


def recall(
    table: Table,
    *,
    average: Average | None = "macro",
    zero_division: float = 0.0,
    absent: Absent = "keep",
    classes: Sequence[int] | None = None,
    class_weight: Array | ArrayLike | None = None,
) -> Array:
    """Mirror of `costfn.metrics.recall`: the same arguments, values and errors."""
    averaging = Averaging(average, zero_division, absent, classes, class_weight)
    return averaged(table, averaging, _recall)


def recall_loss(
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
    """Mirror of `costfn.recall_loss`: the same arguments, values and errors."""
    averaging = Averaging(average, zero_division, absent, classes, class_weight)
    return averaged_loss(logits, target, counting, averaging, _recall)


def _recall(c: Cells) -> Quotient:
    return quotient(c.true_positive, c.actual)


def specificity(
    table: Table,
    *,
    average: Average | None = "macro",
    zero_division: float = 0.0,
    absent: Absent = "keep",
    classes: Sequence[int] | None = None,
    class_weight: Array | ArrayLike | None = None,
) -> Array:
    """Mirror of `costfn.metrics.specificity`: the same arguments, values and errors."""
    averaging = Averaging(average, zero_division, absent, classes, class_weight)
    return averaged(table, averaging, _specificity)


def specificity_loss(
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
    """Mirror of `costfn.specificity_loss`: the same arguments, values and errors."""
    averaging = Averaging(average, zero_division, absent, classes, class_weight)
    return averaged_loss(logits, target, counting, averaging, _specificity)


def _specificity(c: Cells) -> Quotient:
    return quotient(c.true_negative, c.other)

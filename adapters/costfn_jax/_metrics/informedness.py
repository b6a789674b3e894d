"""Sums of a rate and its counterpart, in JAX: informedness and markedness."""

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


def informedness(
    table: Table,
    *,
    average: Average | None = "macro",
    zero_division: float = 0.0,
    absent: Absent = "keep",
    classes: Sequence[int] | None = None,
    class_weight: Array | ArrayLike | None = None,
) -> Array:
    """Mirror of `costfn.metrics.informedness`.

    The same arguments, values and errors.
    """
    averaging = Averaging(average, zero_division, absent, classes, class_weight)
    return averaged(table, averaging, _informedness)


def informedness_loss(
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
    """Mirror of `costfn.informedness_loss`: the same arguments, values and errors."""
    averaging = Averaging(average, zero_division, absent, classes, class_weight)
    return averaged_loss(logits, target, counting, averaging, _informedness)


def _informedness(c: Cells) -> Quotient:
    recall, any_actual = quotient(c.true_positive, c.actual)
    specificity, any_other = quotient(c.true_negative, c.other)
    return recall + specificity - 1, any_actual & any_other


def markedness(
    table: Table,
    *,
    average: Average | None = "macro",
    zero_division: float = 0.0,
    absent: Absent = "keep",
    classes: Sequence[int] | None = None,
    class_weight: Array | ArrayLike | None = None,
) -> Array:
    """Mirror of `costfn.metrics.markedness`: the same arguments, values and errors."""
    averaging = Averaging(average, zero_division, absent, classes, class_weight)
    return averaged(table, averaging, _markedness)


def markedness_loss(
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
    """Mirror of `costfn.markedness_loss`: the same arguments, values and errors."""
    averaging = Averaging(average, zero_division, absent, classes, class_weight)
    return averaged_loss(logits, target, counting, averaging, _markedness)


def _markedness(c: Cells) -> Quotient:
    precision, any_predicted = quotient(c.true_positive, c.predicted)
    of_the_rest, any_unpredicted = quotient(c.true_negative, c.unpredicted)
    return precision + of_the_rest - 1, any_predicted & any_unpredicted

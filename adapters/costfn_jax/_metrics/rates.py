"""Losses for metrics of one class against the rest, in JAX: of rates."""

from collections.abc import Sequence
from functools import partial
from typing import Unpack

from jax import Array

from .._foundation.arrays import ArrayLike
from .._foundation.types import AnyTarget, BatchLoss, Scores
from . import combined_rates as metrics
from .averaging import Absent, Average
from .metric_loss import Counting, averaged_loss


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
    """Mirror of `costfn.precision_loss`: the same arguments, values and errors.

    `sum_counts=lambda c: jax.lax.psum(c, axis)` counts over all devices.
    """
    measure = partial(
        metrics.precision,
        zero_division=zero_division,
        absent=absent,
        class_weight=class_weight,
    )
    return averaged_loss(measure, average, classes, logits, target, **counting)


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
    """Mirror of `costfn.recall_loss`: the same arguments, values and errors.

    `sum_counts=lambda c: jax.lax.psum(c, axis)` counts over all devices.
    """
    measure = partial(
        metrics.recall,
        zero_division=zero_division,
        absent=absent,
        class_weight=class_weight,
    )
    return averaged_loss(measure, average, classes, logits, target, **counting)


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
    """Mirror of `costfn.specificity_loss`: the same arguments, values and errors.

    `sum_counts=lambda c: jax.lax.psum(c, axis)` counts over all devices.
    """
    measure = partial(
        metrics.specificity,
        zero_division=zero_division,
        absent=absent,
        class_weight=class_weight,
    )
    return averaged_loss(measure, average, classes, logits, target, **counting)


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
    """Mirror of `costfn.informedness_loss`: the same arguments, values and errors.

    `sum_counts=lambda c: jax.lax.psum(c, axis)` counts over all devices.
    """
    measure = partial(
        metrics.informedness,
        zero_division=zero_division,
        absent=absent,
        class_weight=class_weight,
    )
    return averaged_loss(measure, average, classes, logits, target, **counting)


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
    """Mirror of `costfn.markedness_loss`: the same arguments, values and errors.

    `sum_counts=lambda c: jax.lax.psum(c, axis)` counts over all devices.
    """
    measure = partial(
        metrics.markedness,
        zero_division=zero_division,
        absent=absent,
        class_weight=class_weight,
    )
    return averaged_loss(measure, average, classes, logits, target, **counting)


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
    """Mirror of `costfn.fowlkes_mallows_loss`: the same arguments, values and errors.

    `sum_counts=lambda c: jax.lax.psum(c, axis)` counts over all devices.
    """
    measure = partial(
        metrics.fowlkes_mallows,
        zero_division=zero_division,
        absent=absent,
        class_weight=class_weight,
    )
    return averaged_loss(measure, average, classes, logits, target, **counting)

"""Losses for metrics of one class against the rest, in JAX: of overlap."""

from collections.abc import Sequence
from functools import partial
from typing import Unpack

from jax import Array

from .._foundation.arrays import ArrayLike
from .._foundation.types import AnyTarget, BatchLoss, Scores
from . import tversky as metrics
from .averaging import Absent, Average
from .metric_loss import Counting, averaged_loss


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
    """Mirror of `costfn.f_beta_loss`: the same arguments, values and errors.

    `sum_counts=lambda c: jax.lax.psum(c, axis)` counts over all devices.
    """
    measure = partial(
        metrics.f_beta,
        beta=beta,
        smooth=smooth,
        zero_division=zero_division,
        absent=absent,
        class_weight=class_weight,
    )
    return averaged_loss(measure, average, classes, logits, target, **counting)


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
    """Mirror of `costfn.jaccard_loss`: the same arguments, values and errors.

    `sum_counts=lambda c: jax.lax.psum(c, axis)` counts over all devices.
    """
    measure = partial(
        metrics.jaccard,
        smooth=smooth,
        zero_division=zero_division,
        absent=absent,
        class_weight=class_weight,
    )
    return averaged_loss(measure, average, classes, logits, target, **counting)


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
    """Mirror of `costfn.dice_loss`: the same arguments, values and errors.

    `sum_counts=lambda c: jax.lax.psum(c, axis)` counts over all devices.
    """
    measure = partial(
        metrics.dice,
        smooth=smooth,
        zero_division=zero_division,
        absent=absent,
        class_weight=class_weight,
    )
    return averaged_loss(measure, average, classes, logits, target, **counting)


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
    """Mirror of `costfn.tversky_loss`: the same arguments, values and errors.

    `sum_counts=lambda c: jax.lax.psum(c, axis)` counts over all devices.
    """
    measure = partial(
        metrics.tversky,
        alpha=alpha,
        beta=beta,
        smooth=smooth,
        zero_division=zero_division,
        absent=absent,
        class_weight=class_weight,
    )
    return averaged_loss(measure, average, classes, logits, target, **counting)


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
    """Mirror of `costfn.focal_tversky_loss`: the same arguments, values and errors.

    `sum_counts=lambda c: jax.lax.psum(c, axis)` counts over all devices.
    """
    measure = partial(
        metrics.focal_tversky,
        alpha=alpha,
        beta=beta,
        gamma=gamma,
        smooth=smooth,
        zero_division=zero_division,
        absent=absent,
        class_weight=class_weight,
    )
    return averaged_loss(measure, average, classes, logits, target, **counting)

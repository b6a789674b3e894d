"""Losses for metrics of one class against the rest, in JAX: of overlap."""

from functools import partial
from typing import Unpack

from . import metrics
from ._averaging import Absent, Average
from ._metric_loss import Counting, averaged_loss
from ._types import AnyTarget, BatchLoss, Scores


def f_beta_loss(
    logits: Scores,
    target: AnyTarget,
    *,
    beta: float = 1.0,
    smooth: float = 0.0,
    average: Average | None = "macro",
    zero_division: float = 0.0,
    absent: Absent = "keep",
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
    )
    return averaged_loss(measure, average, logits, target, **counting)


def jaccard_loss(
    logits: Scores,
    target: AnyTarget,
    *,
    smooth: float = 0.0,
    average: Average | None = "macro",
    zero_division: float = 0.0,
    absent: Absent = "keep",
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
    )
    return averaged_loss(measure, average, logits, target, **counting)


def dice_loss(
    logits: Scores,
    target: AnyTarget,
    *,
    smooth: float = 0.0,
    average: Average | None = "macro",
    zero_division: float = 0.0,
    absent: Absent = "keep",
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
    )
    return averaged_loss(measure, average, logits, target, **counting)


def tversky_loss(
    logits: Scores,
    target: AnyTarget,
    *,
    alpha: float = 0.5,
    beta: float = 0.5,
    smooth: float = 0.0,
    average: Average | None = "macro",
    zero_division: float = 0.0,
    absent: Absent = "keep",
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
    )
    return averaged_loss(measure, average, logits, target, **counting)


def focal_tversky_loss(
    logits: Scores,
    target: AnyTarget,
    *,
    alpha: float = 0.5,
    beta: float = 0.5,
    gamma: float = 0.75,
    smooth: float = 0.0,
    average: Average | None = "macro",
    zero_division: float = 0.0,
    absent: Absent = "keep",
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
    )
    return averaged_loss(measure, average, logits, target, **counting)

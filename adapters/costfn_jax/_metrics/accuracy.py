"""Losses for metrics of the whole table, in JAX."""

from collections.abc import Sequence
from functools import partial
from math import nan
from typing import Unpack

from jax import Array

from .._foundation.arrays import ArrayLike
from .._foundation.types import AnyTarget, BatchLoss, Scores
from . import agreement as metrics
from .agreement import KappaWeights
from .metric_loss import Counting, one_less


def accuracy_loss(
    logits: Scores,
    target: AnyTarget,
    *,
    zero_division: float = 0.0,
    **counting: Unpack[Counting],
) -> BatchLoss:
    """Mirror of `costfn.accuracy_loss`: the same arguments, values and errors.

    `sum_counts=lambda c: jax.lax.psum(c, axis)` counts over all devices.
    """
    measure = partial(metrics.accuracy, zero_division=zero_division)
    return one_less(measure, "counts", logits, target, **counting)


def balanced_accuracy_loss(
    logits: Scores,
    target: AnyTarget,
    *,
    adjusted: bool = False,
    zero_division: float = nan,
    classes: Sequence[int] | None = None,
    class_weight: Array | ArrayLike | None = None,
    **counting: Unpack[Counting],
) -> BatchLoss:
    """Mirror of `costfn.balanced_accuracy_loss`: the same arguments, values and errors.

    `sum_counts=lambda c: jax.lax.psum(c, axis)` counts over all devices.
    """
    measure = partial(
        metrics.balanced_accuracy,
        adjusted=adjusted,
        zero_division=zero_division,
        classes=classes,
        class_weight=class_weight,
    )
    return one_less(measure, "counts", logits, target, **counting)


def g_mean_loss(
    logits: Scores,
    target: AnyTarget,
    *,
    zero_division: float = 0.0,
    classes: Sequence[int] | None = None,
    class_weight: Array | ArrayLike | None = None,
    **counting: Unpack[Counting],
) -> BatchLoss:
    """Mirror of `costfn.g_mean_loss`: the same arguments, values and errors.

    `sum_counts=lambda c: jax.lax.psum(c, axis)` counts over all devices.
    """
    measure = partial(
        metrics.g_mean,
        zero_division=zero_division,
        classes=classes,
        class_weight=class_weight,
    )
    return one_less(measure, "counts", logits, target, **counting)


def mcc_loss(
    logits: Scores,
    target: AnyTarget,
    *,
    zero_division: float = 0.0,
    **counting: Unpack[Counting],
) -> BatchLoss:
    """Mirror of `costfn.mcc_loss`: the same arguments, values and errors.

    `sum_counts=lambda c: jax.lax.psum(c, axis)` counts over all devices.
    """
    measure = partial(metrics.mcc, zero_division=zero_division)
    return one_less(measure, "counts", logits, target, **counting)


def cohen_kappa_loss(
    logits: Scores,
    target: AnyTarget,
    *,
    weights: KappaWeights | None = None,
    zero_division: float = 0.0,
    **counting: Unpack[Counting],
) -> BatchLoss:
    """Mirror of `costfn.cohen_kappa_loss`: the same arguments, values and errors.

    `sum_counts=lambda c: jax.lax.psum(c, axis)` counts over all devices.
    """
    measure = partial(metrics.cohen_kappa, weights=weights, zero_division=zero_division)
    return one_less(
        measure, "matrix" if weights else "counts", logits, target, **counting
    )


def hss_loss(
    logits: Scores,
    target: AnyTarget,
    *,
    zero_division: float = 0.0,
    **counting: Unpack[Counting],
) -> BatchLoss:
    """Mirror of `costfn.hss_loss`: the same arguments, values and errors.

    `sum_counts=lambda c: jax.lax.psum(c, axis)` counts over all devices.
    """
    measure = partial(metrics.hss, zero_division=zero_division)
    return one_less(measure, "counts", logits, target, **counting)

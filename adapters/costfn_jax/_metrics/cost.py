"""Losses for metrics of a confusion matrix and a cost matrix, in JAX."""

from functools import partial
from typing import Unpack

from jax import Array

from .._foundation import check
from .._foundation.types import AnyTarget, BatchLoss, Scores, SquareCost
from . import cost_metrics as metrics
from .metric_loss import Counting, batch_loss


def normalized_cost_loss(
    logits: Scores,
    target: AnyTarget,
    cost: SquareCost,
    **counting: Unpack[Counting],
) -> BatchLoss:
    """Mirror of `costfn.normalized_cost_loss`: the same arguments, values and errors.

    `sum_counts=lambda c: jax.lax.psum(c, axis)` counts over all devices.
    """
    check.cost_matrix("cost", cost)
    measure = partial(metrics.normalized_cost, cost=cost)
    return batch_loss(
        measure, "matrix", logits, target, undefined_is_nan=False, **counting
    )


def savings_loss(
    logits: Scores,
    target: AnyTarget,
    cost: SquareCost,
    **counting: Unpack[Counting],
) -> BatchLoss:
    """Mirror of `costfn.savings_loss`: the same arguments, values and errors.

    `sum_counts=lambda c: jax.lax.psum(c, axis)` counts over all devices.
    """
    check.cost_matrix("cost", cost)
    measure = partial(_one_less_savings, cost=cost)
    return batch_loss(
        measure, "matrix", logits, target, undefined_is_nan=False, **counting
    )


def regret_loss(
    logits: Scores,
    target: AnyTarget,
    cost: SquareCost,
    **counting: Unpack[Counting],
) -> BatchLoss:
    """Mirror of `costfn.regret_loss`: the same arguments, values and errors.

    `sum_counts=lambda c: jax.lax.psum(c, axis)` counts over all devices.
    """
    check.cost_matrix("cost", cost)
    measure = partial(metrics.regret, cost=cost)
    return batch_loss(
        measure, "matrix", logits, target, undefined_is_nan=False, **counting
    )


def _one_less_savings(matrix: Array, cost: Array) -> Array:
    return 1 - metrics.savings(matrix, cost)

"""Metrics and losses of a confusion matrix and a cost matrix, in JAX."""

from functools import partial
from typing import Unpack

from jax import Array

from .._foundation import check, check_costs
from .._foundation.arrays import ArrayLike, as_arrays
from .._foundation.hidden import checked_costs
from .._foundation.math import floating, ratio
from .._foundation.types import (
    AnyTarget,
    BatchLoss,
    ConfusionMatrix,
    DecisionMatrix,
    Scores,
    SquareCost,
)
from .batch_loss import Counting, Metric, batch_loss


def expected_cost(
    matrix: ConfusionMatrix | ArrayLike, cost: DecisionMatrix | ArrayLike
) -> Array:
    """Mirror of `costfn.metrics.expected_cost`.

    The same arguments, values and errors.
    """
    return _mean_cost(*_matrix_and_cost(matrix, cost))


def normalized_cost(
    matrix: ConfusionMatrix | ArrayLike, cost: DecisionMatrix | ArrayLike
) -> Array:
    """Mirror of `costfn.metrics.normalized_cost`.

    The same arguments, values and errors.
    """
    m, c = _matrix_and_cost(matrix, cost)
    constant = (m.sum(-1, keepdims=True) * c).sum(-2).min(-1)
    return ratio((m * c).sum((-2, -1)), constant)


def normalized_cost_loss(
    logits: Scores,
    target: AnyTarget,
    cost: SquareCost,
    **counting: Unpack[Counting],
) -> BatchLoss:
    """Mirror of `costfn.normalized_cost_loss`.

    The same arguments, values and errors.
    """
    return _cost_loss(logits, target, counting, normalized_cost, cost)


def savings(
    matrix: ConfusionMatrix | ArrayLike, cost: DecisionMatrix | ArrayLike
) -> Array:
    """Mirror of `costfn.metrics.savings`: the same arguments, values and errors."""
    return 1 - normalized_cost(matrix, cost)


def savings_loss(
    logits: Scores,
    target: AnyTarget,
    cost: SquareCost,
    **counting: Unpack[Counting],
) -> BatchLoss:
    """Mirror of `costfn.savings_loss`: the same arguments, values and errors."""
    return normalized_cost_loss(logits, target, cost, **counting)


def regret(
    matrix: ConfusionMatrix | ArrayLike, cost: DecisionMatrix | ArrayLike
) -> Array:
    """Mirror of `costfn.metrics.regret`: the same arguments, values and errors."""
    m, c = _matrix_and_cost(matrix, cost)
    return _mean_cost(m, c - c.min(-1, keepdims=True))


def regret_loss(
    logits: Scores,
    target: AnyTarget,
    cost: SquareCost,
    **counting: Unpack[Counting],
) -> BatchLoss:
    """Mirror of `costfn.regret_loss`: the same arguments, values and errors."""
    return _cost_loss(logits, target, counting, regret, cost)


def _matrix_and_cost(given: object, costs: object) -> tuple[Array, Array]:
    matrix, cost = as_arrays(matrix=given, cost=costs)
    check.numbers("matrix", matrix)
    check_costs.cost_matrix("cost", cost)
    if matrix.shape[-2:] != cost.shape:
        raise ValueError(
            f"matrix must have the shape {cost.shape} of cost, a row per true class "
            f"and a column per decision, got {matrix.shape}"
        )
    m = floating(matrix)
    return m, checked_costs(cost, m.dtype)


def _mean_cost(matrix: Array, cost: Array) -> Array:
    return ratio((matrix * cost).sum((-2, -1)), matrix.sum((-2, -1)))


def _cost_loss(
    logits: Array, target: Array, counting: Counting, metric: Metric, cost: Array
) -> Array:
    check_costs.cost_matrix("cost", cost)
    measure = partial(metric, cost=cost)
    return batch_loss(
        measure, "matrix", logits, target, undefined_is_nan=False, **counting
    )

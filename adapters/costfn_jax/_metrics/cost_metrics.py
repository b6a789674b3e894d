"""Metrics of a confusion matrix and a cost matrix, in JAX."""

from jax import Array

from .._foundation import check
from .._foundation.arrays import ArrayLike, as_arrays
from .._foundation.hidden import checked_costs
from .._foundation.math import floating, ratio
from .._foundation.types import ConfusionMatrix, DecisionMatrix


def expected_cost(
    matrix: ConfusionMatrix | ArrayLike, cost: DecisionMatrix | ArrayLike
) -> Array:
    """Mirror of `costfn.metrics.expected_cost`.

    The same arguments, values and errors.
    """
    m, c = _matrix_and_cost(matrix, cost)
    return ratio((m * c).sum((-2, -1)), m.sum((-2, -1)))


def normalized_cost(
    matrix: ConfusionMatrix | ArrayLike, cost: DecisionMatrix | ArrayLike
) -> Array:
    """Mirror of `costfn.metrics.normalized_cost`.

    The same arguments, values and errors.
    """
    m, c = _matrix_and_cost(matrix, cost)
    constant = (m.sum(-1, keepdims=True) * c).sum(-2).min(-1)
    return ratio((m * c).sum((-2, -1)), constant)


def savings(
    matrix: ConfusionMatrix | ArrayLike, cost: DecisionMatrix | ArrayLike
) -> Array:
    """Mirror of `costfn.metrics.savings`: the same arguments, values and errors."""
    return 1 - normalized_cost(matrix, cost)


def regret(
    matrix: ConfusionMatrix | ArrayLike, cost: DecisionMatrix | ArrayLike
) -> Array:
    """Mirror of `costfn.metrics.regret`: the same arguments, values and errors."""
    m, c = _matrix_and_cost(matrix, cost)
    loss = c - c.min(-1, keepdims=True)
    return ratio((m * loss).sum((-2, -1)), m.sum((-2, -1)))


def _matrix_and_cost(given: object, costs: object) -> tuple[Array, Array]:
    matrix, cost = as_arrays(matrix=given, cost=costs)
    check.numbers("matrix", matrix)
    check.cost_matrix("cost", cost)
    if matrix.shape[-2:] != cost.shape:
        raise ValueError(
            f"matrix must have the shape {tuple(cost.shape)} of cost, a row per true "
            f"class and a column per decision, got {tuple(matrix.shape)}"
        )
    m = floating(matrix)
    return m, checked_costs(cost, m.dtype)

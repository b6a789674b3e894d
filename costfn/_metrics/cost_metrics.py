"""Metrics of a confusion matrix and a cost matrix."""

import torch
from torch import Tensor

from .._foundation import check
from .._foundation.arrays import ArrayLike, as_tensors
from .._foundation.hidden import checked_costs
from .._foundation.math import ratio
from .._foundation.types import ConfusionMatrix, DecisionMatrix


def expected_cost(
    matrix: ConfusionMatrix | ArrayLike, cost: DecisionMatrix | ArrayLike
) -> Tensor:
    """Mean cost of an example: `sum_ij matrix[i, j] cost[i, j] / n`; 0 without any.

    Args:
        matrix: Confusion matrix `(*, classes, decisions)`; a tensor or an array-like.
        cost: Costs `(classes, decisions)`, likewise.

    Returns:
        In the unit of `cost`, a scalar or `(*,)`.

    Raises:
        TypeError: If either holds no numbers.
        ValueError: If shapes do not match or `cost` is not finite.

    Example:
        >>> import torch, costfn
        >>> matrix = torch.tensor([[3.0, 1.0], [2.0, 4.0]])
        >>> costfn.metrics.expected_cost(matrix, torch.tensor([[0.0, 1.0], [5.0, 0.0]]))
        tensor(1.1000)

    Source:
        Ferrer, "Analysis and Comparison of Classification Metrics", 2022.
        https://arxiv.org/abs/2209.05355
    """
    m, c = _matrix_and_cost(matrix, cost)
    return ratio((m * c).sum((-2, -1)), m.sum((-2, -1)))


def normalized_cost(
    matrix: ConfusionMatrix | ArrayLike, cost: DecisionMatrix | ArrayLike
) -> Tensor:
    """Expected cost relative to the best constant decision: below 1 is of use.

    `sum_ij matrix[i, j] cost[i, j] / min_j sum_i n_i cost[i, j]`.

    Args:
        matrix: Confusion matrix `(*, classes, decisions)`; a tensor or an array-like.
        cost: Costs `(classes, decisions)`, likewise.

    Returns:
        A scalar or `(*,)`; 0 where a constant decision is free.

    Raises:
        TypeError: If either holds no numbers.
        ValueError: If shapes do not match or `cost` is not finite.

    Example:
        >>> import torch, costfn
        >>> matrix = torch.tensor([[3.0, 1.0], [2.0, 4.0]])
        >>> cost = torch.tensor([[0.0, 1.0], [5.0, 0.0]])
        >>> costfn.metrics.normalized_cost(matrix, cost)
        tensor(2.7500)

    Source:
        Ferrer, "Analysis and Comparison of Classification Metrics", 2022.
        https://arxiv.org/abs/2209.05355
    """
    m, c = _matrix_and_cost(matrix, cost)
    constant = (m.sum(-1, keepdim=True) * c).sum(-2).amin(-1)
    return ratio((m * c).sum((-2, -1)), constant)


def savings(
    matrix: ConfusionMatrix | ArrayLike, cost: DecisionMatrix | ArrayLike
) -> Tensor:
    """What share of the best constant decision's cost is saved: `1 - normalized_cost`.

    Args:
        matrix: Confusion matrix `(*, classes, decisions)`; a tensor or an array-like.
        cost: Costs `(classes, decisions)`, likewise.

    Returns:
        At most 1, a scalar or `(*,)`; below 0 a constant decision would be cheaper.

    Raises:
        TypeError: If either holds no numbers.
        ValueError: If shapes do not match or `cost` is not finite.

    Example:
        >>> import torch, costfn
        >>> matrix = torch.tensor([[9.0, 1.0], [0.0, 4.0]])
        >>> cost = torch.tensor([[0.0, 1.0], [5.0, 0.0]])
        >>> costfn.metrics.savings(matrix, cost)
        tensor(0.9000)

    Source:
        Correa Bahnsen et al., "Example-Dependent Cost-Sensitive Logistic Regression for
        Credit Scoring", ICMLA 2014. https://doi.org/10.1109/ICMLA.2014.48
    """
    return 1 - normalized_cost(matrix, cost)


def regret(
    matrix: ConfusionMatrix | ArrayLike, cost: DecisionMatrix | ArrayLike
) -> Tensor:
    """Expected cost beyond that of always taking the cheapest decision for the truth.

    Args:
        matrix: Confusion matrix `(*, classes, decisions)`; a tensor or an array-like.
        cost: Costs `(classes, decisions)`, likewise.

    Returns:
        At least 0, in the unit of `cost`, a scalar or `(*,)`.

    Raises:
        TypeError: If either holds no numbers.
        ValueError: If shapes do not match or `cost` is not finite.

    Example:
        >>> import torch, costfn
        >>> matrix = torch.tensor([[3.0, 1.0], [2.0, 4.0]])
        >>> costfn.metrics.regret(matrix, torch.tensor([[2.0, 3.0], [5.0, 0.0]]))
        tensor(1.1000)

    Source:
        Savage, "The Theory of Statistical Decision", JASA 46, 1951.
        https://doi.org/10.1080/01621459.1951.10500768
    """
    m, c = _matrix_and_cost(matrix, cost)
    loss = c - c.amin(-1, keepdim=True)
    return ratio((m * loss).sum((-2, -1)), m.sum((-2, -1)))


def _matrix_and_cost(given: object, costs: object) -> tuple[Tensor, Tensor]:
    matrix, cost = as_tensors(floats=torch.float64, matrix=given, cost=costs)
    check.numbers("matrix", matrix)
    check.cost_matrix("cost", cost)
    if matrix.shape[-2:] != cost.shape:
        raise ValueError(
            f"matrix must have the shape {tuple(cost.shape)} of cost, a row per true "
            f"class and a column per decision, got {tuple(matrix.shape)}"
        )
    m = matrix if matrix.is_floating_point() else matrix.double()
    return m, checked_costs(cost, m.dtype)

"""Metrics and losses of a confusion matrix and a cost matrix."""

from functools import partial
from typing import Unpack

import torch
from torch import Tensor

from .._foundation import check, check_costs
from .._foundation.arrays import ArrayLike, as_tensors
from .._foundation.entry import entry_of_metric
from .._foundation.hidden import checked_costs
from .._foundation.math import ratio
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
) -> Tensor:
    """Mean cost of an example: `sum_ij matrix[i, j] cost[i, j] / n`; 0 without any.

    Args:
        matrix: Confusion matrix `(*, classes, decisions)`; see `costfn.metrics`.
        cost: Costs `(classes, decisions)`, as a tensor or an array-like.

    Returns:
        In the unit of `cost`, a scalar or `(*,)`.

    Example:
        >>> import torch, costfn
        >>> matrix = torch.tensor([[3.0, 1.0], [2.0, 4.0]])
        >>> costfn.metrics.expected_cost(matrix, torch.tensor([[0.0, 1.0], [5.0, 0.0]]))
        tensor(1.1000)

    Source:
        Ferrer, "Analysis and Comparison of Classification Metrics", 2022.
        https://arxiv.org/abs/2209.05355
    """
    return _mean_cost(*_matrix_and_cost(matrix, cost))


def normalized_cost(
    matrix: ConfusionMatrix | ArrayLike, cost: DecisionMatrix | ArrayLike
) -> Tensor:
    """Expected cost relative to the best constant decision: useful if below 1.

    `sum_ij matrix[i, j] cost[i, j] / min_j sum_i n_i cost[i, j]`.

    Args:
        matrix: Confusion matrix `(*, classes, decisions)`; see `costfn.metrics`.
        cost: Costs `(classes, decisions)`, as a tensor or an array-like.

    Returns:
        A scalar or `(*,)`; 0 where a constant decision is free.

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


def normalized_cost_loss(
    logits: Scores,
    target: AnyTarget,
    cost: SquareCost,
    **counting: Unpack[Counting],
) -> BatchLoss:
    """Expected cost relative to the best constant decision for the batch.

    `sum M C / min_j sum_i n_i C[i, j]`, with `M` the soft confusion matrix.

    Properties: 1 for the best constant decision; 0 where a constant decision is free.
    For a batch the gradient is that of the expected cost, scaled.

    Args:
        logits: Scores, `(*batch, classes)`, or `(*batch,)` for `task="binary"`.
        target: Labels `(*batch,)` or probabilities, or as `task` says.
        cost: Costs, `(classes, classes)`.
        **counting: How to count; see `metric_loss`.

    Returns:
        A scalar.

    Raises:
        ValueError: If `cost` is not finite.

    Example:
        >>> import torch, costfn
        >>> logits = torch.tensor([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0]])
        >>> cost = torch.tensor([[0.0, 1.0], [5.0, 0.0]])
        >>> costfn.normalized_cost_loss(logits, torch.tensor([0, 1, 1]), cost)
        tensor(5.1192)

    Source:
        Ferrer, "Analysis and Comparison of Classification Metrics", 2022.
        https://arxiv.org/abs/2209.05355
    """
    return _cost_loss(logits, target, counting, normalized_cost, cost)


def savings(
    matrix: ConfusionMatrix | ArrayLike, cost: DecisionMatrix | ArrayLike
) -> Tensor:
    """What share of the best constant decision's cost is saved: `1 - normalized_cost`.

    Args:
        matrix: Confusion matrix `(*, classes, decisions)`; see `costfn.metrics`.
        cost: Costs `(classes, decisions)`, as a tensor or an array-like.

    Returns:
        At most 1, a scalar or `(*,)`; below 0 a constant decision would be cheaper.

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


def savings_loss(
    logits: Scores,
    target: AnyTarget,
    cost: SquareCost,
    **counting: Unpack[Counting],
) -> BatchLoss:
    """What is not saved of the best constant decision's cost: `1 - savings`.

    The same number as `normalized_cost_loss`, under the name of credit scoring: 1 where
    nothing is saved.

    Args:
        logits: Scores, `(*batch, classes)`, or `(*batch,)` for `task="binary"`.
        target: Labels `(*batch,)` or probabilities, or as `task` says.
        cost: Costs, `(classes, classes)`.
        **counting: How to count; see `metric_loss`.

    Returns:
        A scalar.

    Raises:
        ValueError: If `cost` is not finite.

    Example:
        >>> import torch, costfn
        >>> logits = torch.tensor([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0]])
        >>> cost = torch.tensor([[0.0, 1.0], [5.0, 0.0]])
        >>> costfn.savings_loss(logits, torch.tensor([0, 1, 1]), cost)
        tensor(5.1192)

    Source:
        Correa Bahnsen et al., "Example-Dependent Cost-Sensitive Logistic Regression for
        Credit Scoring", ICMLA 2014. https://doi.org/10.1109/ICMLA.2014.48
    """
    return normalized_cost_loss(logits, target, cost, **counting)


def regret(
    matrix: ConfusionMatrix | ArrayLike, cost: DecisionMatrix | ArrayLike
) -> Tensor:
    """Expected cost beyond that of always taking the cheapest decision for the truth.

    `sum_ij matrix[i, j] (cost[i, j] - min_k cost[i, k]) / n`.

    Args:
        matrix: Confusion matrix `(*, classes, decisions)`; see `costfn.metrics`.
        cost: Costs `(classes, decisions)`, as a tensor or an array-like.

    Returns:
        At least 0, in the unit of `cost`, a scalar or `(*,)`.

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
    return _mean_cost(m, c - c.amin(-1, keepdim=True))


def regret_loss(
    logits: Scores,
    target: AnyTarget,
    cost: SquareCost,
    **counting: Unpack[Counting],
) -> BatchLoss:
    """Expected cost beyond that of the cheapest decision for each truth.

    `sum M (C - min_j C[:, j]) / n`, with `M` the soft confusion matrix.

    Properties: at least 0; 0 at a perfect prediction, also where the right decision is
    not free. The gradient is that of the expected cost.

    Args:
        logits: Scores, `(*batch, classes)`, or `(*batch,)` for `task="binary"`.
        target: Labels `(*batch,)` or probabilities, or as `task` says.
        cost: Costs, `(classes, classes)`.
        **counting: How to count; see `metric_loss`.

    Returns:
        A scalar.

    Raises:
        ValueError: If `cost` is not finite.

    Example:
        >>> import torch, costfn
        >>> logits = torch.tensor([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0]])
        >>> cost = torch.tensor([[0.0, 1.0], [5.0, 0.0]])
        >>> costfn.regret_loss(logits, torch.tensor([0, 1, 1]), cost)
        tensor(1.7064)

    Source:
        Savage, "The Theory of Statistical Decision", JASA 46, 1951.
        https://doi.org/10.1080/01621459.1951.10500768
    """
    return _cost_loss(logits, target, counting, regret, cost)


def _matrix_and_cost(given: object, costs: object) -> tuple[Tensor, Tensor]:
    matrix, cost = as_tensors(floats=torch.float64, matrix=given, cost=costs)
    check.numbers("matrix", matrix)
    check_costs.cost_matrix("cost", cost)
    if matrix.shape[-2:] != cost.shape:
        raise ValueError(
            f"matrix must have the shape {tuple(cost.shape)} of cost, a row per true "
            f"class and a column per decision, got {tuple(matrix.shape)}"
        )
    m = matrix if matrix.is_floating_point() else matrix.double()
    return m, checked_costs(cost, m.dtype)


def _mean_cost(matrix: Tensor, cost: Tensor) -> Tensor:
    return ratio((matrix * cost).sum((-2, -1)), matrix.sum((-2, -1)))


def _cost_loss(
    logits: Tensor, target: Tensor, counting: Counting, metric: Metric, cost: Tensor
) -> Tensor:
    check_costs.cost_matrix("cost", cost)
    measure = partial(metric, cost=cost)
    return batch_loss(
        measure, "matrix", logits, target, undefined_is_nan=False, **counting
    )


_OF_COST = {"family": "cost", "takes": ("target", "cost"), "bounded": False}

ENTRIES = (
    entry_of_metric(
        normalized_cost_loss,
        "sum M C / min_j sum_i n_i C[i, j]",
        ("Ferrer, 2022", "https://arxiv.org/abs/2209.05355"),
        "The expected cost, scaled by the batch.",
        **_OF_COST,
    ),
    entry_of_metric(
        savings_loss,
        "sum M C / min_j sum_i n_i C[i, j]",
        ("Correa Bahnsen et al., ICMLA 2014", "https://doi.org/10.1109/ICMLA.2014.48"),
        "The normalized cost, by the name of credit scoring.",
        **_OF_COST,
    ),
    entry_of_metric(
        regret_loss,
        "sum M (C - min_j C[:, j]) / n",
        ("Savage, JASA 1951", "https://doi.org/10.1080/01621459.1951.10500768"),
        "The expected cost less that of the best decisions.",
        **_OF_COST,
    ),
)

"""Losses for metrics of a confusion matrix and a cost matrix."""

from functools import partial
from typing import Unpack

from torch import Tensor

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
    """Expected cost relative to the best constant decision for the batch.

    `sum M C / min_j sum_i n_i C[i, j]`, with `M` the soft confusion matrix.

    Properties: 0 at a perfect prediction, 1 for the best constant decision; 0 where a
    constant decision is free. For a batch the gradient is that of the expected cost,
    scaled.

    Args:
        logits: Scores, `(*batch, classes)`, or `(*batch,)` for `task="binary"`.
        target: Labels `(*batch,)` or probabilities `(*batch, classes)`, or as `task`
            says.
        cost: Costs, `(classes, classes)`.
        **counting: How to count, see `metric_loss`: `relaxation`, `task`, `scope`,
            `sample_weight`, `where`, `sum_counts`, `reduction`.

    Returns:
        A scalar.

    Raises:
        TypeError: If an argument has the wrong dtype.
        ValueError: If shapes do not match, a label is out of range, `cost` is not
            finite, or an option is unknown.

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
    """What is not saved of the best constant decision's cost: `1 - savings`.

    The same number as `normalized_cost_loss`, under the name of credit scoring.

    Properties: 0 at a perfect prediction, 1 where nothing is saved.

    Args:
        logits: Scores, `(*batch, classes)`, or `(*batch,)` for `task="binary"`.
        target: Labels `(*batch,)` or probabilities `(*batch, classes)`, or as `task`
            says.
        cost: Costs, `(classes, classes)`.
        **counting: How to count, see `metric_loss`: `relaxation`, `task`, `scope`,
            `sample_weight`, `where`, `sum_counts`, `reduction`.

    Returns:
        A scalar.

    Raises:
        TypeError: If an argument has the wrong dtype.
        ValueError: If shapes do not match, a label is out of range, `cost` is not
            finite, or an option is unknown.

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
    """Expected cost beyond that of the cheapest decision for each truth.

    `sum M (C - min_j C[:, j]) / n`, with `M` the soft confusion matrix.

    Properties: at least 0; 0 at a perfect prediction, also where the right decision is
    not free. The gradient is that of the expected cost.

    Args:
        logits: Scores, `(*batch, classes)`, or `(*batch,)` for `task="binary"`.
        target: Labels `(*batch,)` or probabilities `(*batch, classes)`, or as `task`
            says.
        cost: Costs, `(classes, classes)`.
        **counting: How to count, see `metric_loss`: `relaxation`, `task`, `scope`,
            `sample_weight`, `where`, `sum_counts`, `reduction`.

    Returns:
        A scalar.

    Raises:
        TypeError: If an argument has the wrong dtype.
        ValueError: If shapes do not match, a label is out of range, `cost` is not
            finite, or an option is unknown.

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
    check.cost_matrix("cost", cost)
    measure = partial(metrics.regret, cost=cost)
    return batch_loss(
        measure, "matrix", logits, target, undefined_is_nan=False, **counting
    )


def _one_less_savings(matrix: Tensor, cost: Tensor) -> Tensor:
    return 1 - metrics.savings(matrix, cost)

"""Generalised Dice: one ratio of sums over the classes, the rare ones weighing more."""

from collections.abc import Sequence
from typing import Literal, Unpack, get_args

import torch
from torch import Tensor

from .._foundation import check
from .._foundation.entry import entry_of_metric
from .._foundation.math import ratio, small
from .._foundation.types import AnyTarget, BatchLoss, Scores
from .averaging import Cells, Table, check_zero_division, chosen_classes, each_class
from .batch_loss import Counting, one_minus

Weighting = Literal["square", "simple", "uniform"]


def generalized_dice(
    table: Table,
    *,
    weighting: Weighting = "square",
    zero_division: float = 0.0,
    classes: Sequence[int] | None = None,
) -> Tensor:
    """Dice of all classes together, each weighted by its size.

    `2 sum_k w_k TP_k / sum_k w_k (2 TP_k + FP_k + FN_k)` with `w = 1 / n_k**2`, or
    `1 / n_k`, or 1, and `n_k` the true examples. A class without any gets the largest
    weight of those present: its false positives count, but are not all that does.

    Args:
        table: Counts, or a confusion matrix `(*, classes, classes)`.
        weighting: `"square"`, `"simple"` or `"uniform"`.
        zero_division: The value where nothing is true or predicted; see
            `costfn.metrics` for this and for `classes`.

    Returns:
        In [0, 1], a scalar or `(*,)`.

    Example:
        >>> import torch, costfn
        >>> costfn.metrics.generalized_dice(torch.tensor([[3.0, 1.0], [2.0, 4.0]]))
        tensor(0.6880)

    Source:
        Crum et al., IEEE Trans. Med. Imaging 25, 2006; Sudre et al., "Generalised Dice
        Overlap as a Deep Learning Loss Function for Highly Unbalanced Segmentations",
        DLMIA 2017. https://arxiv.org/abs/1707.03237
    """
    check.one_of("weighting", weighting, get_args(Weighting))
    check_zero_division(zero_division)
    c = each_class(table)
    if classes is not None:
        index = chosen_classes(classes, "macro", c.actual)
        c = Cells(*(x[..., index] for x in c))
    absent = small(c.actual)
    # Sizes relative to the smallest present: weights in (0, 1], nothing overflows.
    size = torch.where(absent, torch.inf, c.actual)
    smallest = size.amin(-1, keepdim=True)
    relative = torch.where(absent, 1.0, smallest / torch.where(absent, 1.0, size))
    power = {"square": 2, "simple": 1, "uniform": 0}[weighting]
    weight = torch.where(absent, 1.0, relative) ** power
    overlap = 2 * (weight * c.true_positive).sum(-1)
    return ratio(overlap, (weight * (c.predicted + c.actual)).sum(-1), zero_division)


def generalized_dice_loss(
    logits: Scores,
    target: AnyTarget,
    *,
    weighting: Weighting = "square",
    zero_division: float = 0.0,
    classes: Sequence[int] | None = None,
    **counting: Unpack[Counting],
) -> BatchLoss:
    """Train for the generalised Dice: small structures count as much as large ones.

    `1 - 2 sum_k w_k TP_k / sum_k w_k (2 TP_k + FP_k + FN_k)` with `w = 1 / n_k**2`.

    Args:
        logits: Scores, `(*batch, classes)`, or as `task` says.
        target: Labels `(*batch,)` or probabilities, or as `task` says.
        weighting: `"square"`, `"simple"` or `"uniform"`, see
            `metrics.generalized_dice`.
        zero_division: The metric at 0/0; see `costfn.metrics` for this and for
            `classes`.
        **counting: How to count; see `metric_loss`.

    Returns:
        A scalar.

    Example:
        >>> import torch, costfn
        >>> logits = torch.tensor([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0]])
        >>> costfn.generalized_dice_loss(logits, torch.tensor([0, 1, 1]))
        tensor(0.3822)

    Source:
        Sudre et al., "Generalised Dice Overlap as a Deep Learning Loss Function for
        Highly Unbalanced Segmentations", DLMIA 2017. https://arxiv.org/abs/1707.03237
    """
    return one_minus(
        logits,
        target,
        counting,
        generalized_dice,
        weighting=weighting,
        zero_division=zero_division,
        classes=classes,
    )


ENTRIES = (
    entry_of_metric(
        generalized_dice_loss,
        "1 - 2 sum_k w_k TP_k / sum_k w_k (2 TP_k + FP_k + FN_k)",
        ("Sudre et al., DLMIA 2017", "https://arxiv.org/abs/1707.03237"),
        "w_k = 1 / n_k^2.",
    ),
)

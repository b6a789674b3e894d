"""Overlap of the decided and the true: Jaccard and Dice."""

from collections.abc import Sequence
from typing import Unpack

from torch import Tensor

from .._foundation.arrays import ArrayLike
from .._foundation.entry import entry_of_metric
from .._foundation.options import AT_LEAST_ZERO, number
from .._foundation.types import AnyTarget, BatchLoss, Scores
from .averaged_loss import averaged_loss
from .averaging import (
    Absent,
    Average,
    Averaging,
    Cells,
    Quotient,
    Table,
    averaged,
    quotient,
)
from .batch_loss import Counting
from .f_measures import f_beta_of_cells


def jaccard(
    table: Table,
    *,
    smooth: float | Tensor = 0.0,
    average: Average | None = "macro",
    zero_division: float = 0.0,
    absent: Absent = "keep",
    classes: Sequence[int] | None = None,
    class_weight: Tensor | ArrayLike | None = None,
) -> Tensor:
    """Intersection over union: `TP / (TP + FP + FN)`.

    Args:
        table: Counts, or a confusion matrix `(*, classes, classes)`.
        smooth: Added above and below; see `costfn.metrics` for this and for `average`,
            `zero_division`, `absent`, `classes` and `class_weight`.

    Returns:
        In [0, 1], a scalar or `(*,)`; `(*, classes)` for `average=None`.

    Raises:
        ValueError: If `smooth` is below 0.

    Example:
        >>> import torch, costfn
        >>> matrix = torch.tensor([[3.0, 1.0], [2.0, 4.0]])
        >>> costfn.metrics.jaccard(matrix)
        tensor(0.5357)

    Source:
        Jaccard, "Étude comparative de la distribution florale", 1901.
    """
    averaging = Averaging(average, zero_division, absent, classes, class_weight)
    return averaged(table, averaging, _jaccard, smooth)


def jaccard_loss(
    logits: Scores,
    target: AnyTarget,
    *,
    smooth: float | Tensor = 0.0,
    average: Average | None = "macro",
    zero_division: float = 0.0,
    absent: Absent = "keep",
    classes: Sequence[int] | None = None,
    class_weight: Tensor | ArrayLike | None = None,
    **counting: Unpack[Counting],
) -> BatchLoss:
    """Train for intersection over union.

    `1 - TP / (TP + FP + FN)`.

    Args:
        logits: Scores, `(*batch, classes)`, or as `task` says.
        target: Labels `(*batch,)` or probabilities, or as `task` says.
        smooth: Added above and below; see `costfn.metrics` for this and for `average`,
            `zero_division`, `absent`, `classes` and `class_weight`.
        **counting: How to count; see `metric_loss`.

    Returns:
        A scalar; `(classes,)` for `average=None`.

    Raises:
        ValueError: If `smooth` is below 0.

    Example:
        >>> import torch, costfn
        >>> logits = torch.tensor([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0]])
        >>> costfn.jaccard_loss(logits, torch.tensor([0, 1, 1]))
        tensor(0.5439)

    Source:
        Rahman and Wang, "Optimizing Intersection-Over-Union in Deep Neural Networks for
        Image Segmentation", ISVC 2016; soft targets as Wang et al., 2023.
        https://arxiv.org/abs/2302.05666
    """
    averaging = Averaging(average, zero_division, absent, classes, class_weight)
    return averaged_loss(logits, target, counting, averaging, _jaccard, smooth)


def _jaccard(c: Cells, smooth: float | Tensor) -> Quotient:
    extra = number("smooth", smooth, AT_LEAST_ZERO)
    union = c.predicted + c.actual - c.true_positive
    return quotient(c.true_positive + extra, union + extra)


def dice(
    table: Table,
    *,
    smooth: float | Tensor = 0.0,
    average: Average | None = "macro",
    zero_division: float = 0.0,
    absent: Absent = "keep",
    classes: Sequence[int] | None = None,
    class_weight: Tensor | ArrayLike | None = None,
) -> Tensor:
    """Twice the intersection over the sum of sizes: F1, as segmentation calls it.

    `2 TP / (2 TP + FP + FN)`.

    Args:
        table: Counts, or a confusion matrix `(*, classes, classes)`.
        smooth: Added above and below; see `costfn.metrics` for this and for `average`,
            `zero_division`, `absent`, `classes` and `class_weight`.

    Returns:
        In [0, 1], a scalar or `(*,)`; `(*, classes)` for `average=None`.

    Raises:
        ValueError: If `smooth` is below 0.

    Example:
        >>> import torch, costfn
        >>> matrix = torch.tensor([[3.0, 1.0], [2.0, 4.0]])
        >>> costfn.metrics.dice(matrix)
        tensor(0.6970)

    Source:
        Dice, "Measures of the Amount of Ecologic Association Between Species", Ecology
        26, 1945; as a loss Milletari et al., 3DV 2016. https://arxiv.org/abs/1606.04797
    """
    averaging = Averaging(average, zero_division, absent, classes, class_weight)
    return averaged(table, averaging, f_beta_of_cells, 1.0, smooth)


def dice_loss(
    logits: Scores,
    target: AnyTarget,
    *,
    smooth: float | Tensor = 0.0,
    average: Average | None = "macro",
    zero_division: float = 0.0,
    absent: Absent = "keep",
    classes: Sequence[int] | None = None,
    class_weight: Tensor | ArrayLike | None = None,
    **counting: Unpack[Counting],
) -> BatchLoss:
    """Train for the Dice coefficient: F1, as segmentation calls it.

    `1 - 2 TP / (2 TP + FP + FN)`.

    Args:
        logits: Scores, `(*batch, classes)`, or as `task` says.
        target: Labels `(*batch,)` or probabilities, or as `task` says.
        smooth: Added above and below; see `costfn.metrics` for this and for `average`,
            `zero_division`, `absent`, `classes` and `class_weight`.
        **counting: How to count; see `metric_loss`.

    Returns:
        A scalar; `(classes,)` for `average=None`.

    Raises:
        ValueError: If `smooth` is below 0.

    Example:
        >>> import torch, costfn
        >>> logits = torch.tensor([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0]])
        >>> costfn.dice_loss(logits, torch.tensor([0, 1, 1]))
        tensor(0.3737)

    Source:
        Milletari et al., "V-Net", 3DV 2016, without the squares.
        https://arxiv.org/abs/1606.04797
    """
    averaging = Averaging(average, zero_division, absent, classes, class_weight)
    return averaged_loss(
        logits, target, counting, averaging, f_beta_of_cells, 1.0, smooth
    )


ENTRIES = (
    entry_of_metric(
        jaccard_loss,
        "1 - TP / (TP + FP + FN)",
        ("Rahman and Wang, ISVC 2016", "https://arxiv.org/abs/2302.05666"),
    ),
    entry_of_metric(
        dice_loss,
        "1 - 2 TP / (2 TP + FP + FN)",
        ("Milletari et al., 3DV 2016", "https://arxiv.org/abs/1606.04797"),
        "F1, as segmentation calls it.",
    ),
)

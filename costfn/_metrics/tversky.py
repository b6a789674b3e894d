"""Overlap with a weight for each kind of error: Tversky's index."""

from collections.abc import Sequence
from typing import Unpack

import torch
from torch import Tensor

from .._foundation.arrays import ArrayLike
from .._foundation.entry import entry_of_metric
from .._foundation.options import ABOVE_ZERO, AT_LEAST_ZERO, number
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


def tversky(
    table: Table,
    *,
    alpha: float | Tensor = 0.5,
    beta: float | Tensor = 0.5,
    smooth: float | Tensor = 0.0,
    average: Average | None = "macro",
    zero_division: float = 0.0,
    absent: Absent = "keep",
    classes: Sequence[int] | None = None,
    class_weight: Tensor | ArrayLike | None = None,
) -> Tensor:
    """Overlap in which the two kinds of error weigh differently.

    `TP / (TP + alpha FP + beta FN)`: with 1/2 and 1/2 Dice, with 1 and 1 Jaccard.

    Args:
        table: Counts, or a confusion matrix `(*, classes, classes)`.
        alpha: Weight of false positives, at least 0.
        beta: Weight of false negatives, at least 0.
        smooth: Added above and below; see `costfn.metrics` for this and for `average`,
            `zero_division`, `absent`, `classes` and `class_weight`.

    Returns:
        In [0, 1], a scalar or `(*,)`; `(*, classes)` for `average=None`.

    Raises:
        ValueError: If `alpha`, `beta` or `smooth` is below 0.

    Example:
        >>> import torch, costfn
        >>> matrix = torch.tensor([[3.0, 1.0], [2.0, 4.0]])
        >>> costfn.metrics.tversky(matrix)
        tensor(0.6970)

    Source:
        Tversky, "Features of Similarity", Psychological Review 84, 1977; as a loss
        Salehi et al., 2017. https://arxiv.org/abs/1706.05721
    """
    averaging = Averaging(average, zero_division, absent, classes, class_weight)
    return averaged(table, averaging, _tversky, alpha, beta, smooth)


def tversky_loss(
    logits: Scores,
    target: AnyTarget,
    *,
    alpha: float | Tensor = 0.5,
    beta: float | Tensor = 0.5,
    smooth: float | Tensor = 0.0,
    average: Average | None = "macro",
    zero_division: float = 0.0,
    absent: Absent = "keep",
    classes: Sequence[int] | None = None,
    class_weight: Tensor | ArrayLike | None = None,
    **counting: Unpack[Counting],
) -> BatchLoss:
    """Train for overlap, with different weights for the two kinds of error.

    `1 - TP / (TP + alpha FP + beta FN)`.

    Args:
        logits: Scores, `(*batch, classes)`, or as `task` says.
        target: Labels `(*batch,)` or probabilities, or as `task` says.
        alpha: Weight of false positives, at least 0.
        beta: Weight of false negatives, at least 0.
        smooth: Added above and below; see `costfn.metrics` for this and for `average`,
            `zero_division`, `absent`, `classes` and `class_weight`.
        **counting: How to count; see `metric_loss`.

    Returns:
        A scalar; `(classes,)` for `average=None`.

    Raises:
        ValueError: If `alpha`, `beta` or `smooth` is below 0.

    Example:
        >>> import torch, costfn
        >>> logits = torch.tensor([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0]])
        >>> costfn.tversky_loss(logits, torch.tensor([0, 1, 1]))
        tensor(0.3737)

    Source:
        Salehi et al., "Tversky Loss Function for Image Segmentation using 3D Fully
        Convolutional Deep Networks", MLMI 2017. https://arxiv.org/abs/1706.05721
    """
    averaging = Averaging(average, zero_division, absent, classes, class_weight)
    options = (alpha, beta, smooth)
    return averaged_loss(logits, target, counting, averaging, _tversky, *options)


def _tversky(
    c: Cells, alpha: float | Tensor, beta: float | Tensor, smooth: float | Tensor
) -> Quotient:
    overlap, errors = _overlap_and_errors(c, alpha, beta, smooth)
    return quotient(overlap, overlap + errors)


def _overlap_and_errors(
    c: Cells, alpha: float | Tensor, beta: float | Tensor, smooth: float | Tensor
) -> tuple[Tensor, Tensor]:
    false_alarm = number("alpha", alpha, AT_LEAST_ZERO)
    miss = number("beta", beta, AT_LEAST_ZERO)
    extra = number("smooth", smooth, AT_LEAST_ZERO)
    errors = false_alarm * c.false_positive + miss * c.false_negative
    return c.true_positive + extra, errors


def focal_tversky(
    table: Table,
    *,
    alpha: float | Tensor = 0.5,
    beta: float | Tensor = 0.5,
    gamma: float | Tensor = 0.75,
    smooth: float | Tensor = 0.0,
    average: Average | None = "macro",
    zero_division: float = 0.0,
    absent: Absent = "keep",
    classes: Sequence[int] | None = None,
    class_weight: Tensor | ArrayLike | None = None,
) -> Tensor:
    """Tversky with a power on what is missing: `1 - (1 - T)**gamma`, class by class.

    Args:
        table: Counts, or a confusion matrix `(*, classes, classes)`.
        alpha: Weight of false positives, at least 0.
        beta: Weight of false negatives, at least 0.
        gamma: Exponent, above 0: below 1 stresses what is nearly right.
        smooth: Added above and below; see `costfn.metrics` for this and for `average`,
            `zero_division`, `absent`, `classes` and `class_weight`.

    Returns:
        In [0, 1], a scalar or `(*,)`; `(*, classes)` for `average=None`. The gradient
        of a perfect class is 0, not infinite.

    Raises:
        ValueError: If `alpha`, `beta` or `smooth` is below 0, or `gamma` not above 0.

    Example:
        >>> import torch, costfn
        >>> matrix = torch.tensor([[3.0, 1.0], [2.0, 4.0]])
        >>> costfn.metrics.focal_tversky(matrix)
        tensor(0.5920)

    Source:
        Abraham and Khan, "A Novel Focal Tversky Loss Function", ISBI 2019, eq. 4, whose
        gamma is the inverse of this. https://arxiv.org/abs/1810.07842
    """
    averaging = Averaging(average, zero_division, absent, classes, class_weight)
    return averaged(table, averaging, _focal_tversky, alpha, beta, gamma, smooth)


def focal_tversky_loss(
    logits: Scores,
    target: AnyTarget,
    *,
    alpha: float | Tensor = 0.5,
    beta: float | Tensor = 0.5,
    gamma: float | Tensor = 0.75,
    smooth: float | Tensor = 0.0,
    average: Average | None = "macro",
    zero_division: float = 0.0,
    absent: Absent = "keep",
    classes: Sequence[int] | None = None,
    class_weight: Tensor | ArrayLike | None = None,
    **counting: Unpack[Counting],
) -> BatchLoss:
    """Tversky loss with a power: `gamma` below 1 stresses what is nearly right.

    `(1 - TP / (TP + alpha FP + beta FN))**gamma` of each class, averaged.

    Properties: the gradient of a perfect class is 0, not infinite.

    Args:
        logits: Scores, `(*batch, classes)`, or as `task` says.
        target: Labels `(*batch,)` or probabilities, or as `task` says.
        alpha: Weight of false positives, at least 0.
        beta: Weight of false negatives, at least 0.
        gamma: Exponent, above 0.
        smooth: Added above and below; see `costfn.metrics` for this and for `average`,
            `zero_division`, `absent`, `classes` and `class_weight`.
        **counting: How to count; see `metric_loss`.

    Returns:
        A scalar; `(classes,)` for `average=None`.

    Raises:
        ValueError: If `alpha`, `beta` or `smooth` is below 0, or `gamma` not above 0.

    Example:
        >>> import torch, costfn
        >>> logits = torch.tensor([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0]])
        >>> costfn.focal_tversky_loss(logits, torch.tensor([0, 1, 1]))
        tensor(0.4778)

    Source:
        Abraham and Khan, "A Novel Focal Tversky Loss Function", ISBI 2019, eq. 4, whose
        gamma is the inverse of this. https://arxiv.org/abs/1810.07842
    """
    averaging = Averaging(average, zero_division, absent, classes, class_weight)
    options = (alpha, beta, gamma, smooth)
    return averaged_loss(logits, target, counting, averaging, _focal_tversky, *options)


def _focal_tversky(
    c: Cells,
    alpha: float | Tensor,
    beta: float | Tensor,
    gamma: float | Tensor,
    smooth: float | Tensor,
) -> Quotient:
    exponent = number("gamma", gamma, ABOVE_ZERO)
    overlap, errors = _overlap_and_errors(c, alpha, beta, smooth)
    missing, defined = quotient(errors, overlap + errors)
    # Twice where: the slope of the power at 0 is infinite. NaN stays NaN.
    none = missing <= torch.finfo(missing.dtype).tiny
    power = torch.where(none, 1.0, missing) ** exponent
    return 1 - torch.where(none, 0.0, power), defined


ENTRIES = (
    entry_of_metric(
        tversky_loss,
        "1 - TP / (TP + alpha FP + beta FN)",
        ("Salehi et al., MLMI 2017", "https://arxiv.org/abs/1706.05721"),
    ),
    entry_of_metric(
        focal_tversky_loss,
        "(1 - T)^gamma, T = TP / (TP + alpha FP + beta FN)",
        ("Abraham and Khan, ISBI 2019", "https://arxiv.org/abs/1810.07842"),
    ),
)

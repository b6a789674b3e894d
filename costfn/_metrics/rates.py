"""Rates of one class against the rest: precision, recall, specificity."""

from collections.abc import Sequence
from typing import Unpack

from torch import Tensor

from .._foundation.arrays import ArrayLike
from .._foundation.entry import SCORE_ORIENTED, entry_of_metric
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


def precision(
    table: Table,
    *,
    average: Average | None = "macro",
    zero_division: float = 0.0,
    absent: Absent = "keep",
    classes: Sequence[int] | None = None,
    class_weight: Tensor | ArrayLike | None = None,
) -> Tensor:
    """How many of the examples decided for a class are of it: `TP / (TP + FP)`.

    Args:
        table: Counts, or a confusion matrix `(*, classes, classes)`.
        average: Over the classes; see `costfn.metrics` for this and for
            `zero_division`, `absent`, `classes` and `class_weight`.

    Returns:
        In [0, 1], a scalar or `(*,)`; `(*, classes)` for `average=None`.

    Example:
        >>> import torch, costfn
        >>> matrix = torch.tensor([[3.0, 1.0], [2.0, 4.0]])
        >>> costfn.metrics.precision(matrix)
        tensor(0.7000)

    Source:
        van Rijsbergen, "Information Retrieval", 2nd ed., Butterworths, 1979.
    """
    averaging = Averaging(average, zero_division, absent, classes, class_weight)
    return averaged(table, averaging, _precision)


def precision_loss(
    logits: Scores,
    target: AnyTarget,
    *,
    average: Average | None = "macro",
    zero_division: float = 0.0,
    absent: Absent = "keep",
    classes: Sequence[int] | None = None,
    class_weight: Tensor | ArrayLike | None = None,
    **counting: Unpack[Counting],
) -> BatchLoss:
    """Train for precision: few false alarms.

    `1 - TP / (TP + FP)`.

    Properties: to decide less is always safer, so give it a counterpart.

    Args:
        logits: Scores, `(*batch, classes)`, or as `task` says.
        target: Labels `(*batch,)` or probabilities, or as `task` says.
        average: Over the classes; see `costfn.metrics` for this and for
            `zero_division`, `absent`, `classes` and `class_weight`.
        **counting: How to count; see `metric_loss`.

    Returns:
        A scalar; `(classes,)` for `average=None`.

    Example:
        >>> import torch, costfn
        >>> logits = torch.tensor([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0]])
        >>> costfn.precision_loss(logits, torch.tensor([0, 1, 1]))
        tensor(0.3191)

    Source:
        Marchetti et al., "Score-Oriented Loss (SOL) Functions", Pattern Recognition
        132, 2022. https://arxiv.org/abs/2103.15522
    """
    averaging = Averaging(average, zero_division, absent, classes, class_weight)
    return averaged_loss(logits, target, counting, averaging, _precision)


def _precision(c: Cells) -> Quotient:
    return quotient(c.true_positive, c.predicted)


def recall(
    table: Table,
    *,
    average: Average | None = "macro",
    zero_division: float = 0.0,
    absent: Absent = "keep",
    classes: Sequence[int] | None = None,
    class_weight: Tensor | ArrayLike | None = None,
) -> Tensor:
    """How many of the examples of a class are decided for it: `TP / (TP + FN)`.

    Args:
        table: Counts, or a confusion matrix `(*, classes, classes)`.
        average: Over the classes; see `costfn.metrics` for this and for
            `zero_division`, `absent`, `classes` and `class_weight`.

    Returns:
        In [0, 1], a scalar or `(*,)`; `(*, classes)` for `average=None`.

    Example:
        >>> import torch, costfn
        >>> matrix = torch.tensor([[3.0, 1.0], [2.0, 4.0]])
        >>> costfn.metrics.recall(matrix)
        tensor(0.7083)

    Source:
        van Rijsbergen, "Information Retrieval", 2nd ed., Butterworths, 1979.
    """
    averaging = Averaging(average, zero_division, absent, classes, class_weight)
    return averaged(table, averaging, _recall)


def recall_loss(
    logits: Scores,
    target: AnyTarget,
    *,
    average: Average | None = "macro",
    zero_division: float = 0.0,
    absent: Absent = "keep",
    classes: Sequence[int] | None = None,
    class_weight: Tensor | ArrayLike | None = None,
    **counting: Unpack[Counting],
) -> BatchLoss:
    """Train for recall: few misses.

    `1 - TP / (TP + FN)`.

    Properties: for one class, to decide more is always safer; the macro average is the
    balanced accuracy.

    Args:
        logits: Scores, `(*batch, classes)`, or as `task` says.
        target: Labels `(*batch,)` or probabilities, or as `task` says.
        average: Over the classes; see `costfn.metrics` for this and for
            `zero_division`, `absent`, `classes` and `class_weight`.
        **counting: How to count; see `metric_loss`.

    Returns:
        A scalar; `(classes,)` for `average=None`.

    Example:
        >>> import torch, costfn
        >>> logits = torch.tensor([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0]])
        >>> costfn.recall_loss(logits, torch.tensor([0, 1, 1]))
        tensor(0.3096)

    Source:
        Marchetti et al., "Score-Oriented Loss (SOL) Functions", Pattern Recognition
        132, 2022. https://arxiv.org/abs/2103.15522
    """
    averaging = Averaging(average, zero_division, absent, classes, class_weight)
    return averaged_loss(logits, target, counting, averaging, _recall)


def _recall(c: Cells) -> Quotient:
    return quotient(c.true_positive, c.actual)


def specificity(
    table: Table,
    *,
    average: Average | None = "macro",
    zero_division: float = 0.0,
    absent: Absent = "keep",
    classes: Sequence[int] | None = None,
    class_weight: Tensor | ArrayLike | None = None,
) -> Tensor:
    """How many of the others are not decided for a class: `TN / (TN + FP)`.

    Args:
        table: Counts, or a confusion matrix `(*, classes, classes)`.
        average: Over the classes; see `costfn.metrics` for this and for
            `zero_division`, `absent`, `classes` and `class_weight`.

    Returns:
        In [0, 1], a scalar or `(*,)`; `(*, classes)` for `average=None`.

    Example:
        >>> import torch, costfn
        >>> matrix = torch.tensor([[3.0, 1.0], [2.0, 4.0]])
        >>> costfn.metrics.specificity(matrix)
        tensor(0.7083)

    Source:
        Yerushalmy, "Statistical Problems in Assessing Methods of Medical Diagnosis",
        Public Health Reports 62, 1947.
    """
    averaging = Averaging(average, zero_division, absent, classes, class_weight)
    return averaged(table, averaging, _specificity)


def specificity_loss(
    logits: Scores,
    target: AnyTarget,
    *,
    average: Average | None = "macro",
    zero_division: float = 0.0,
    absent: Absent = "keep",
    classes: Sequence[int] | None = None,
    class_weight: Tensor | ArrayLike | None = None,
    **counting: Unpack[Counting],
) -> BatchLoss:
    """Train for specificity: few examples of other classes decided for a class.

    `1 - TN / (TN + FP)`.

    Args:
        logits: Scores, `(*batch, classes)`, or as `task` says.
        target: Labels `(*batch,)` or probabilities, or as `task` says.
        average: Over the classes; see `costfn.metrics` for this and for
            `zero_division`, `absent`, `classes` and `class_weight`.
        **counting: How to count; see `metric_loss`.

    Returns:
        A scalar; `(classes,)` for `average=None`.

    Example:
        >>> import torch, costfn
        >>> logits = torch.tensor([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0]])
        >>> costfn.specificity_loss(logits, torch.tensor([0, 1, 1]))
        tensor(0.3096)

    Source:
        Marchetti et al., "Score-Oriented Loss (SOL) Functions", Pattern Recognition
        132, 2022. https://arxiv.org/abs/2103.15522
    """
    averaging = Averaging(average, zero_division, absent, classes, class_weight)
    return averaged_loss(logits, target, counting, averaging, _specificity)


def _specificity(c: Cells) -> Quotient:
    return quotient(c.true_negative, c.other)


ENTRIES = (
    entry_of_metric(
        precision_loss,
        "1 - TP / (TP + FP)",
        SCORE_ORIENTED,
        "Needs a counterpart: deciding less is always safer.",
    ),
    entry_of_metric(
        recall_loss,
        "1 - TP / (TP + FN)",
        SCORE_ORIENTED,
        "Its macro average is that of balanced accuracy.",
    ),
    entry_of_metric(specificity_loss, "1 - TN / (TN + FP)", SCORE_ORIENTED),
)

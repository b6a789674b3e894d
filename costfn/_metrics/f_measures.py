"""Means of precision and recall: the F-measure, and Fowlkes and Mallows' index."""

from collections.abc import Sequence
from typing import Unpack

import torch
from torch import Tensor

from .._foundation.arrays import ArrayLike
from .._foundation.entry import SCORE_ORIENTED, entry_of_metric
from .._foundation.math import small
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


def f_beta(
    table: Table,
    *,
    beta: float | Tensor = 1.0,
    smooth: float | Tensor = 0.0,
    average: Average | None = "macro",
    zero_division: float = 0.0,
    absent: Absent = "keep",
    classes: Sequence[int] | None = None,
    class_weight: Tensor | ArrayLike | None = None,
) -> Tensor:
    """Weighted harmonic mean of precision and recall.

    `(1 + b²) TP / (b² (TP + FN) + TP + FP)`, from the counts and not from precision and
    recall, so that it is 0/0 only where a class is neither true nor predicted.

    Args:
        table: Counts, or a confusion matrix `(*, classes, classes)`.
        beta: Weight of recall against precision, above 0.
        smooth: Added above and below; see `costfn.metrics` for this and for `average`,
            `zero_division`, `absent`, `classes` and `class_weight`.

    Returns:
        In [0, 1], a scalar or `(*,)`; `(*, classes)` for `average=None`.

    Raises:
        ValueError: If `beta` is not above 0, or `smooth` below 0.

    Example:
        >>> import torch, costfn
        >>> matrix = torch.tensor([[3.0, 1.0], [2.0, 4.0]])
        >>> costfn.metrics.f_beta(matrix)
        tensor(0.6970)

    Source:
        van Rijsbergen, "Information Retrieval", 2nd ed., Butterworths, 1979; 0/0 as in
        `sklearn.metrics.fbeta_score`.
    """
    averaging = Averaging(average, zero_division, absent, classes, class_weight)
    return averaged(table, averaging, f_beta_of_cells, beta, smooth)


def f_beta_loss(
    logits: Scores,
    target: AnyTarget,
    *,
    beta: float | Tensor = 1.0,
    smooth: float | Tensor = 0.0,
    average: Average | None = "macro",
    zero_division: float = 0.0,
    absent: Absent = "keep",
    classes: Sequence[int] | None = None,
    class_weight: Tensor | ArrayLike | None = None,
    **counting: Unpack[Counting],
) -> BatchLoss:
    """Train for the F-measure.

    `1 - (1 + b²) TP / (b² (TP + FN) + TP + FP)` of each class, averaged.

    Args:
        logits: Scores, `(*batch, classes)`, or as `task` says.
        target: Labels `(*batch,)` or probabilities, or as `task` says.
        beta: Weight of recall against precision, above 0.
        smooth: Added above and below; see `costfn.metrics` for this and for `average`,
            `zero_division`, `absent`, `classes` and `class_weight`.
        **counting: How to count; see `metric_loss`.

    Returns:
        A scalar; `(classes,)` for `average=None`.

    Raises:
        ValueError: If `beta` is not above 0, or `smooth` below 0.

    Example:
        >>> import torch, costfn
        >>> logits = torch.tensor([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0]])
        >>> costfn.f_beta_loss(logits, torch.tensor([0, 1, 1]))
        tensor(0.3737)

    Source:
        Marchetti et al., "Score-Oriented Loss (SOL) Functions", Pattern Recognition
        132, 2022. https://arxiv.org/abs/2103.15522
    """
    averaging = Averaging(average, zero_division, absent, classes, class_weight)
    return averaged_loss(
        logits, target, counting, averaging, f_beta_of_cells, beta, smooth
    )


def f_beta_of_cells(c: Cells, beta: float | Tensor, smooth: float | Tensor) -> Quotient:
    recall_weight = number("beta", beta, ABOVE_ZERO)
    extra = number("smooth", smooth, AT_LEAST_ZERO)
    square = recall_weight * recall_weight
    numerator = (1 + square) * c.true_positive + extra
    return quotient(numerator, square * c.actual + c.predicted + extra)


def fowlkes_mallows(
    table: Table,
    *,
    average: Average | None = "macro",
    zero_division: float = 0.0,
    absent: Absent = "keep",
    classes: Sequence[int] | None = None,
    class_weight: Tensor | ArrayLike | None = None,
) -> Tensor:
    """Geometric mean of precision and recall: `TP / sqrt((TP + FP)(TP + FN))`.

    Args:
        table: Counts, or a confusion matrix `(*, classes, classes)`.
        average: Over the classes; see `costfn.metrics` for this and for
            `zero_division`, `absent`, `classes` and `class_weight`.

    Returns:
        In [0, 1], a scalar or `(*,)`; `(*, classes)` for `average=None`.

    Example:
        >>> import torch, costfn
        >>> matrix = torch.tensor([[3.0, 1.0], [2.0, 4.0]])
        >>> costfn.metrics.fowlkes_mallows(matrix)
        tensor(0.7006)

    Source:
        Fowlkes and Mallows, "A Method for Comparing Two Hierarchical Clusterings", JASA
        78, 1983, for classes (`sklearn.metrics.fowlkes_mallows_score` is for clusters).
    """
    averaging = Averaging(average, zero_division, absent, classes, class_weight)
    return averaged(table, averaging, _fowlkes_mallows)


def fowlkes_mallows_loss(
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
    """Train for the geometric mean of precision and recall.

    `1 - TP / sqrt((TP + FP)(TP + FN))`.

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
        >>> costfn.fowlkes_mallows_loss(logits, torch.tensor([0, 1, 1]))
        tensor(0.3447)

    Source:
        Fowlkes and Mallows, "A Method for Comparing Two Hierarchical Clusterings", JASA
        78, 1983, for classes.
    """
    averaging = Averaging(average, zero_division, absent, classes, class_weight)
    return averaged_loss(logits, target, counting, averaging, _fowlkes_mallows)


def _fowlkes_mallows(c: Cells) -> Quotient:
    none = small(c.predicted) | small(c.actual)
    sizes = (torch.where(none, 1.0, x) for x in (c.predicted, c.actual))
    root = next(sizes).sqrt() * next(sizes).sqrt()
    return torch.where(none, 0.0, c.true_positive / root), ~none


ENTRIES = (
    entry_of_metric(
        f_beta_loss, "1 - (1 + b^2) TP / (b^2 (TP + FN) + TP + FP)", SCORE_ORIENTED
    ),
    entry_of_metric(
        fowlkes_mallows_loss,
        "1 - TP / sqrt((TP + FP) (TP + FN))",
        (
            "Fowlkes and Mallows, JASA 1983",
            "https://doi.org/10.1080/01621459.1983.10478008",
        ),
    ),
)

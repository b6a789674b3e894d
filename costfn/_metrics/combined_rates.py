"""Metrics of one class against the rest, averaged over the classes: of rates."""

from collections.abc import Sequence

import torch
from torch import Tensor

from .._foundation.arrays import ArrayLike
from .._foundation.math import small
from .averaging import Absent, Average, Cells, Table, averaged, quotient


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
        average: `"macro"`, `"micro"`, `"weighted"` by true examples, `"binary"` for the
            second of 2 classes, `"samples"` for counts per example, None for all.
        zero_division: The value of 0/0: 0, 1, or nan, which leaves the class out.
        absent: `"keep"` every class; `"drop"` those without true examples;
            `"drop_unseen"` those neither true nor predicted, as scikit-learn without
            `labels=` does. What is dropped is NaN for `average=None`.
        classes: The classes that enter the average, all by default: `[1, 2]` leaves a
            background 0 out.
        class_weight: Weight of each class in a macro or weighted mean, at least 0,
            `(classes,)`.

    Returns:
        In [0, 1], a scalar or `(*,)`; `(*, classes)` for `average=None`.

    Raises:
        ValueError: If an option is unknown, or `table` is no table.

    Example:
        >>> import torch, costfn
        >>> matrix = torch.tensor([[3.0, 1.0], [2.0, 4.0]])
        >>> costfn.metrics.precision(matrix)
        tensor(0.7000)

    Source:
        van Rijsbergen, "Information Retrieval", 2nd ed., Butterworths, 1979.
    """
    return averaged(
        lambda c: quotient(c.true_positive, c.predicted),
        table,
        average,
        zero_division=zero_division,
        absent=absent,
        classes=classes,
        class_weight=class_weight,
    )


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
        average: `"macro"`, `"micro"`, `"weighted"` by true examples, `"binary"` for the
            second of 2 classes, `"samples"` for counts per example, None for all.
        zero_division: The value of 0/0: 0, 1, or nan, which leaves the class out.
        absent: `"keep"` every class; `"drop"` those without true examples;
            `"drop_unseen"` those neither true nor predicted, as scikit-learn without
            `labels=` does. What is dropped is NaN for `average=None`.
        classes: The classes that enter the average, all by default: `[1, 2]` leaves a
            background 0 out.
        class_weight: Weight of each class in a macro or weighted mean, at least 0,
            `(classes,)`.

    Returns:
        In [0, 1], a scalar or `(*,)`; `(*, classes)` for `average=None`.

    Raises:
        ValueError: If an option is unknown, or `table` is no table.

    Example:
        >>> import torch, costfn
        >>> matrix = torch.tensor([[3.0, 1.0], [2.0, 4.0]])
        >>> costfn.metrics.recall(matrix)
        tensor(0.7083)

    Source:
        van Rijsbergen, "Information Retrieval", 2nd ed., Butterworths, 1979.
    """
    return averaged(
        lambda c: quotient(c.true_positive, c.actual),
        table,
        average,
        zero_division=zero_division,
        absent=absent,
        classes=classes,
        class_weight=class_weight,
    )


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
        average: `"macro"`, `"micro"`, `"weighted"` by true examples, `"binary"` for the
            second of 2 classes, `"samples"` for counts per example, None for all.
        zero_division: The value of 0/0: 0, 1, or nan, which leaves the class out.
        absent: `"keep"` every class; `"drop"` those without true examples;
            `"drop_unseen"` those neither true nor predicted, as scikit-learn without
            `labels=` does. What is dropped is NaN for `average=None`.
        classes: The classes that enter the average, all by default: `[1, 2]` leaves a
            background 0 out.
        class_weight: Weight of each class in a macro or weighted mean, at least 0,
            `(classes,)`.

    Returns:
        In [0, 1], a scalar or `(*,)`; `(*, classes)` for `average=None`.

    Raises:
        ValueError: If an option is unknown, or `table` is no table.

    Example:
        >>> import torch, costfn
        >>> matrix = torch.tensor([[3.0, 1.0], [2.0, 4.0]])
        >>> costfn.metrics.specificity(matrix)
        tensor(0.7083)

    Source:
        Yerushalmy, "Statistical Problems in Assessing Methods of Medical Diagnosis",
        Public Health Reports 62, 1947.
    """
    return averaged(
        lambda c: quotient(c.true_negative, c.other),
        table,
        average,
        zero_division=zero_division,
        absent=absent,
        classes=classes,
        class_weight=class_weight,
    )


def informedness(
    table: Table,
    *,
    average: Average | None = "macro",
    zero_division: float = 0.0,
    absent: Absent = "keep",
    classes: Sequence[int] | None = None,
    class_weight: Tensor | ArrayLike | None = None,
) -> Tensor:
    """Recall and specificity together: `TPR + TNR - 1` (Youden's J, the TSS).

    With more classes the mean over each against the rest; `balanced_accuracy` with
    `adjusted=True` is the other common generalisation.

    Args:
        table: Counts, or a confusion matrix `(*, classes, classes)`.
        average: `"macro"`, `"micro"`, `"weighted"` by true examples, `"binary"` for the
            second of 2 classes, `"samples"` for counts per example, None for all.
        zero_division: The value of 0/0: 0, 1, or nan, which leaves the class out.
        absent: `"keep"` every class; `"drop"` those without true examples;
            `"drop_unseen"` those neither true nor predicted, as scikit-learn without
            `labels=` does. What is dropped is NaN for `average=None`.
        classes: The classes that enter the average, all by default: `[1, 2]` leaves a
            background 0 out.
        class_weight: Weight of each class in a macro or weighted mean, at least 0,
            `(classes,)`.

    Returns:
        In [-1, 1], a scalar or `(*,)`; `(*, classes)` for `average=None`.

    Raises:
        ValueError: If an option is unknown, or `table` is no table.

    Example:
        >>> import torch, costfn
        >>> matrix = torch.tensor([[3.0, 1.0], [2.0, 4.0]])
        >>> costfn.metrics.informedness(matrix)
        tensor(0.4167)

    Source:
        Youden, "Index for Rating Diagnostic Tests", Cancer 3, 1950; Powers, JMLT 2011.
        https://arxiv.org/abs/2010.16061
    """

    def formula(c: Cells) -> tuple[Tensor, Tensor]:
        right, some = quotient(c.true_positive, c.actual)
        left, others = quotient(c.true_negative, c.other)
        return right + left - 1, some & others

    return averaged(
        formula,
        table,
        average,
        zero_division=zero_division,
        absent=absent,
        classes=classes,
        class_weight=class_weight,
    )


def markedness(
    table: Table,
    *,
    average: Average | None = "macro",
    zero_division: float = 0.0,
    absent: Absent = "keep",
    classes: Sequence[int] | None = None,
    class_weight: Tensor | ArrayLike | None = None,
) -> Tensor:
    """Precision for a class and against it: `PPV + NPV - 1`.

    Args:
        table: Counts, or a confusion matrix `(*, classes, classes)`.
        average: `"macro"`, `"micro"`, `"weighted"` by true examples, `"binary"` for the
            second of 2 classes, `"samples"` for counts per example, None for all.
        zero_division: The value of 0/0: 0, 1, or nan, which leaves the class out.
        absent: `"keep"` every class; `"drop"` those without true examples;
            `"drop_unseen"` those neither true nor predicted, as scikit-learn without
            `labels=` does. What is dropped is NaN for `average=None`.
        classes: The classes that enter the average, all by default: `[1, 2]` leaves a
            background 0 out.
        class_weight: Weight of each class in a macro or weighted mean, at least 0,
            `(classes,)`.

    Returns:
        In [-1, 1], a scalar or `(*,)`; `(*, classes)` for `average=None`.

    Raises:
        ValueError: If an option is unknown, or `table` is no table.

    Example:
        >>> import torch, costfn
        >>> matrix = torch.tensor([[3.0, 1.0], [2.0, 4.0]])
        >>> costfn.metrics.markedness(matrix)
        tensor(0.4000)

    Source:
        Powers, "Evaluation: from Precision, Recall and F-measure to ROC, Informedness,
        Markedness and Correlation", JMLT 2011. https://arxiv.org/abs/2010.16061
    """

    def formula(c: Cells) -> tuple[Tensor, Tensor]:
        right, some = quotient(c.true_positive, c.predicted)
        left, others = quotient(c.true_negative, c.unpredicted)
        return right + left - 1, some & others

    return averaged(
        formula,
        table,
        average,
        zero_division=zero_division,
        absent=absent,
        classes=classes,
        class_weight=class_weight,
    )


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
        average: `"macro"`, `"micro"`, `"weighted"` by true examples, `"binary"` for the
            second of 2 classes, `"samples"` for counts per example, None for all.
        zero_division: The value of 0/0: 0, 1, or nan, which leaves the class out.
        absent: `"keep"` every class; `"drop"` those without true examples;
            `"drop_unseen"` those neither true nor predicted, as scikit-learn without
            `labels=` does. What is dropped is NaN for `average=None`.
        classes: The classes that enter the average, all by default: `[1, 2]` leaves a
            background 0 out.
        class_weight: Weight of each class in a macro or weighted mean, at least 0,
            `(classes,)`.

    Returns:
        In [0, 1], a scalar or `(*,)`; `(*, classes)` for `average=None`.

    Raises:
        ValueError: If an option is unknown, or `table` is no table.

    Example:
        >>> import torch, costfn
        >>> matrix = torch.tensor([[3.0, 1.0], [2.0, 4.0]])
        >>> costfn.metrics.fowlkes_mallows(matrix)
        tensor(0.7006)

    Source:
        Fowlkes and Mallows, "A Method for Comparing Two Hierarchical Clusterings", JASA
        78, 1983, for classes (`sklearn.metrics.fowlkes_mallows_score` is for clusters).
    """

    def formula(c: Cells) -> tuple[Tensor, Tensor]:
        none = small(c.predicted) | small(c.actual)
        sizes = (torch.where(none, 1.0, x) for x in (c.predicted, c.actual))
        root = next(sizes).sqrt() * next(sizes).sqrt()
        return torch.where(none, 0.0, c.true_positive / root), ~none

    return averaged(
        formula,
        table,
        average,
        zero_division=zero_division,
        absent=absent,
        classes=classes,
        class_weight=class_weight,
    )

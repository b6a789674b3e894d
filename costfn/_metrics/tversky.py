"""Metrics of one class against the rest, averaged over the classes: of overlap."""

from collections.abc import Sequence

import torch
from torch import Tensor

from .._foundation.arrays import ArrayLike
from .._foundation.options import ABOVE_ZERO, AT_LEAST_ZERO, number
from .averaging import Absent, Average, Cells, Table, averaged, quotient


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
        smooth: Added to numerator and denominator, at least 0, in examples: an absent
            class then still feels its false positives.
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
        ValueError: If an option is unknown, `beta` not above 0, `smooth` below 0, or
            `table` is no table.

    Example:
        >>> import torch, costfn
        >>> matrix = torch.tensor([[3.0, 1.0], [2.0, 4.0]])
        >>> costfn.metrics.f_beta(matrix)
        tensor(0.6970)

    Source:
        van Rijsbergen, "Information Retrieval", 2nd ed., Butterworths, 1979; 0/0 as in
        `sklearn.metrics.fbeta_score`.
    """
    recall_weight = number("beta", beta, ABOVE_ZERO)
    extra = number("smooth", smooth, AT_LEAST_ZERO)
    square = recall_weight * recall_weight

    def formula(c: Cells) -> tuple[Tensor, Tensor]:
        numerator = (1 + square) * c.true_positive + extra
        return quotient(numerator, square * c.actual + c.predicted + extra)

    return averaged(
        formula,
        table,
        average,
        zero_division=zero_division,
        absent=absent,
        classes=classes,
        class_weight=class_weight,
    )


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
        smooth: Added to numerator and denominator, at least 0, in examples: an absent
            class then still feels its false positives.
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
        ValueError: If an option is unknown, `smooth` below 0, or `table` is no table.

    Example:
        >>> import torch, costfn
        >>> matrix = torch.tensor([[3.0, 1.0], [2.0, 4.0]])
        >>> costfn.metrics.jaccard(matrix)
        tensor(0.5357)

    Source:
        Jaccard, "Étude comparative de la distribution florale", 1901.
    """
    extra = number("smooth", smooth, AT_LEAST_ZERO)

    def formula(c: Cells) -> tuple[Tensor, Tensor]:
        union = c.predicted + c.actual - c.true_positive
        return quotient(c.true_positive + extra, union + extra)

    return averaged(
        formula,
        table,
        average,
        zero_division=zero_division,
        absent=absent,
        classes=classes,
        class_weight=class_weight,
    )


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
        smooth: Added to numerator and denominator, at least 0, in examples: an absent
            class then still feels its false positives.
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
        ValueError: If an option is unknown, `smooth` below 0, or `table` is no table.

    Example:
        >>> import torch, costfn
        >>> matrix = torch.tensor([[3.0, 1.0], [2.0, 4.0]])
        >>> costfn.metrics.dice(matrix)
        tensor(0.6970)

    Source:
        Dice, "Measures of the Amount of Ecologic Association Between Species", Ecology
        26, 1945; as a loss Milletari et al., 3DV 2016. https://arxiv.org/abs/1606.04797
    """
    return f_beta(
        table,
        smooth=smooth,
        average=average,
        zero_division=zero_division,
        absent=absent,
        classes=classes,
        class_weight=class_weight,
    )


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
        smooth: Added to numerator and denominator, at least 0, in examples: an absent
            class then still feels its false positives.
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
        ValueError: If an option is unknown, a weight or `smooth` below 0, or `table`
            is no table.

    Example:
        >>> import torch, costfn
        >>> matrix = torch.tensor([[3.0, 1.0], [2.0, 4.0]])
        >>> costfn.metrics.tversky(matrix)
        tensor(0.6970)

    Source:
        Tversky, "Features of Similarity", Psychological Review 84, 1977; as a loss
        Salehi et al., 2017. https://arxiv.org/abs/1706.05721
    """
    false_alarm = number("alpha", alpha, AT_LEAST_ZERO)
    miss = number("beta", beta, AT_LEAST_ZERO)
    extra = number("smooth", smooth, AT_LEAST_ZERO)

    def formula(c: Cells) -> tuple[Tensor, Tensor]:
        errors = false_alarm * c.false_positive + miss * c.false_negative
        overlap = c.true_positive + extra
        return quotient(overlap, overlap + errors)

    return averaged(
        formula,
        table,
        average,
        zero_division=zero_division,
        absent=absent,
        classes=classes,
        class_weight=class_weight,
    )


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

    As a loss `(1 - T)**gamma`; its gradient at a perfect class is 0, not infinite.

    Args:
        table: Counts, or a confusion matrix `(*, classes, classes)`.
        alpha: Weight of false positives, at least 0.
        beta: Weight of false negatives, at least 0.
        gamma: Exponent, above 0: below 1 stresses what is nearly right.
        smooth: Added to numerator and denominator, at least 0, in examples: an absent
            class then still feels its false positives.
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
        ValueError: If an option is unknown, a weight or `smooth` below 0, `gamma` not
            above 0, or `table` is no table.

    Example:
        >>> import torch, costfn
        >>> matrix = torch.tensor([[3.0, 1.0], [2.0, 4.0]])
        >>> costfn.metrics.focal_tversky(matrix)
        tensor(0.5920)

    Source:
        Abraham and Khan, "A Novel Focal Tversky Loss Function", ISBI 2019, eq. 4, whose
        gamma is the inverse of this. https://arxiv.org/abs/1810.07842
    """
    false_alarm = number("alpha", alpha, AT_LEAST_ZERO)
    miss = number("beta", beta, AT_LEAST_ZERO)
    exponent = number("gamma", gamma, ABOVE_ZERO)
    extra = number("smooth", smooth, AT_LEAST_ZERO)

    def formula(c: Cells) -> tuple[Tensor, Tensor]:
        errors = false_alarm * c.false_positive + miss * c.false_negative
        missing, defined = quotient(errors, c.true_positive + extra + errors)
        # Twice where: the slope of the power at 0 is infinite. NaN stays NaN.
        none = missing <= torch.finfo(missing.dtype).tiny
        power = torch.where(none, 1.0, missing) ** exponent
        return 1 - torch.where(none, 0.0, power), defined

    return averaged(
        formula,
        table,
        average,
        zero_division=zero_division,
        absent=absent,
        classes=classes,
        class_weight=class_weight,
    )

"""Losses for metrics of one class against the rest: of overlap."""

from collections.abc import Sequence
from functools import partial
from typing import Unpack

from torch import Tensor

from .._foundation.arrays import ArrayLike
from .._foundation.types import AnyTarget, BatchLoss, Scores
from . import tversky as metrics
from .averaging import Absent, Average
from .metric_loss import Counting, averaged_loss


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

    Properties: in [0, 1]; 0 at a perfect prediction; not convex; of the batch as a
    whole.

    Args:
        logits: Scores, `(*batch, classes)`, or as `task` says.
        target: Labels `(*batch,)` or probabilities, or as `task` says.
        beta: Weight of recall against precision, above 0.
        smooth: Added to numerator and denominator, at least 0, in examples: an absent
            class then still feels its false positives.
        average: `"macro"`, `"weighted"` by true examples, None for one loss per class;
            `"binary"` for the second of two classes; `"micro"` and `"samples"` for
            several labels per example.
        zero_division: The metric at 0/0: 0, 1, or nan, which leaves the class out.
        absent: `"keep"` every class; `"drop"` those without true examples.
        classes: The classes that enter the average, all by default: `[1, 2]` leaves a
            background 0 out. `"micro"` may then be taken of one label per example too.
        class_weight: Weight of each class in a macro or weighted mean, `(classes,)`.
        **counting: How to count, see `metric_loss`: `relaxation`, `task`, `scope`,
            `sample_weight`, `where`, `sum_counts`, `reduction`.

    Returns:
        A scalar; `(classes,)` for `average=None`.

    Raises:
        TypeError: If an argument has the wrong dtype.
        ValueError: If shapes do not match, a label is out of range, `beta` is not above
            0, `smooth` below 0, or an option is unknown or, as micro averages of one
            label per example, senseless.

    Example:
        >>> import torch, costfn
        >>> logits = torch.tensor([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0]])
        >>> costfn.f_beta_loss(logits, torch.tensor([0, 1, 1]))
        tensor(0.3737)

    Source:
        Marchetti et al., "Score-Oriented Loss (SOL) Functions", Pattern Recognition
        132, 2022. https://arxiv.org/abs/2103.15522
    """
    measure = partial(
        metrics.f_beta,
        beta=beta,
        smooth=smooth,
        zero_division=zero_division,
        absent=absent,
        class_weight=class_weight,
    )
    return averaged_loss(measure, average, classes, logits, target, **counting)


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

    Properties: in [0, 1]; 0 at a perfect prediction; not convex; of the batch as a
    whole.

    Args:
        logits: Scores, `(*batch, classes)`, or as `task` says.
        target: Labels `(*batch,)` or probabilities, or as `task` says.
        smooth: Added to numerator and denominator, at least 0, in examples: an absent
            class then still feels its false positives.
        average: `"macro"`, `"weighted"` by true examples, None for one loss per class;
            `"binary"` for the second of two classes; `"micro"` and `"samples"` for
            several labels per example.
        zero_division: The metric at 0/0: 0, 1, or nan, which leaves the class out.
        absent: `"keep"` every class; `"drop"` those without true examples.
        classes: The classes that enter the average, all by default: `[1, 2]` leaves a
            background 0 out. `"micro"` may then be taken of one label per example too.
        class_weight: Weight of each class in a macro or weighted mean, `(classes,)`.
        **counting: How to count, see `metric_loss`: `relaxation`, `task`, `scope`,
            `sample_weight`, `where`, `sum_counts`, `reduction`.

    Returns:
        A scalar; `(classes,)` for `average=None`.

    Raises:
        TypeError: If an argument has the wrong dtype.
        ValueError: If shapes do not match, a label is out of range, `smooth` is below
            0, or an option is unknown or, as micro averages of one label per example,
            senseless.

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
    measure = partial(
        metrics.jaccard,
        smooth=smooth,
        zero_division=zero_division,
        absent=absent,
        class_weight=class_weight,
    )
    return averaged_loss(measure, average, classes, logits, target, **counting)


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

    Properties: in [0, 1]; 0 at a perfect prediction; not convex; of the batch as a
    whole.

    Args:
        logits: Scores, `(*batch, classes)`, or as `task` says.
        target: Labels `(*batch,)` or probabilities, or as `task` says.
        smooth: Added to numerator and denominator, at least 0, in examples: an absent
            class then still feels its false positives.
        average: `"macro"`, `"weighted"` by true examples, None for one loss per class;
            `"binary"` for the second of two classes; `"micro"` and `"samples"` for
            several labels per example.
        zero_division: The metric at 0/0: 0, 1, or nan, which leaves the class out.
        absent: `"keep"` every class; `"drop"` those without true examples.
        classes: The classes that enter the average, all by default: `[1, 2]` leaves a
            background 0 out. `"micro"` may then be taken of one label per example too.
        class_weight: Weight of each class in a macro or weighted mean, `(classes,)`.
        **counting: How to count, see `metric_loss`: `relaxation`, `task`, `scope`,
            `sample_weight`, `where`, `sum_counts`, `reduction`.

    Returns:
        A scalar; `(classes,)` for `average=None`.

    Raises:
        TypeError: If an argument has the wrong dtype.
        ValueError: If shapes do not match, a label is out of range, `smooth` is below
            0, or an option is unknown or, as micro averages of one label per example,
            senseless.

    Example:
        >>> import torch, costfn
        >>> logits = torch.tensor([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0]])
        >>> costfn.dice_loss(logits, torch.tensor([0, 1, 1]))
        tensor(0.3737)

    Source:
        Milletari et al., "V-Net", 3DV 2016, without the squares.
        https://arxiv.org/abs/1606.04797
    """
    measure = partial(
        metrics.dice,
        smooth=smooth,
        zero_division=zero_division,
        absent=absent,
        class_weight=class_weight,
    )
    return averaged_loss(measure, average, classes, logits, target, **counting)


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
    """Train for overlap, with false positives and negatives weighed apart.

    `1 - TP / (TP + alpha FP + beta FN)`.

    Properties: in [0, 1]; 0 at a perfect prediction; not convex; of the batch as a
    whole.

    Args:
        logits: Scores, `(*batch, classes)`, or as `task` says.
        target: Labels `(*batch,)` or probabilities, or as `task` says.
        alpha: Weight of false positives, at least 0.
        beta: Weight of false negatives, at least 0.
        smooth: Added to numerator and denominator, at least 0, in examples: an absent
            class then still feels its false positives.
        average: `"macro"`, `"weighted"` by true examples, None for one loss per class;
            `"binary"` for the second of two classes; `"micro"` and `"samples"` for
            several labels per example.
        zero_division: The metric at 0/0: 0, 1, or nan, which leaves the class out.
        absent: `"keep"` every class; `"drop"` those without true examples.
        classes: The classes that enter the average, all by default: `[1, 2]` leaves a
            background 0 out. `"micro"` may then be taken of one label per example too.
        class_weight: Weight of each class in a macro or weighted mean, `(classes,)`.
        **counting: How to count, see `metric_loss`: `relaxation`, `task`, `scope`,
            `sample_weight`, `where`, `sum_counts`, `reduction`.

    Returns:
        A scalar; `(classes,)` for `average=None`.

    Raises:
        TypeError: If an argument has the wrong dtype.
        ValueError: If shapes do not match, a label is out of range, a weight or
            `smooth` is below 0, or an option is unknown or, as micro averages of one
            label per example, senseless.

    Example:
        >>> import torch, costfn
        >>> logits = torch.tensor([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0]])
        >>> costfn.tversky_loss(logits, torch.tensor([0, 1, 1]))
        tensor(0.3737)

    Source:
        Salehi et al., "Tversky Loss Function for Image Segmentation using 3D Fully
        Convolutional Deep Networks", MLMI 2017. https://arxiv.org/abs/1706.05721
    """
    measure = partial(
        metrics.tversky,
        alpha=alpha,
        beta=beta,
        smooth=smooth,
        zero_division=zero_division,
        absent=absent,
        class_weight=class_weight,
    )
    return averaged_loss(measure, average, classes, logits, target, **counting)


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

    Properties: in [0, 1]; 0 at a perfect prediction; not convex; of the batch as a
    whole. The gradient at a perfect class is 0, not infinite.

    Args:
        logits: Scores, `(*batch, classes)`, or as `task` says.
        target: Labels `(*batch,)` or probabilities, or as `task` says.
        alpha: Weight of false positives, at least 0.
        beta: Weight of false negatives, at least 0.
        gamma: Exponent, above 0.
        smooth: Added to numerator and denominator, at least 0, in examples: an absent
            class then still feels its false positives.
        average: `"macro"`, `"weighted"` by true examples, None for one loss per class;
            `"binary"` for the second of two classes; `"micro"` and `"samples"` for
            several labels per example.
        zero_division: The metric at 0/0: 0, 1, or nan, which leaves the class out.
        absent: `"keep"` every class; `"drop"` those without true examples.
        classes: The classes that enter the average, all by default: `[1, 2]` leaves a
            background 0 out. `"micro"` may then be taken of one label per example too.
        class_weight: Weight of each class in a macro or weighted mean, `(classes,)`.
        **counting: How to count, see `metric_loss`: `relaxation`, `task`, `scope`,
            `sample_weight`, `where`, `sum_counts`, `reduction`.

    Returns:
        A scalar; `(classes,)` for `average=None`.

    Raises:
        TypeError: If an argument has the wrong dtype.
        ValueError: If shapes do not match, a label is out of range, a weight or
            `smooth` is below 0, `gamma` not above 0, or an option is unknown or, as
            micro averages of one label per example, senseless.

    Example:
        >>> import torch, costfn
        >>> logits = torch.tensor([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0]])
        >>> costfn.focal_tversky_loss(logits, torch.tensor([0, 1, 1]))
        tensor(0.4778)

    Source:
        Abraham and Khan, "A Novel Focal Tversky Loss Function", ISBI 2019, eq. 4, whose
        gamma is the inverse of this. https://arxiv.org/abs/1810.07842
    """
    measure = partial(
        metrics.focal_tversky,
        alpha=alpha,
        beta=beta,
        gamma=gamma,
        smooth=smooth,
        zero_division=zero_division,
        absent=absent,
        class_weight=class_weight,
    )
    return averaged_loss(measure, average, classes, logits, target, **counting)

"""Losses for metrics of one class against the rest: of rates."""

from collections.abc import Sequence
from functools import partial
from typing import Unpack

from torch import Tensor

from .._foundation.arrays import ArrayLike
from .._foundation.types import AnyTarget, BatchLoss, Scores
from . import combined_rates as metrics
from .averaging import Absent, Average
from .metric_loss import Counting, averaged_loss


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

    Properties: in [0, 1]; 0 at a perfect prediction; not convex; of the batch as a
    whole. Deciding less is always safer: give it a counterpart.

    Args:
        logits: Scores, `(*batch, classes)`, or as `task` says.
        target: Labels `(*batch,)` or probabilities, or as `task` says.
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
        ValueError: If shapes do not match, a label is out of range, or an option
            is unknown or, as micro averages of one label per example, senseless.

    Example:
        >>> import torch, costfn
        >>> logits = torch.tensor([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0]])
        >>> costfn.precision_loss(logits, torch.tensor([0, 1, 1]))
        tensor(0.3191)

    Source:
        Marchetti et al., "Score-Oriented Loss (SOL) Functions", Pattern Recognition
        132, 2022. https://arxiv.org/abs/2103.15522
    """
    measure = partial(
        metrics.precision,
        zero_division=zero_division,
        absent=absent,
        class_weight=class_weight,
    )
    return averaged_loss(measure, average, classes, logits, target, **counting)


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

    Properties: in [0, 1]; 0 at a perfect prediction; not convex; of the batch as a
    whole. Deciding more is always safer for one class; the macro average is the
    balanced accuracy.

    Args:
        logits: Scores, `(*batch, classes)`, or as `task` says.
        target: Labels `(*batch,)` or probabilities, or as `task` says.
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
        ValueError: If shapes do not match, a label is out of range, or an option
            is unknown or, as micro averages of one label per example, senseless.

    Example:
        >>> import torch, costfn
        >>> logits = torch.tensor([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0]])
        >>> costfn.recall_loss(logits, torch.tensor([0, 1, 1]))
        tensor(0.3096)

    Source:
        Marchetti et al., "Score-Oriented Loss (SOL) Functions", Pattern Recognition
        132, 2022. https://arxiv.org/abs/2103.15522
    """
    measure = partial(
        metrics.recall,
        zero_division=zero_division,
        absent=absent,
        class_weight=class_weight,
    )
    return averaged_loss(measure, average, classes, logits, target, **counting)


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
    """Train for specificity: few of the others taken for a class.

    `1 - TN / (TN + FP)`.

    Properties: in [0, 1]; 0 at a perfect prediction; not convex; of the batch as a
    whole.

    Args:
        logits: Scores, `(*batch, classes)`, or as `task` says.
        target: Labels `(*batch,)` or probabilities, or as `task` says.
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
        ValueError: If shapes do not match, a label is out of range, or an option
            is unknown or, as micro averages of one label per example, senseless.

    Example:
        >>> import torch, costfn
        >>> logits = torch.tensor([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0]])
        >>> costfn.specificity_loss(logits, torch.tensor([0, 1, 1]))
        tensor(0.3096)

    Source:
        Marchetti et al., "Score-Oriented Loss (SOL) Functions", Pattern Recognition
        132, 2022. https://arxiv.org/abs/2103.15522
    """
    measure = partial(
        metrics.specificity,
        zero_division=zero_division,
        absent=absent,
        class_weight=class_weight,
    )
    return averaged_loss(measure, average, classes, logits, target, **counting)


def informedness_loss(
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
    """Train for informedness: recall and specificity together (Youden's J, TSS).

    `2 - TPR - TNR`.

    Properties: in [0, 2]; 0 at a perfect prediction; not convex; of the batch as a
    whole.

    Args:
        logits: Scores, `(*batch, classes)`, or as `task` says.
        target: Labels `(*batch,)` or probabilities, or as `task` says.
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
        ValueError: If shapes do not match, a label is out of range, or an option
            is unknown or, as micro averages of one label per example, senseless.

    Example:
        >>> import torch, costfn
        >>> logits = torch.tensor([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0]])
        >>> costfn.informedness_loss(logits, torch.tensor([0, 1, 1]))
        tensor(0.6192)

    Source:
        Marchetti et al., "Score-Oriented Loss (SOL) Functions", Pattern Recognition
        132, 2022. https://arxiv.org/abs/2103.15522
    """
    measure = partial(
        metrics.informedness,
        zero_division=zero_division,
        absent=absent,
        class_weight=class_weight,
    )
    return averaged_loss(measure, average, classes, logits, target, **counting)


def markedness_loss(
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
    """Train for markedness: precision for a class and against it.

    `2 - PPV - NPV`.

    Properties: in [0, 2]; 0 at a perfect prediction; not convex; of the batch as a
    whole.

    Args:
        logits: Scores, `(*batch, classes)`, or as `task` says.
        target: Labels `(*batch,)` or probabilities, or as `task` says.
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
        ValueError: If shapes do not match, a label is out of range, or an option
            is unknown or, as micro averages of one label per example, senseless.

    Example:
        >>> import torch, costfn
        >>> logits = torch.tensor([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0]])
        >>> costfn.markedness_loss(logits, torch.tensor([0, 1, 1]))
        tensor(0.6382)

    Source:
        Powers, "Evaluation: from Precision, Recall and F-measure to ROC, Informedness,
        Markedness and Correlation", JMLT 2011. https://arxiv.org/abs/2010.16061
    """
    measure = partial(
        metrics.markedness,
        zero_division=zero_division,
        absent=absent,
        class_weight=class_weight,
    )
    return averaged_loss(measure, average, classes, logits, target, **counting)


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

    Properties: in [0, 1]; 0 at a perfect prediction; not convex; of the batch as a
    whole.

    Args:
        logits: Scores, `(*batch, classes)`, or as `task` says.
        target: Labels `(*batch,)` or probabilities, or as `task` says.
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
        ValueError: If shapes do not match, a label is out of range, or an option
            is unknown or, as micro averages of one label per example, senseless.

    Example:
        >>> import torch, costfn
        >>> logits = torch.tensor([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0]])
        >>> costfn.fowlkes_mallows_loss(logits, torch.tensor([0, 1, 1]))
        tensor(0.3447)

    Source:
        Fowlkes and Mallows, "A Method for Comparing Two Hierarchical Clusterings", JASA
        78, 1983, for classes.
    """
    measure = partial(
        metrics.fowlkes_mallows,
        zero_division=zero_division,
        absent=absent,
        class_weight=class_weight,
    )
    return averaged_loss(measure, average, classes, logits, target, **counting)

"""Sums of a rate and its counterpart: informedness and markedness."""

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
        average: Over the classes; see `costfn.metrics` for this and for
            `zero_division`, `absent`, `classes` and `class_weight`.

    Returns:
        In [-1, 1], a scalar or `(*,)`; `(*, classes)` for `average=None`.

    Example:
        >>> import torch, costfn
        >>> matrix = torch.tensor([[3.0, 1.0], [2.0, 4.0]])
        >>> costfn.metrics.informedness(matrix)
        tensor(0.4167)

    Source:
        Youden, "Index for Rating Diagnostic Tests", Cancer 3, 1950; Powers, JMLT 2011.
        https://arxiv.org/abs/2010.16061
    """
    averaging = Averaging(average, zero_division, absent, classes, class_weight)
    return averaged(table, averaging, _informedness)


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

    Properties: in [0, 2].

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
        >>> costfn.informedness_loss(logits, torch.tensor([0, 1, 1]))
        tensor(0.6192)

    Source:
        Marchetti et al., "Score-Oriented Loss (SOL) Functions", Pattern Recognition
        132, 2022. https://arxiv.org/abs/2103.15522
    """
    averaging = Averaging(average, zero_division, absent, classes, class_weight)
    return averaged_loss(logits, target, counting, averaging, _informedness)


def _informedness(c: Cells) -> Quotient:
    recall, any_actual = quotient(c.true_positive, c.actual)
    specificity, any_other = quotient(c.true_negative, c.other)
    return recall + specificity - 1, any_actual & any_other


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
        average: Over the classes; see `costfn.metrics` for this and for
            `zero_division`, `absent`, `classes` and `class_weight`.

    Returns:
        In [-1, 1], a scalar or `(*,)`; `(*, classes)` for `average=None`.

    Example:
        >>> import torch, costfn
        >>> matrix = torch.tensor([[3.0, 1.0], [2.0, 4.0]])
        >>> costfn.metrics.markedness(matrix)
        tensor(0.4000)

    Source:
        Powers, "Evaluation: from Precision, Recall and F-measure to ROC, Informedness,
        Markedness and Correlation", JMLT 2011. https://arxiv.org/abs/2010.16061
    """
    averaging = Averaging(average, zero_division, absent, classes, class_weight)
    return averaged(table, averaging, _markedness)


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

    Properties: in [0, 2].

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
        >>> costfn.markedness_loss(logits, torch.tensor([0, 1, 1]))
        tensor(0.6382)

    Source:
        Powers, "Evaluation: from Precision, Recall and F-measure to ROC, Informedness,
        Markedness and Correlation", JMLT 2011. https://arxiv.org/abs/2010.16061
    """
    averaging = Averaging(average, zero_division, absent, classes, class_weight)
    return averaged_loss(logits, target, counting, averaging, _markedness)


def _markedness(c: Cells) -> Quotient:
    precision, any_predicted = quotient(c.true_positive, c.predicted)
    of_the_rest, any_unpredicted = quotient(c.true_negative, c.unpredicted)
    return precision + of_the_rest - 1, any_predicted & any_unpredicted


ENTRIES = (
    entry_of_metric(
        informedness_loss,
        "2 - TPR - TNR",
        SCORE_ORIENTED,
        "Youden's J; the true skill statistic.",
    ),
    entry_of_metric(
        markedness_loss,
        "2 - PPV - NPV",
        ("Powers, 2011", "https://arxiv.org/abs/2010.16061"),
    ),
)

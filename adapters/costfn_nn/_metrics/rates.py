"""The losses for rates of one class as modules."""

from collections.abc import Sequence

from torch import Tensor

import costfn
from costfn import Reduction
from costfn.confusion import Scope, Task
from costfn.front_end import ArrayLike
from costfn.metrics import Absent, Average
from costfn.relaxations import Relaxation

from .._foundation.base import LossModule
from .._foundation.counted import counted
from .._foundation.habits import (
    IgnoreIndex,
    PosWeight,
    SumCounts,
    averaging,
    counting,
    habits_of_counts,
)


class PrecisionLoss(LossModule):
    """Module of `costfn.precision_loss`, which documents the options."""

    def __init__(
        self,
        *,
        average: Average | None = "macro",
        zero_division: float = 0.0,
        absent: Absent = "keep",
        classes: Sequence[int] | None = None,
        class_weight: Tensor | ArrayLike | None = None,
        relaxation: Relaxation | None = None,
        task: Task = "multiclass",
        scope: Scope = "batch",
        sum_counts: SumCounts | None = None,
        reduction: Reduction = "mean",
        weight: Tensor | ArrayLike | None = None,
        pos_weight: PosWeight = None,
        ignore_index: IgnoreIndex = -100,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(
            costfn.precision_loss,
            counted,
            options={
                **averaging(average, zero_division, absent, classes, class_weight),
                **counting(relaxation, task, scope, sum_counts, reduction),
            },
            habits=habits_of_counts(
                task, weight, pos_weight, ignore_index, label_smoothing
            ),
        )


class RecallLoss(LossModule):
    """Module of `costfn.recall_loss`, which documents the options.

    `weight` changes nothing in the mean over classes: each class is measured within its
    own examples, where the weight of the class cancels. `class_weight` weighs the mean.
    """

    def __init__(
        self,
        *,
        average: Average | None = "macro",
        zero_division: float = 0.0,
        absent: Absent = "keep",
        classes: Sequence[int] | None = None,
        class_weight: Tensor | ArrayLike | None = None,
        relaxation: Relaxation | None = None,
        task: Task = "multiclass",
        scope: Scope = "batch",
        sum_counts: SumCounts | None = None,
        reduction: Reduction = "mean",
        weight: Tensor | ArrayLike | None = None,
        pos_weight: PosWeight = None,
        ignore_index: IgnoreIndex = -100,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(
            costfn.recall_loss,
            counted,
            options={
                **averaging(average, zero_division, absent, classes, class_weight),
                **counting(relaxation, task, scope, sum_counts, reduction),
            },
            habits=habits_of_counts(
                task, weight, pos_weight, ignore_index, label_smoothing
            ),
        )


class SpecificityLoss(LossModule):
    """Module of `costfn.specificity_loss`, which documents the options."""

    def __init__(
        self,
        *,
        average: Average | None = "macro",
        zero_division: float = 0.0,
        absent: Absent = "keep",
        classes: Sequence[int] | None = None,
        class_weight: Tensor | ArrayLike | None = None,
        relaxation: Relaxation | None = None,
        task: Task = "multiclass",
        scope: Scope = "batch",
        sum_counts: SumCounts | None = None,
        reduction: Reduction = "mean",
        weight: Tensor | ArrayLike | None = None,
        pos_weight: PosWeight = None,
        ignore_index: IgnoreIndex = -100,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(
            costfn.specificity_loss,
            counted,
            options={
                **averaging(average, zero_division, absent, classes, class_weight),
                **counting(relaxation, task, scope, sum_counts, reduction),
            },
            habits=habits_of_counts(
                task, weight, pos_weight, ignore_index, label_smoothing
            ),
        )

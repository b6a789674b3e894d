"""The losses for accuracy as modules."""

from collections.abc import Sequence
from math import nan

from torch import Tensor

import costfn
from costfn import Reduction
from costfn.confusion import Scope, Task
from costfn.front_end import ArrayLike
from costfn.relaxations import Relaxation

from .._foundation.base import LossModule
from .._foundation.counted import counted
from .._foundation.habits import (
    IgnoreIndex,
    PosWeight,
    SumCounts,
    checked_class_weight,
    counting,
    habits_of_counts,
)


class AccuracyLoss(LossModule):
    """Module of `costfn.accuracy_loss`, which documents the options."""

    def __init__(
        self,
        *,
        zero_division: float = 0.0,
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
            costfn.accuracy_loss,
            counted,
            options={
                "zero_division": zero_division,
                **counting(relaxation, task, scope, sum_counts, reduction),
            },
            habits=habits_of_counts(
                task, weight, pos_weight, ignore_index, label_smoothing
            ),
        )


class BalancedAccuracyLoss(LossModule):
    """Module of `costfn.balanced_accuracy_loss`, which documents the options.

    `weight` changes nothing in the mean over classes: each class is measured within its
    own examples, where the weight of the class cancels. `class_weight` weighs the mean.
    """

    def __init__(
        self,
        *,
        adjusted: bool = False,
        zero_division: float = nan,
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
            costfn.balanced_accuracy_loss,
            counted,
            options={
                "adjusted": adjusted,
                "zero_division": zero_division,
                "classes": classes,
                "class_weight": checked_class_weight(class_weight),
                **counting(relaxation, task, scope, sum_counts, reduction),
            },
            habits=habits_of_counts(
                task, weight, pos_weight, ignore_index, label_smoothing
            ),
        )


class GMeanLoss(LossModule):
    """Module of `costfn.g_mean_loss`, which documents the options.

    `weight` changes nothing in the mean over classes: each class is measured within its
    own examples, where the weight of the class cancels. `class_weight` weighs the mean.
    """

    def __init__(
        self,
        *,
        zero_division: float = 0.0,
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
            costfn.g_mean_loss,
            counted,
            options={
                "zero_division": zero_division,
                "classes": classes,
                "class_weight": checked_class_weight(class_weight),
                **counting(relaxation, task, scope, sum_counts, reduction),
            },
            habits=habits_of_counts(
                task, weight, pos_weight, ignore_index, label_smoothing
            ),
        )

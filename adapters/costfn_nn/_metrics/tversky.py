"""The Tversky losses as modules."""

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


class TverskyLoss(LossModule):
    """Module of `costfn.tversky_loss`, which documents the options."""

    def __init__(
        self,
        *,
        alpha: float | Tensor = 0.5,
        beta: float | Tensor = 0.5,
        smooth: float | Tensor = 0.0,
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
            costfn.tversky_loss,
            counted,
            options={
                "alpha": alpha,
                "beta": beta,
                "smooth": smooth,
                **averaging(average, zero_division, absent, classes, class_weight),
                **counting(relaxation, task, scope, sum_counts, reduction),
            },
            habits=habits_of_counts(
                task, weight, pos_weight, ignore_index, label_smoothing
            ),
        )


class FocalTverskyLoss(LossModule):
    """Module of `costfn.focal_tversky_loss`, which documents the options."""

    def __init__(
        self,
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
            costfn.focal_tversky_loss,
            counted,
            options={
                "alpha": alpha,
                "beta": beta,
                "gamma": gamma,
                "smooth": smooth,
                **averaging(average, zero_division, absent, classes, class_weight),
                **counting(relaxation, task, scope, sum_counts, reduction),
            },
            habits=habits_of_counts(
                task, weight, pos_weight, ignore_index, label_smoothing
            ),
        )

"""The losses for costs of the confusion matrix as modules."""

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
    checked_cost,
    counting,
    habits_of_counts,
)


class NormalizedCostLoss(LossModule):
    """Module of `costfn.normalized_cost_loss`, which documents the options."""

    def __init__(
        self,
        cost: Tensor | ArrayLike,
        *,
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
            costfn.normalized_cost_loss,
            counted,
            options={
                "cost": checked_cost(cost),
                **counting(relaxation, task, scope, sum_counts, reduction),
            },
            habits=habits_of_counts(
                task, weight, pos_weight, ignore_index, label_smoothing
            ),
        )


class SavingsLoss(LossModule):
    """Module of `costfn.savings_loss`, which documents the options."""

    def __init__(
        self,
        cost: Tensor | ArrayLike,
        *,
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
            costfn.savings_loss,
            counted,
            options={
                "cost": checked_cost(cost),
                **counting(relaxation, task, scope, sum_counts, reduction),
            },
            habits=habits_of_counts(
                task, weight, pos_weight, ignore_index, label_smoothing
            ),
        )


class RegretLoss(LossModule):
    """Module of `costfn.regret_loss`, which documents the options."""

    def __init__(
        self,
        cost: Tensor | ArrayLike,
        *,
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
            costfn.regret_loss,
            counted,
            options={
                "cost": checked_cost(cost),
                **counting(relaxation, task, scope, sum_counts, reduction),
            },
            habits=habits_of_counts(
                task, weight, pos_weight, ignore_index, label_smoothing
            ),
        )

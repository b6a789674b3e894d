"""The generalised Dice loss as a module."""

from collections.abc import Sequence

from torch import Tensor

import costfn
from costfn import Reduction
from costfn.confusion import Scope, Task
from costfn.front_end import ArrayLike
from costfn.metrics import Weighting
from costfn.relaxations import Relaxation

from .._foundation.base import LossModule
from .._foundation.counted import counted
from .._foundation.habits import (
    IgnoreIndex,
    PosWeight,
    SumCounts,
    counting,
    habits_of_counts,
)


class GeneralizedDiceLoss(LossModule):
    """Module of `costfn.generalized_dice_loss`, which documents the options."""

    def __init__(
        self,
        *,
        weighting: Weighting = "square",
        zero_division: float = 0.0,
        classes: Sequence[int] | None = None,
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
            costfn.generalized_dice_loss,
            counted,
            options={
                "weighting": weighting,
                "zero_division": zero_division,
                "classes": classes,
                **counting(relaxation, task, scope, sum_counts, reduction),
            },
            habits=habits_of_counts(
                task, weight, pos_weight, ignore_index, label_smoothing
            ),
        )

"""The losses of soft targets and of label noise as modules."""

from torch import Tensor

import costfn
from costfn import Reduction
from costfn.front_end import ArrayLike, Divergence, as_tensor

from .._foundation.base import LossModule
from .._foundation.habits import (
    IgnoreIndex,
    checked_reduction,
    checked_weight,
    habits_of_examples,
)
from .._foundation.per_example import per_example, per_example_of_probs


class SoftTargetLoss(LossModule):
    """Module of `costfn.soft_target_loss`, which documents the options."""

    def __init__(
        self,
        *,
        divergence: Divergence = "cross_entropy",
        weight: Tensor | ArrayLike | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            costfn.soft_target_loss,
            per_example_of_probs,
            options={"divergence": divergence},
            habits={
                "weight": checked_weight(weight),
                "reduction": checked_reduction(reduction),
            },
        )


class ForwardCorrectedLoss(LossModule):
    """Module of `costfn.forward_corrected_loss`, which documents the options."""

    def __init__(
        self,
        transition: Tensor | ArrayLike,
        *,
        weight: Tensor | ArrayLike | None = None,
        ignore_index: IgnoreIndex = -100,
        label_smoothing: float = 0.0,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            costfn.forward_corrected_loss,
            per_example,
            options={"transition": as_tensor("transition", transition)},
            habits=habits_of_examples(weight, ignore_index, label_smoothing, reduction),
        )

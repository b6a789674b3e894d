"""The losses for imbalance as modules."""

from torch import Tensor

import costfn
from costfn import Reduction
from costfn.front_end import ArrayLike, as_tensor

from .._foundation.base import LossModule
from .._foundation.habits import IgnoreIndex, habits_of_examples
from .._foundation.per_example import per_example


class FocalLoss(LossModule):
    """Module of `costfn.focal_loss`, which documents the options."""

    def __init__(
        self,
        *,
        gamma: float | Tensor = 2.0,
        weight: Tensor | ArrayLike | None = None,
        ignore_index: IgnoreIndex = -100,
        label_smoothing: float = 0.0,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            costfn.focal_loss,
            per_example,
            options={"gamma": gamma},
            habits=habits_of_examples(weight, ignore_index, label_smoothing, reduction),
        )


class LogitAdjustedLoss(LossModule):
    """Module of `costfn.logit_adjusted_loss`, which documents the options."""

    def __init__(
        self,
        prior: Tensor | ArrayLike,
        *,
        temperature: float | Tensor = 1.0,
        weight: Tensor | ArrayLike | None = None,
        ignore_index: IgnoreIndex = -100,
        label_smoothing: float = 0.0,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            costfn.logit_adjusted_loss,
            per_example,
            options={"prior": as_tensor("prior", prior), "temperature": temperature},
            habits=habits_of_examples(weight, ignore_index, label_smoothing, reduction),
        )

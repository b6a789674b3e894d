"""The scoring rules as modules."""

from torch import Tensor

import costfn
from costfn import Reduction
from costfn.front_end import ArrayLike

from .._foundation.base import LossModule
from .._foundation.habits import IgnoreIndex, checked_cost, habits_of_examples
from .._foundation.per_example import per_example


class RankedProbabilityLoss(LossModule):
    """Module of `costfn.ranked_probability_loss`, which documents the options."""

    def __init__(
        self,
        *,
        weight: Tensor | ArrayLike | None = None,
        ignore_index: IgnoreIndex = -100,
        label_smoothing: float = 0.0,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            costfn.ranked_probability_loss,
            per_example,
            options={},
            habits=habits_of_examples(weight, ignore_index, label_smoothing, reduction),
        )


class EnergyCostLoss(LossModule):
    """Module of `costfn.energy_cost_loss`, which documents the options."""

    def __init__(
        self,
        cost: Tensor | ArrayLike,
        *,
        weight: Tensor | ArrayLike | None = None,
        ignore_index: IgnoreIndex = -100,
        label_smoothing: float = 0.0,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            costfn.energy_cost_loss,
            per_example,
            options={"cost": checked_cost(cost)},
            habits=habits_of_examples(weight, ignore_index, label_smoothing, reduction),
        )

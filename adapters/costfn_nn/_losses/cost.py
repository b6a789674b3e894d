"""The cost losses as modules."""

from torch import Tensor

import costfn
from costfn import Reduction
from costfn.front_end import ArrayLike, Base

from .._foundation.base import LossModule
from .._foundation.habits import IgnoreIndex, checked_cost, habits_of_examples
from .._foundation.per_example import per_example


class ExpectedCostLoss(LossModule):
    """Module of `costfn.expected_cost_loss`, which documents the options."""

    def __init__(
        self,
        cost: Tensor | ArrayLike,
        *,
        risk: float | Tensor = 0.0,
        weight: Tensor | ArrayLike | None = None,
        ignore_index: IgnoreIndex = -100,
        label_smoothing: float = 0.0,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            costfn.expected_cost_loss,
            per_example,
            options={"cost": checked_cost(cost), "risk": risk},
            habits=habits_of_examples(weight, ignore_index, label_smoothing, reduction),
        )


class LogCostLoss(LossModule):
    """Module of `costfn.log_cost_loss`, which documents the options."""

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
            costfn.log_cost_loss,
            per_example,
            options={"cost": checked_cost(cost)},
            habits=habits_of_examples(weight, ignore_index, label_smoothing, reduction),
        )


class CostRegularizedLoss(LossModule):
    """Module of `costfn.cost_regularized_loss`, which documents the options."""

    def __init__(
        self,
        cost: Tensor | ArrayLike,
        *,
        base: Base = "cross_entropy",
        strength: float | Tensor = 1.0,
        weight: Tensor | ArrayLike | None = None,
        ignore_index: IgnoreIndex = -100,
        label_smoothing: float = 0.0,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            costfn.cost_regularized_loss,
            per_example,
            options={"cost": checked_cost(cost), "base": base, "strength": strength},
            habits=habits_of_examples(weight, ignore_index, label_smoothing, reduction),
        )


class SoftDecisionCostLoss(LossModule):
    """Module of `costfn.soft_decision_cost_loss`, which documents the options."""

    def __init__(
        self,
        cost: Tensor | ArrayLike,
        *,
        temperature: float | Tensor,
        weight: Tensor | ArrayLike | None = None,
        ignore_index: IgnoreIndex = -100,
        label_smoothing: float = 0.0,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            costfn.soft_decision_cost_loss,
            per_example,
            options={"cost": checked_cost(cost), "temperature": temperature},
            habits=habits_of_examples(weight, ignore_index, label_smoothing, reduction),
        )

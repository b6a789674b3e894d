"""The losses whose scores are those of decisions as modules."""

from torch import Tensor

import costfn
from costfn import Reduction
from costfn.front_end import ArrayLike, Phi

from .._foundation.base import LossModule
from .._foundation.habits import IgnoreIndex, checked_cost, habits_of_examples
from .._foundation.per_example import per_example


class CostRegressionLoss(LossModule):
    """Module of `costfn.cost_regression_loss`, which documents the options."""

    def __init__(
        self,
        cost: Tensor | ArrayLike,
        *,
        one_sided: bool = False,
        smooth: bool = True,
        weight: Tensor | ArrayLike | None = None,
        ignore_index: IgnoreIndex = -100,
        label_smoothing: float = 0.0,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            costfn.cost_regression_loss,
            per_example,
            options={
                "cost": checked_cost(cost),
                "one_sided": one_sided,
                "smooth": smooth,
            },
            habits=habits_of_examples(weight, ignore_index, label_smoothing, reduction),
        )


class SumToZeroLoss(LossModule):
    """Module of `costfn.sum_to_zero_loss`, which documents the options."""

    def __init__(
        self,
        cost: Tensor | ArrayLike,
        *,
        phi: Phi = "exp",
        weight: Tensor | ArrayLike | None = None,
        ignore_index: IgnoreIndex = -100,
        label_smoothing: float = 0.0,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            costfn.sum_to_zero_loss,
            per_example,
            options={"cost": checked_cost(cost), "phi": phi},
            habits=habits_of_examples(weight, ignore_index, label_smoothing, reduction),
        )

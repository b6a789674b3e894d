"""The losses of transport as modules."""

from torch import Tensor

import costfn
from costfn import Reduction
from costfn.confusion import Scope
from costfn.front_end import ArrayLike

from .._foundation.base import LossModule
from .._foundation.counted import counted_by_class
from .._foundation.habits import (
    IgnoreIndex,
    checked_cost,
    checked_ignore_index,
    checked_reduction,
    checked_smoothing,
    checked_weight,
)
from .._foundation.per_example import per_example_of_probs


class SinkhornLoss(LossModule):
    """Module of `costfn.sinkhorn_loss`, which documents the options."""

    def __init__(
        self,
        cost: Tensor | ArrayLike,
        *,
        epsilon: float | Tensor,
        debias: bool = True,
        iterations: int = 50,
        weight: Tensor | ArrayLike | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            costfn.sinkhorn_loss,
            per_example_of_probs,
            options={
                "cost": checked_cost(cost),
                "epsilon": epsilon,
                "debias": debias,
                "iterations": iterations,
            },
            habits={
                "weight": checked_weight(weight),
                "reduction": checked_reduction(reduction),
            },
        )


class GeneralizedWassersteinDiceLoss(LossModule):
    """Module of `costfn.generalized_wasserstein_dice_loss`.

    That documents the options. Class weights enter its sums; `reduction` is that of the
    images of `scope="example"`.
    """

    def __init__(
        self,
        cost: Tensor | ArrayLike,
        *,
        background: int | None = 0,
        scope: Scope = "batch",
        reduction: Reduction = "mean",
        weight: Tensor | ArrayLike | None = None,
        ignore_index: IgnoreIndex = -100,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(
            costfn.generalized_wasserstein_dice_loss,
            counted_by_class,
            options={
                "cost": checked_cost(cost),
                "background": background,
                "scope": scope,
                "reduction": reduction,
            },
            habits={
                "weight": checked_weight(weight),
                "ignore_index": checked_ignore_index(ignore_index),
                "label_smoothing": checked_smoothing(label_smoothing),
            },
        )

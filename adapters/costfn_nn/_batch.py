"""The batch losses, one number for many examples, as modules."""

from torch import Tensor

import costfn
from costfn import _check
from costfn.confusion import Scope

from ._loss import Labelled


class GeneralizedWassersteinDiceLoss(Labelled):
    """Module of `costfn.generalized_wasserstein_dice_loss`.

    That documents the options. Class weights enter its sums; nothing is left to reduce.
    """

    cost: Tensor

    def __init__(
        self,
        cost: Tensor,
        *,
        background: int | None = 0,
        scope: Scope = "batch",
        weight: Tensor | None = None,
        ignore_index: int = -100,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(
            weight=weight,
            ignore_index=ignore_index,
            label_smoothing=label_smoothing,
        )
        _check.cost_matrix("cost", cost)
        self.register_buffer("cost", cost)
        self.background = background
        self.scope: Scope = scope

    def evaluate(
        self,
        logits: Tensor,
        target: Tensor,
        weight: Tensor | None,
        where: Tensor | None,
    ) -> Tensor:
        """`costfn.generalized_wasserstein_dice_loss` with the options."""
        return costfn.generalized_wasserstein_dice_loss(
            logits,
            target,
            self.cost,
            background=self.background,
            scope=self.scope,
            sample_weight=weight,
            where=where,
        )

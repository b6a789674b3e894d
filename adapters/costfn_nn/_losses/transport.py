"""The batch losses, one number for many examples, as modules."""

from torch import Tensor

import costfn
from costfn import Reduction
from costfn._foundation.arrays import ArrayLike
from costfn.confusion import Scope

from .._foundation.class_axis import IgnoreIndex
from .._foundation.counted import OfImages
from .._foundation.per_example import checked_cost


class GeneralizedWassersteinDiceLoss(OfImages):
    """Module of `costfn.generalized_wasserstein_dice_loss`.

    That documents the options. Class weights enter its sums; `reduction` is that of the
    images of `scope="example"`.
    """

    cost: Tensor

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
            weight=weight,
            ignore_index=ignore_index,
            label_smoothing=label_smoothing,
        )
        self.hold("cost", checked_cost(cost))
        self.background = background
        self.scope: Scope = scope
        self.reduction: Reduction = reduction

    def task_and_scope(self) -> tuple[str, str]:
        """What is counted, and over what."""
        return "multiclass", self.scope

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
            reduction=self.reduction,
        )

"""The losses of soft targets as modules."""

from torch import Tensor

import costfn
from costfn import Reduction
from costfn._foundation.arrays import ArrayLike
from costfn._losses.soft_targets import Divergence

from .._foundation.per_example import ProbsLoss, checked_cost


class SoftTargetLoss(ProbsLoss):
    """Module of `costfn.soft_target_loss`, which documents the options."""

    def __init__(
        self,
        *,
        divergence: Divergence = "cross_entropy",
        weight: Tensor | ArrayLike | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(weight=weight, reduction=reduction)
        self.divergence: Divergence = divergence

    def losses(self, logits: Tensor, target: Tensor) -> Tensor:
        """`costfn.soft_target_loss` with the options."""
        return costfn.soft_target_loss(logits, target, divergence=self.divergence)


class SinkhornLoss(ProbsLoss):
    """Module of `costfn.sinkhorn_loss`, which documents the options."""

    cost: Tensor

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
        super().__init__(weight=weight, reduction=reduction)
        self.hold("cost", checked_cost(cost))
        self.hold("epsilon", epsilon)
        self.debias = debias
        self.iterations = iterations

    def losses(self, logits: Tensor, target: Tensor) -> Tensor:
        """`costfn.sinkhorn_loss` with the options."""
        return costfn.sinkhorn_loss(
            logits,
            target,
            self.cost,
            epsilon=self.held("epsilon"),
            debias=self.debias,
            iterations=self.iterations,
        )

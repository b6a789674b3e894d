"""The cost losses as modules."""

from torch import Tensor

import costfn
from costfn import Reduction
from costfn._foundation.arrays import ArrayLike
from costfn._losses.cost import Base
from costfn._losses.decision_scores import Phi

from ._axes import IgnoreIndex
from ._loss import LabelLoss, checked_cost


class CostLoss(LabelLoss):
    """A loss with a cost matrix: a buffer, or a parameter if it is one."""

    cost: Tensor

    def __init__(
        self,
        cost: Tensor | ArrayLike,
        *,
        weight: Tensor | ArrayLike | None,
        ignore_index: IgnoreIndex,
        label_smoothing: float,
        reduction: Reduction,
    ) -> None:
        super().__init__(
            weight=weight,
            ignore_index=ignore_index,
            label_smoothing=label_smoothing,
            reduction=reduction,
        )
        self.hold("cost", checked_cost(cost))

    def true_classes(self, logits: Tensor) -> int:
        """Number of true classes: the rows of the cost matrix."""
        return self.cost.shape[0]


class ExpectedCostLoss(CostLoss):
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
            cost,
            weight=weight,
            ignore_index=ignore_index,
            label_smoothing=label_smoothing,
            reduction=reduction,
        )
        self.hold("risk", risk)

    def losses(self, logits: Tensor, target: Tensor) -> Tensor:
        """`costfn.expected_cost_loss` with the options."""
        return costfn.expected_cost_loss(
            logits, target, self.cost, risk=self.held("risk")
        )


class LogCostLoss(CostLoss):
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
            cost,
            weight=weight,
            ignore_index=ignore_index,
            label_smoothing=label_smoothing,
            reduction=reduction,
        )

    def losses(self, logits: Tensor, target: Tensor) -> Tensor:
        """`costfn.log_cost_loss` with the options."""
        return costfn.log_cost_loss(logits, target, self.cost)


class CostRegularizedLoss(CostLoss):
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
            cost,
            weight=weight,
            ignore_index=ignore_index,
            label_smoothing=label_smoothing,
            reduction=reduction,
        )
        self.base: Base = base
        self.hold("strength", strength)

    def losses(self, logits: Tensor, target: Tensor) -> Tensor:
        """`costfn.cost_regularized_loss` with the options."""
        return costfn.cost_regularized_loss(
            logits, target, self.cost, base=self.base, strength=self.held("strength")
        )


class SoftDecisionCostLoss(CostLoss):
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
            cost,
            weight=weight,
            ignore_index=ignore_index,
            label_smoothing=label_smoothing,
            reduction=reduction,
        )
        self.hold("temperature", temperature)

    def losses(self, logits: Tensor, target: Tensor) -> Tensor:
        """`costfn.soft_decision_cost_loss` with the options."""
        return costfn.soft_decision_cost_loss(
            logits, target, self.cost, temperature=self.held("temperature")
        )


class SoftmaxMarginLoss(CostLoss):
    """Module of `costfn.softmax_margin_loss`, which documents the options."""

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
            cost,
            weight=weight,
            ignore_index=ignore_index,
            label_smoothing=label_smoothing,
            reduction=reduction,
        )

    def losses(self, logits: Tensor, target: Tensor) -> Tensor:
        """`costfn.softmax_margin_loss` with the options."""
        return costfn.softmax_margin_loss(logits, target, self.cost)


class CostHingeLoss(CostLoss):
    """Module of `costfn.cost_hinge_loss`, which documents the options."""

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
            cost,
            weight=weight,
            ignore_index=ignore_index,
            label_smoothing=label_smoothing,
            reduction=reduction,
        )

    def losses(self, logits: Tensor, target: Tensor) -> Tensor:
        """`costfn.cost_hinge_loss` with the options."""
        return costfn.cost_hinge_loss(logits, target, self.cost)


class CostRegressionLoss(CostLoss):
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
            cost,
            weight=weight,
            ignore_index=ignore_index,
            label_smoothing=label_smoothing,
            reduction=reduction,
        )
        self.one_sided = one_sided
        self.smooth = smooth

    def losses(self, logits: Tensor, target: Tensor) -> Tensor:
        """`costfn.cost_regression_loss` with the options."""
        return costfn.cost_regression_loss(
            logits, target, self.cost, one_sided=self.one_sided, smooth=self.smooth
        )


class SumToZeroLoss(CostLoss):
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
            cost,
            weight=weight,
            ignore_index=ignore_index,
            label_smoothing=label_smoothing,
            reduction=reduction,
        )
        self.phi: Phi = phi

    def losses(self, logits: Tensor, target: Tensor) -> Tensor:
        """`costfn.sum_to_zero_loss` with the options."""
        return costfn.sum_to_zero_loss(logits, target, self.cost, phi=self.phi)


class EnergyCostLoss(CostLoss):
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
            cost,
            weight=weight,
            ignore_index=ignore_index,
            label_smoothing=label_smoothing,
            reduction=reduction,
        )

    def losses(self, logits: Tensor, target: Tensor) -> Tensor:
        """`costfn.energy_cost_loss` with the options."""
        return costfn.energy_cost_loss(logits, target, self.cost)

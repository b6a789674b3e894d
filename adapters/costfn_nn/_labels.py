"""The losses for imbalance, order and label noise as modules."""

from torch import Tensor

import costfn
from costfn import Reduction
from costfn._foundation.arrays import ArrayLike, as_tensor

from ._axes import IgnoreIndex
from ._loss import LabelLoss


class RankedProbabilityLoss(LabelLoss):
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
            weight=weight,
            ignore_index=ignore_index,
            label_smoothing=label_smoothing,
            reduction=reduction,
        )

    def losses(self, logits: Tensor, target: Tensor) -> Tensor:
        """`costfn.ranked_probability_loss` with the options."""
        return costfn.ranked_probability_loss(logits, target)


class FocalLoss(LabelLoss):
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
            weight=weight,
            ignore_index=ignore_index,
            label_smoothing=label_smoothing,
            reduction=reduction,
        )
        self.hold("gamma", gamma)

    def losses(self, logits: Tensor, target: Tensor) -> Tensor:
        """`costfn.focal_loss` with the options."""
        return costfn.focal_loss(logits, target, gamma=self.held("gamma"))


class GeneralizedCrossEntropyLoss(LabelLoss):
    """Module of `costfn.generalized_cross_entropy_loss`, which says what `q` is."""

    def __init__(
        self,
        *,
        q: float | Tensor = 0.7,
        weight: Tensor | ArrayLike | None = None,
        ignore_index: IgnoreIndex = -100,
        label_smoothing: float = 0.0,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            weight=weight,
            ignore_index=ignore_index,
            label_smoothing=label_smoothing,
            reduction=reduction,
        )
        self.hold("q", q)

    def losses(self, logits: Tensor, target: Tensor) -> Tensor:
        """`costfn.generalized_cross_entropy_loss` with the options."""
        return costfn.generalized_cross_entropy_loss(logits, target, q=self.held("q"))


class PolyLoss(LabelLoss):
    """Module of `costfn.poly_loss`, which documents the options."""

    def __init__(
        self,
        *,
        epsilon: float | Tensor = 1.0,
        weight: Tensor | ArrayLike | None = None,
        ignore_index: IgnoreIndex = -100,
        label_smoothing: float = 0.0,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            weight=weight,
            ignore_index=ignore_index,
            label_smoothing=label_smoothing,
            reduction=reduction,
        )
        self.hold("epsilon", epsilon)

    def losses(self, logits: Tensor, target: Tensor) -> Tensor:
        """`costfn.poly_loss` with the options."""
        return costfn.poly_loss(logits, target, epsilon=self.held("epsilon"))


class SymmetricCrossEntropyLoss(LabelLoss):
    """Module of `costfn.symmetric_cross_entropy_loss`, which says what they do."""

    def __init__(
        self,
        *,
        alpha: float | Tensor = 0.1,
        beta: float | Tensor = 1.0,
        log_zero: float | Tensor = -4.0,
        weight: Tensor | ArrayLike | None = None,
        ignore_index: IgnoreIndex = -100,
        label_smoothing: float = 0.0,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            weight=weight,
            ignore_index=ignore_index,
            label_smoothing=label_smoothing,
            reduction=reduction,
        )
        self.hold("alpha", alpha)
        self.hold("beta", beta)
        self.hold("log_zero", log_zero)

    def losses(self, logits: Tensor, target: Tensor) -> Tensor:
        """`costfn.symmetric_cross_entropy_loss` with the options."""
        return costfn.symmetric_cross_entropy_loss(
            logits,
            target,
            alpha=self.held("alpha"),
            beta=self.held("beta"),
            log_zero=self.held("log_zero"),
        )


class LogitAdjustedLoss(LabelLoss):
    """Module of `costfn.logit_adjusted_loss`, which documents the options."""

    prior: Tensor

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
            weight=weight,
            ignore_index=ignore_index,
            label_smoothing=label_smoothing,
            reduction=reduction,
        )
        self.hold("prior", as_tensor("prior", prior))
        self.hold("temperature", temperature)

    def losses(self, logits: Tensor, target: Tensor) -> Tensor:
        """`costfn.logit_adjusted_loss` with the options."""
        return costfn.logit_adjusted_loss(
            logits, target, self.prior, temperature=self.held("temperature")
        )


class ForwardCorrectedLoss(LabelLoss):
    """Module of `costfn.forward_corrected_loss`, which documents the options."""

    transition: Tensor

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
            weight=weight,
            ignore_index=ignore_index,
            label_smoothing=label_smoothing,
            reduction=reduction,
        )
        self.hold("transition", as_tensor("transition", transition))

    def losses(self, logits: Tensor, target: Tensor) -> Tensor:
        """`costfn.forward_corrected_loss` with the options."""
        return costfn.forward_corrected_loss(logits, target, self.transition)

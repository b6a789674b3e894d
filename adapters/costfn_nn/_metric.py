"""The losses for metrics of the confusion matrix as modules."""

import inspect
from collections.abc import Callable
from typing import Any, ClassVar

from torch import Tensor

import costfn
from costfn import _check

from ._loss import Labelled


class MetricLoss(Labelled):
    """A batch loss with its options held: `costfn.<name>` documents them.

    Labels and class probabilities as the other losses have them, classes on axis 1. For
    `task="multilabel"` targets have the shape of the logits, labels on axis 1; for
    `task="binary"` too, and there is no axis of classes. What is `ignore_index` in an
    integer target is left out; class weights weigh the examples inside the counts.
    """

    loss: ClassVar[Callable[..., Tensor]]

    def __init__(
        self,
        *,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        label_smoothing: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(
            weight=weight, ignore_index=ignore_index, label_smoothing=label_smoothing
        )
        known = _options(type(self).loss)
        for name in options:
            _check.one_of("option", name, known)
        self.options = options

    def evaluate(
        self,
        logits: Tensor,
        target: Tensor,
        weight: Tensor | None,
        where: Tensor | None,
    ) -> Tensor:
        """The function with the options."""
        return type(self).loss(
            logits, target, sample_weight=weight, where=where, **self.options
        )

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Loss of a batch: a scalar, or one per class where the options say so."""
        task = self.options.get("task", "multiclass")
        if task == "multiclass":
            return super().forward(logits, target)
        if self.weight is not None:
            raise ValueError(
                f"weight must be None for task {task!r}, got one weight per class; "
                "weigh examples by sample_weight= of the function"
            )
        where = None
        if not target.is_floating_point():
            where = target != self.ignore_index
            target = target.masked_fill(~where, 0)
        if task == "multilabel" and logits.ndim > 1:
            logits, target = logits.movedim(1, -1), target.movedim(1, -1)
            where = None if where is None else where.movedim(1, -1)
        if self.label_smoothing:
            share = self.label_smoothing
            target = (1 - share) * target.to(logits.dtype) + share / 2
        return self.evaluate(logits, target, None, where)


class CostMetricLoss(MetricLoss):
    """A batch loss with a cost matrix, held as a buffer."""

    cost: Tensor

    def __init__(self, cost: Tensor, **options: Any) -> None:
        super().__init__(**options)
        _check.cost_matrix("cost", cost)
        self.register_buffer("cost", cost)

    def evaluate(
        self,
        logits: Tensor,
        target: Tensor,
        weight: Tensor | None,
        where: Tensor | None,
    ) -> Tensor:
        """The function with the cost and the options."""
        return type(self).loss(
            logits, target, self.cost, sample_weight=weight, where=where, **self.options
        )


class AccuracyLoss(MetricLoss):
    """Module of `costfn.accuracy_loss`, which documents the options."""

    loss = staticmethod(costfn.accuracy_loss)


class BalancedAccuracyLoss(MetricLoss):
    """Module of `costfn.balanced_accuracy_loss`, which documents the options."""

    loss = staticmethod(costfn.balanced_accuracy_loss)


class CohenKappaLoss(MetricLoss):
    """Module of `costfn.cohen_kappa_loss`, which documents the options."""

    loss = staticmethod(costfn.cohen_kappa_loss)


class DiceLoss(MetricLoss):
    """Module of `costfn.dice_loss`, which documents the options."""

    loss = staticmethod(costfn.dice_loss)


class FBetaLoss(MetricLoss):
    """Module of `costfn.f_beta_loss`, which documents the options."""

    loss = staticmethod(costfn.f_beta_loss)


class FocalTverskyLoss(MetricLoss):
    """Module of `costfn.focal_tversky_loss`, which documents the options."""

    loss = staticmethod(costfn.focal_tversky_loss)


class FowlkesMallowsLoss(MetricLoss):
    """Module of `costfn.fowlkes_mallows_loss`, which documents the options."""

    loss = staticmethod(costfn.fowlkes_mallows_loss)


class GMeanLoss(MetricLoss):
    """Module of `costfn.g_mean_loss`, which documents the options."""

    loss = staticmethod(costfn.g_mean_loss)


class GeneralizedDiceLoss(MetricLoss):
    """Module of `costfn.generalized_dice_loss`, which documents the options."""

    loss = staticmethod(costfn.generalized_dice_loss)


class HssLoss(MetricLoss):
    """Module of `costfn.hss_loss`, which documents the options."""

    loss = staticmethod(costfn.hss_loss)


class InformednessLoss(MetricLoss):
    """Module of `costfn.informedness_loss`, which documents the options."""

    loss = staticmethod(costfn.informedness_loss)


class JaccardLoss(MetricLoss):
    """Module of `costfn.jaccard_loss`, which documents the options."""

    loss = staticmethod(costfn.jaccard_loss)


class MarkednessLoss(MetricLoss):
    """Module of `costfn.markedness_loss`, which documents the options."""

    loss = staticmethod(costfn.markedness_loss)


class MccLoss(MetricLoss):
    """Module of `costfn.mcc_loss`, which documents the options."""

    loss = staticmethod(costfn.mcc_loss)


class PrecisionLoss(MetricLoss):
    """Module of `costfn.precision_loss`, which documents the options."""

    loss = staticmethod(costfn.precision_loss)


class RecallLoss(MetricLoss):
    """Module of `costfn.recall_loss`, which documents the options."""

    loss = staticmethod(costfn.recall_loss)


class SpecificityLoss(MetricLoss):
    """Module of `costfn.specificity_loss`, which documents the options."""

    loss = staticmethod(costfn.specificity_loss)


class TverskyLoss(MetricLoss):
    """Module of `costfn.tversky_loss`, which documents the options."""

    loss = staticmethod(costfn.tversky_loss)


class NormalizedCostLoss(CostMetricLoss):
    """Module of `costfn.normalized_cost_loss`, which documents the options."""

    loss = staticmethod(costfn.normalized_cost_loss)


class RegretLoss(CostMetricLoss):
    """Module of `costfn.regret_loss`, which documents the options."""

    loss = staticmethod(costfn.regret_loss)


class SavingsLoss(CostMetricLoss):
    """Module of `costfn.savings_loss`, which documents the options."""

    loss = staticmethod(costfn.savings_loss)


def _options(function: Callable[..., Tensor]) -> tuple[str, ...]:
    parameters = inspect.signature(function).parameters.values()
    own = (p.name for p in parameters if p.kind is p.KEYWORD_ONLY)
    return (*own, "relaxation", "task", "scope", "sum_counts")

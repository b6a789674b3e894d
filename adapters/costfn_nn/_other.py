"""Lovász losses, regression, and watching metrics, as modules."""

from collections.abc import Callable
from typing import Any, get_args

from torch import Tensor, nn

import costfn
from costfn import Reduction, _check
from costfn._lovasz import Present

from ._loss import classes_last


class LovaszSoftmaxLoss(nn.Module):
    """Module of `costfn.lovasz_softmax_loss`; classes on axis 1, labels to ignore."""

    def __init__(
        self, *, classes: Present = "present", ignore_index: int = -100
    ) -> None:
        super().__init__()
        self.classes: Present = classes
        self.ignore_index = ignore_index

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Loss of a batch, a scalar."""
        where = target != self.ignore_index
        return costfn.lovasz_softmax_loss(
            classes_last(logits),
            target.masked_fill(~where, 0),
            classes=self.classes,
            where=where,
        )


class LovaszHingeLoss(nn.Module):
    """Module of `costfn.lovasz_hinge_loss`, with labels to ignore."""

    def __init__(self, *, ignore_index: int = -100) -> None:
        super().__init__()
        self.ignore_index = ignore_index

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Loss of a batch, a scalar."""
        where = target != self.ignore_index
        return costfn.lovasz_hinge_loss(
            logits, target.masked_fill(~where, 0), where=where
        )


class QErrorLoss(nn.Module):
    """Module of `costfn.q_error_loss`, which documents the options."""

    def __init__(
        self,
        *,
        log_space: bool = True,
        floor: float = 1e-6,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__()
        _check.one_of("reduction", reduction, get_args(Reduction))
        self.log_space = log_space
        self.floor = floor
        self.reduction: Reduction = reduction

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Loss of a batch: a scalar, or one per element if `reduction` is `"none"`."""
        losses = costfn.q_error_loss(
            prediction, target, log_space=self.log_space, floor=self.floor
        )
        return costfn.reduce(losses, reduction=self.reduction)


class WithMetrics(nn.Module):
    """Module of `costfn.with_metrics`: returns `(loss, {name: value})`."""

    def __init__(
        self, loss: Callable[..., Tensor], **metrics: Callable[..., Tensor]
    ) -> None:
        super().__init__()
        self.loss = loss
        self.metrics = metrics
        self._tracked = costfn.with_metrics(loss, **metrics)

    def forward(self, *args: Any) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss, and the metrics without gradient."""
        value, found = self._tracked(*args)
        return value, found

"""Lovász losses, regression, and watching metrics, as modules."""

from collections.abc import Callable, Sequence
from typing import Any, get_args

import torch
from torch import Tensor

import costfn
from costfn import Reduction
from costfn._foundation import check
from costfn._metrics.lovasz import Present

from .._foundation.class_axis import IgnoreIndex, ignored_labels, of_examples
from .._foundation.held import Base
from .._foundation.label_sets import entries
from .._foundation.per_example import Weighted


class LovaszSoftmaxLoss(Weighted):
    """Module of `costfn.lovasz_softmax_loss`; classes on axis 1, labels to ignore."""

    def __init__(
        self,
        *,
        classes: Present | Sequence[int] = "present",
        ignore_index: IgnoreIndex = -100,
    ) -> None:
        super().__init__(weight=None)
        self.classes = classes
        self._ignored = ignored_labels(ignore_index)
        self.ignore_index = ignore_index

    def evaluate(
        self,
        logits: Tensor,
        target: Tensor,
        weight: Tensor | None,
        where: Tensor | None,
    ) -> Tensor:
        """`costfn.lovasz_softmax_loss` with the options."""
        return costfn.lovasz_softmax_loss(
            logits, target, classes=self.classes, where=where
        )

    def forward(
        self,
        logits: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        where: Tensor | None = None,
    ) -> Tensor:
        """Loss of a batch, a scalar."""
        _no_weight(sample_weight)
        return self.of_classes(logits, target, None, where, ignored=self._ignored)


class LovaszHingeLoss(Base):
    """Module of `costfn.lovasz_hinge_loss`, with labels to ignore."""

    def __init__(self, *, ignore_index: IgnoreIndex = -100) -> None:
        super().__init__()
        self._ignored = ignored_labels(ignore_index)
        self.ignore_index = ignore_index

    def forward(
        self,
        logits: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        where: Tensor | None = None,
    ) -> Tensor:
        """Loss of a batch, a scalar."""
        _no_weight(sample_weight)
        found = entries(
            logits,
            target,
            None,
            where,
            ignored=self._ignored,
            weight=None,
            pos_weight=None,
            labels=False,
        )
        return costfn.lovasz_hinge_loss(found.logits, found.target, where=found.where)


class QErrorLoss(Base):
    """Module of `costfn.q_error_loss`, which documents the options."""

    def __init__(
        self,
        *,
        log_space: bool = True,
        floor: float | Tensor = 1e-6,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__()
        check.one_of("reduction", reduction, get_args(Reduction))
        self.log_space = log_space
        self.hold("floor", floor)
        self.reduction: Reduction = reduction

    def forward(
        self,
        prediction: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        where: Tensor | None = None,
    ) -> Tensor:
        """Loss of a batch: a scalar, or one per element if `reduction` is `"none"`.

        `sample_weight` and `where` (what to keep) have an entry for each element, or
        one for each entry of axis 0.
        """
        check.tensor("prediction", prediction)
        check.tensor("target", target)
        where = of_examples("where", where, prediction.shape)
        weight = of_examples("sample_weight", sample_weight, prediction.shape)
        if where is not None and target.shape == prediction.shape:
            prediction, target = (
                torch.where(where, x, 1.0) for x in (prediction, target)
            )
        losses = costfn.q_error_loss(
            prediction, target, log_space=self.log_space, floor=self.held("floor")
        )
        return costfn.reduce(
            losses, weight=weight, where=where, reduction=self.reduction
        )


class WithMetrics(Base):
    """Module of `costfn.with_metrics`: returns `(loss, {name: value})`.

    What the loss holds, be it a module or made by `costfn.metric_loss`, is found by
    `parameters()` and moved and saved with it.
    """

    def __init__(
        self, loss: Callable[..., Tensor], **metrics: Callable[..., Tensor]
    ) -> None:
        super().__init__()
        costfn.with_metrics(loss, **metrics)  # checks them
        self.hold("loss", loss)
        self.hold("metrics", metrics)

    def forward(self, *args: Any, **options: Any) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss, and the metrics without gradient."""
        tracked = costfn.with_metrics(self.held("loss"), **self.held("metrics"))
        value, found = tracked(*args, **options)
        return value, found


def _no_weight(sample_weight: Tensor | None) -> None:
    if sample_weight is not None:
        raise ValueError(
            "sample_weight must be None for a Lovász loss, which counts whole pixels "
            "in the order of their errors, got weights; leave pixels out by where="
        )

"""Regression as a module."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

import costfn
from costfn import Reduction
from costfn.front_end import check_tensor

from .._foundation.base import LossModule
from .._foundation.class_axis import for_each_example
from .._foundation.habits import checked_reduction


class QErrorLoss(LossModule):
    """Module of `costfn.q_error_loss`, which documents the options."""

    def __init__(
        self,
        *,
        log_space: bool = True,
        floor: float | Tensor = 1e-6,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            costfn.q_error_loss,
            _elementwise,
            options={"log_space": log_space, "floor": floor},
            habits={"reduction": checked_reduction(reduction)},
        )

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
        return super().forward(
            prediction, target, sample_weight=sample_weight, where=where
        )


def _elementwise(
    loss: Callable[..., Tensor],
    options: Mapping[str, Any],
    prediction: Tensor,
    target: Tensor,
    *,
    sample_weight: Tensor | None,
    where: Tensor | None,
    reduction: Reduction,
) -> Tensor:
    check_tensor("prediction", prediction)
    check_tensor("target", target)
    where = for_each_example("where", where, prediction.shape)
    weight = for_each_example("sample_weight", sample_weight, prediction.shape)
    if where is not None and target.shape == prediction.shape:
        prediction, target = (torch.where(where, x, 1.0) for x in (prediction, target))
    losses = loss(prediction, target, **options)
    return costfn.reduce(losses, weight=weight, where=where, reduction=reduction)

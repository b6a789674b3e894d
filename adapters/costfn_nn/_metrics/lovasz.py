"""The Lovász losses as modules."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

import costfn
from costfn.front_end import Present

from .._foundation.base import LossModule
from .._foundation.classes import prepare_classes
from .._foundation.habits import Ignored, IgnoreIndex, checked_ignore_index
from .._foundation.label_sets import prepare_labels


class LovaszSoftmaxLoss(LossModule):
    """Module of `costfn.lovasz_softmax_loss`, which documents the options."""

    def __init__(
        self,
        *,
        classes: Present = "present",
        ignore_index: IgnoreIndex = -100,
    ) -> None:
        super().__init__(
            costfn.lovasz_softmax_loss,
            _of_classes,
            options={"classes": classes},
            habits={"ignore_index": checked_ignore_index(ignore_index)},
        )


class LovaszHingeLoss(LossModule):
    """Module of `costfn.lovasz_hinge_loss`, which documents the options."""

    def __init__(self, *, ignore_index: IgnoreIndex = -100) -> None:
        super().__init__(
            costfn.lovasz_hinge_loss,
            _of_marks,
            options={},
            habits={"ignore_index": checked_ignore_index(ignore_index)},
        )


def _of_classes(
    loss: Callable[..., Tensor],
    options: Mapping[str, Any],
    logits: Tensor,
    target: Tensor,
    *,
    sample_weight: Tensor | None,
    where: Tensor | None,
    ignore_index: Ignored,
) -> Tensor:
    _no_weight(sample_weight)
    batch = prepare_classes(
        logits, target, sample_weight=None, where=where, ignored=ignore_index
    )
    return loss(batch.logits, batch.target, where=batch.where, **options)


def _of_marks(
    loss: Callable[..., Tensor],
    options: Mapping[str, Any],
    logits: Tensor,
    target: Tensor,
    *,
    sample_weight: Tensor | None,
    where: Tensor | None,
    ignore_index: Ignored,
) -> Tensor:
    _no_weight(sample_weight)
    batch = prepare_labels(
        logits,
        target,
        sample_weight=None,
        where=where,
        ignored=ignore_index,
        labels=False,
    )
    return loss(batch.logits, batch.target, where=batch.where, **options)


def _no_weight(sample_weight: Tensor | None) -> None:
    if sample_weight is not None:
        raise ValueError(
            "sample_weight must be None for a Lovász loss, which counts whole pixels "
            "in the order of their errors, got weights; leave pixels out by where="
        )

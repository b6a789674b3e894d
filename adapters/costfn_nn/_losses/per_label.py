"""The losses of labels one by one as modules."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

import costfn
from costfn import Reduction
from costfn.front_end import ArrayLike, as_tensor

from .._foundation.base import LossModule
from .._foundation.habits import (
    Ignored,
    IgnoreIndex,
    PosWeight,
    checked_ignore_index,
    checked_pos_weight,
    checked_reduction,
    checked_weight,
)
from .._foundation.label_sets import prepare_labels


class SigmoidFocalLoss(LossModule):
    """Module of `costfn.sigmoid_focal_loss`, which documents the options."""

    def __init__(
        self,
        *,
        alpha: float | Tensor | ArrayLike | None = 0.25,
        gamma: float | Tensor = 2.0,
        weight: Tensor | ArrayLike | None = None,
        pos_weight: PosWeight = None,
        ignore_index: IgnoreIndex = -100,
        reduction: Reduction = "mean",
    ) -> None:
        number = alpha is None or isinstance(alpha, int | float)
        super().__init__(
            costfn.sigmoid_focal_loss,
            _per_label,
            options={
                "alpha": alpha if number else as_tensor("alpha", alpha),
                "gamma": gamma,
            },
            habits={
                "weight": checked_weight(weight, labels=True),
                "pos_weight": checked_pos_weight(pos_weight),
                "ignore_index": checked_ignore_index(ignore_index),
                "reduction": checked_reduction(reduction),
            },
        )


class AsymmetricLoss(LossModule):
    """Module of `costfn.asymmetric_loss`, which documents the options."""

    def __init__(
        self,
        *,
        gamma_pos: float | Tensor = 0.0,
        gamma_neg: float | Tensor = 4.0,
        margin: float | Tensor = 0.05,
        weight: Tensor | ArrayLike | None = None,
        pos_weight: PosWeight = None,
        ignore_index: IgnoreIndex = -100,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            costfn.asymmetric_loss,
            _per_label,
            options={"gamma_pos": gamma_pos, "gamma_neg": gamma_neg, "margin": margin},
            habits={
                "weight": checked_weight(weight, labels=True),
                "pos_weight": checked_pos_weight(pos_weight),
                "ignore_index": checked_ignore_index(ignore_index),
                "reduction": checked_reduction(reduction),
            },
        )


def _per_label(
    loss: Callable[..., Tensor],
    options: Mapping[str, Any],
    logits: Tensor,
    target: Tensor,
    *,
    sample_weight: Tensor | None,
    where: Tensor | None,
    weight: Tensor | None,
    pos_weight: float | Tensor | None,
    ignore_index: Ignored,
    reduction: Reduction,
) -> Tensor:
    """A loss for each label, reduced.

    Takes logits and targets of one shape, `(N, labels)`, `(labels,)` or `(N, labels,
    d1, ...)`, with the labels on axis 1; where no option speaks of single labels, any
    shape, as `(N,)` for yes or no. The mean is `sum(w * loss) / sum(w)`, with `w` the
    product of `weight` by label, `pos_weight` for labels that are there, and
    `sample_weight` (torch's mean divides by the number of labels). A target that is
    `ignore_index` takes its label out.
    """
    batch = prepare_labels(
        logits,
        target,
        sample_weight=sample_weight,
        where=where,
        weight=weight,
        pos_weight=pos_weight,
        ignored=ignore_index,
    )
    each = batch.weight
    if each is not None and each.ndim < batch.logits.ndim:
        each = each.unsqueeze(-1).expand(batch.logits.shape)
    losses = costfn.reduce(
        loss(batch.logits, batch.target, **options),
        weight=each,
        where=batch.where,
        reduction=reduction,
    )
    as_given = reduction == "none" and losses.ndim > 1
    return losses.movedim(-1, 1) if as_given else losses

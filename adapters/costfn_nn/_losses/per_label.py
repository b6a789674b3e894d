"""The losses of labels one by one as modules."""

from abc import abstractmethod
from typing import get_args

from torch import Tensor

import costfn
from costfn import Reduction
from costfn._foundation import check
from costfn._foundation.arrays import ArrayLike, as_tensor

from .._foundation.class_axis import IgnoreIndex, ignored_labels
from .._foundation.held import Base
from .._foundation.label_sets import PosWeight, entries, positive_weight
from .._foundation.per_example import checked_weight


class PerLabel(Base):
    """A loss for each label, reduced.

    Takes logits and targets of one shape, `(N, labels)`, `(labels,)` or `(N, labels,
    d1, ...)`, with the labels on axis 1; where no option speaks of single labels, any
    shape, as `(N,)` for yes or no. The mean is `sum(w * loss) / sum(w)`, with `w` the
    product of `weight` by label, `pos_weight` for labels that are there, and
    `sample_weight` (torch's mean divides by the number of labels). A target that is
    `ignore_index` takes its label out.
    """

    weight: Tensor | None
    pos_weight: float | Tensor | None

    def __init__(
        self,
        *,
        weight: Tensor | ArrayLike | None,
        pos_weight: PosWeight,
        ignore_index: IgnoreIndex,
        reduction: Reduction,
    ) -> None:
        super().__init__()
        self.hold_weight("weight", checked_weight(weight, 1))
        self.hold_weight("pos_weight", positive_weight(pos_weight))
        self._ignored = ignored_labels(ignore_index)
        self.ignore_index = ignore_index
        check.one_of("reduction", reduction, get_args(Reduction))
        self.reduction: Reduction = reduction

    @abstractmethod
    def losses(self, logits: Tensor, target: Tensor) -> Tensor:
        """The loss of each label, labels last: the function with its options."""

    def forward(
        self,
        logits: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        where: Tensor | None = None,
    ) -> Tensor:
        """Loss of a batch: a scalar, or one per label if `reduction` is `"none"`.

        `sample_weight` and `where` (what to keep) have an entry for each label, for
        each example, or for each entry of axis 0.
        """
        found = entries(
            logits,
            target,
            sample_weight,
            where,
            ignored=self._ignored,
            weight=self.weight,
            pos_weight=self.pos_weight,
        )
        weight = found.weight
        if weight is not None and weight.ndim < found.logits.ndim:
            weight = weight.unsqueeze(-1).expand(found.logits.shape)
        losses = costfn.reduce(
            self.losses(found.logits, found.target),
            weight=weight,
            where=found.where,
            reduction=self.reduction,
        )
        as_given = self.reduction == "none" and losses.ndim > 1
        return losses.movedim(-1, 1) if as_given else losses


class SigmoidFocalLoss(PerLabel):
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
        super().__init__(
            weight=weight,
            pos_weight=pos_weight,
            ignore_index=ignore_index,
            reduction=reduction,
        )
        plain = alpha is None or isinstance(alpha, int | float)
        self.hold("alpha", alpha if plain else as_tensor("alpha", alpha))
        self.hold("gamma", gamma)

    def losses(self, logits: Tensor, target: Tensor) -> Tensor:
        """`costfn.sigmoid_focal_loss` with the options."""
        return costfn.sigmoid_focal_loss(
            logits, target, alpha=self.held("alpha"), gamma=self.held("gamma")
        )


class AsymmetricLoss(PerLabel):
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
            weight=weight,
            pos_weight=pos_weight,
            ignore_index=ignore_index,
            reduction=reduction,
        )
        self.hold("gamma_pos", gamma_pos)
        self.hold("gamma_neg", gamma_neg)
        self.hold("margin", margin)

    def losses(self, logits: Tensor, target: Tensor) -> Tensor:
        """`costfn.asymmetric_loss` with the options."""
        return costfn.asymmetric_loss(
            logits,
            target,
            gamma_pos=self.held("gamma_pos"),
            gamma_neg=self.held("gamma_neg"),
            margin=self.held("margin"),
        )

"""What the modules share: torch.nn's conventions around a pure loss."""

from abc import abstractmethod
from typing import get_args

import torch
from torch import Tensor

import costfn
from costfn import Reduction
from costfn._foundation import check
from costfn._foundation.arrays import ArrayLike, as_tensor
from costfn._foundation.hidden import bad_target
from costfn._foundation.math import one_hot, safe_labels, upcast

from .class_axis import (
    IgnoreIndex,
    both,
    check_logits,
    check_target,
    examples_of,
    ignored_labels,
    kept,
    last,
    of_examples,
    times,
)
from .held import Base


class Weighted(Base):
    """Scores of classes, with class weights.

    Takes `(N, classes)`, `(classes,)` or `(N, classes, d1, ...)`: the classes on axis 1
    as in `torch.nn.CrossEntropyLoss`, for the logits and for class probabilities.
    """

    weight: Tensor | None

    def __init__(
        self, *, weight: Tensor | ArrayLike | None, labels: bool = False
    ) -> None:
        super().__init__()
        self.hold_weight("weight", checked_weight(weight, 1 if labels else 2))

    @abstractmethod
    def evaluate(
        self,
        logits: Tensor,
        target: Tensor,
        weight: Tensor | None,
        where: Tensor | None,
    ) -> Tensor:
        """The loss of a batch, classes last, with the weight of each example."""

    def true_classes(self, logits: Tensor) -> int:
        """Number of true classes; losses of decisions take it from the cost."""
        return logits.shape[min(1, logits.ndim - 1)]

    def of_classes(
        self,
        logits: Tensor,
        target: Tensor,
        sample_weight: Tensor | None,
        where: Tensor | None,
        ignored: tuple[int, ...] = (),
        smoothing: float = 0.0,
    ) -> Tensor:
        """Moves the classes last, clears what is masked, weighs and evaluates."""
        check_logits(logits)
        classes, batch = self.true_classes(logits), examples_of(logits)
        check_target(target, logits, classes, "target")
        soft = target.is_floating_point()
        keep = of_examples("where", where, batch)
        keep = both(keep, None if soft else kept(target, ignored))
        # Labels as int64: torch cannot mask the wider unsigned types.
        logits, target = last(logits), last(target) if soft else target.long()
        if keep is not None:
            # The logits too, or a NaN among them would reach the gradient as 0 * NaN.
            logits = logits.masked_fill(~keep.unsqueeze(-1), 0.0)
            clear = ~(keep.unsqueeze(-1) if soft else keep)
            target = target.masked_fill(clear, 1 / classes if soft else 0)
        check.target(target, batch, classes)
        weight = self.of_images(sample_weight, batch)
        if weight is None:
            weight = of_examples("sample_weight", sample_weight, batch)
            if weight is not None:
                weight = weight if keep is None else weight.masked_fill(~keep, 0)
                check.weights("sample_weight", weight, batch)
            weight = times(self._of_target(target, classes), weight)
        target = _smoothed(target, smoothing, classes, upcast(logits).dtype)
        return self.evaluate(logits, target, weight, keep)

    def of_images(
        self, sample_weight: Tensor | None, batch: torch.Size
    ) -> Tensor | None:
        """Weights of whole images, where the loss takes a mean over images."""
        return None

    def _of_target(self, target: Tensor, classes: int) -> Tensor | None:
        """The weight of each example's label, or the mean weight of its target."""
        if self.weight is None:
            return None
        check.per_class("weight", self.weight, classes)
        if target.is_floating_point():
            return (target * self.weight).sum(-1)
        index = safe_labels(target, len(self.weight))
        return self.weight.index_select(0, index.reshape(-1)).reshape(index.shape)


def checked_weight(value: Tensor | ArrayLike | None, least: int) -> Tensor | None:
    """One weight for each class, or label, of which there are so many at least."""
    if value is None:
        return None
    weight = as_tensor("weight", value)
    check.numbers("weight", weight)
    if weight.ndim != 1 or len(weight) < least:
        what = "label, shape (labels,)" if least == 1 else "class, shape (classes,)"
        raise ValueError(
            f"weight must be one number per {what}, got {tuple(weight.shape)}"
        )
    check.cost_values("weight", weight, non_negative=True)
    return weight


def checked_cost(value: Tensor | ArrayLike) -> Tensor:
    """A cost matrix."""
    cost = as_tensor("cost", value)
    check.cost_matrix("cost", cost)
    return cost


def _smoothed(target: Tensor, share: float, classes: int, dtype: torch.dtype) -> Tensor:
    if share == 0:
        return target
    if not target.is_floating_point():
        bad = bad_target(target, classes)
        target = one_hot(target, classes, dtype)
        if bad is not None:
            target = target.masked_fill(bad.unsqueeze(-1), torch.nan)
    return (1 - share) * target + share / classes


class ProbsLoss(Weighted):
    """A loss of target probabilities, reduced."""

    def __init__(
        self, *, weight: Tensor | ArrayLike | None, reduction: Reduction
    ) -> None:
        super().__init__(weight=weight)
        check.one_of("reduction", reduction, get_args(Reduction))
        self.reduction: Reduction = reduction

    @abstractmethod
    def losses(self, logits: Tensor, target: Tensor) -> Tensor:
        """The loss of each example, classes last: the function with its options."""

    def evaluate(
        self,
        logits: Tensor,
        target: Tensor,
        weight: Tensor | None,
        where: Tensor | None,
    ) -> Tensor:
        """The losses, reduced."""
        losses = self.losses(logits, target)
        return costfn.reduce(
            losses, weight=weight, where=where, reduction=self.reduction
        )

    def forward(
        self,
        logits: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        where: Tensor | None = None,
    ) -> Tensor:
        """Loss of a batch: a scalar, or one per example if `reduction` is `"none"`."""
        check.tensor("target", target)
        if not target.is_floating_point():
            raise TypeError(
                "target must be class probabilities, one row of them per example, got "
                f"{target.dtype}; torch.nn.functional.one_hot makes them of labels"
            )
        return self.of_classes(logits, target, sample_weight, where)


class Labelled(Weighted):
    """What only labels allow: ignoring some of them, and smoothing.

    An ignored label takes its example out, whatever its logits hold; `where=` does for
    every kind of target. Smoothing moves the share `label_smoothing` of the target to
    all classes evenly.
    """

    def __init__(
        self,
        *,
        weight: Tensor | ArrayLike | None,
        ignore_index: IgnoreIndex,
        label_smoothing: float,
        labels: bool = False,
    ) -> None:
        super().__init__(weight=weight, labels=labels)
        if not 0 <= label_smoothing <= 1:
            raise ValueError(
                f"label_smoothing must be in [0, 1], got {label_smoothing}"
            )
        self._ignored = ignored_labels(ignore_index)
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing

    def forward(
        self,
        logits: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        where: Tensor | None = None,
    ) -> Tensor:
        """Loss of a batch: a scalar, or one per example if `reduction` is `"none"`.

        `sample_weight` and `where` (what to keep) have an entry for each example, the
        shape of labels, or one for each entry of axis 0.
        """
        return self.of_classes(
            logits,
            target,
            sample_weight,
            where,
            ignored=self._ignored,
            smoothing=self.label_smoothing,
        )


class LabelLoss(Labelled):
    """A loss per example of labels or class probabilities, reduced.

    The mean is `sum(w * loss) / sum(w)`, with `w` the weight of the label, or
    `q @ weight` for probabilities, times `sample_weight`: one rule, so that labels and
    their one-hot form agree (torch divides by the number of examples for
    probabilities).
    """

    def __init__(
        self,
        *,
        weight: Tensor | ArrayLike | None,
        ignore_index: IgnoreIndex,
        label_smoothing: float,
        reduction: Reduction,
    ) -> None:
        super().__init__(
            weight=weight, ignore_index=ignore_index, label_smoothing=label_smoothing
        )
        check.one_of("reduction", reduction, get_args(Reduction))
        self.reduction: Reduction = reduction

    @abstractmethod
    def losses(self, logits: Tensor, target: Tensor) -> Tensor:
        """The loss of each example, classes last: the function with its options."""

    def evaluate(
        self,
        logits: Tensor,
        target: Tensor,
        weight: Tensor | None,
        where: Tensor | None,
    ) -> Tensor:
        """The losses, reduced."""
        losses = self.losses(logits, target)
        return costfn.reduce(
            losses, weight=weight, where=where, reduction=self.reduction
        )

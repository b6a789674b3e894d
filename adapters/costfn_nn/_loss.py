"""What the modules share: torch.nn's conventions around a pure loss."""

from abc import abstractmethod
from typing import get_args

from torch import Tensor, nn

import costfn
from costfn import Reduction, _check
from costfn._math import one_hot, safe_labels, upcast


class Weighted(nn.Module):
    """Class weights, held as a buffer, and a way to show the options.

    Takes `(N, classes)`, `(classes,)` or `(N, classes, d1, ...)`: the classes on axis 1
    as in `torch.nn.CrossEntropyLoss`, for the logits and for class probabilities.
    """

    weight: Tensor | None

    def __init__(self, *, weight: Tensor | None) -> None:
        super().__init__()
        if weight is not None:
            _check.per_class("weight", weight)
            _check.cost_values("weight", weight, non_negative=True)
        self.register_buffer("weight", weight)

    def sample_weight(self, target: Tensor, classes: int) -> Tensor | None:
        """The weight of each example's label, or the mean weight of its target."""
        if self.weight is None:
            return None
        _check.per_class("weight", self.weight, classes)
        if target.is_floating_point():
            return (target * self.weight).sum(-1)
        index = safe_labels(target, len(self.weight))
        return self.weight.index_select(0, index.reshape(-1)).reshape(index.shape)

    def extra_repr(self) -> str:
        """The options, as `cost=(3, 3), risk=0.0, reduction='mean'`."""
        held = self.named_buffers(recurse=False)
        options: dict[str, object] = {name: tuple(b.shape) for name, b in held}
        options |= {k: v for k, v in vars(self).items() if not k.startswith("_")}
        del options["training"]
        return ", ".join(f"{name}={value!r}" for name, value in options.items())


class ProbsLoss(Weighted):
    """A loss of target probabilities, reduced."""

    def __init__(self, *, weight: Tensor | None, reduction: Reduction) -> None:
        super().__init__(weight=weight)
        _check.one_of("reduction", reduction, get_args(Reduction))
        self.reduction: Reduction = reduction

    @abstractmethod
    def losses(self, logits: Tensor, target: Tensor) -> Tensor:
        """The loss of each example, classes last: the function with its options."""

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Loss of a batch: a scalar, or one per example if `reduction` is `"none"`."""
        logits, target = classes_last(logits), classes_last(target)
        return costfn.reduce(
            self.losses(logits, target),
            weight=self.sample_weight(target, logits.shape[-1]),
            reduction=self.reduction,
        )


class Labelled(Weighted):
    """What only labels allow: ignoring some of them, and smoothing.

    An ignored label takes its example out, whatever its logits hold. Smoothing moves
    the share `label_smoothing` of the target to all classes evenly.
    """

    def __init__(
        self, *, weight: Tensor | None, ignore_index: int, label_smoothing: float
    ) -> None:
        super().__init__(weight=weight)
        if not 0 <= label_smoothing <= 1:
            raise ValueError(
                f"label_smoothing must be in [0, 1], got {label_smoothing}"
            )
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing

    @abstractmethod
    def evaluate(
        self,
        logits: Tensor,
        target: Tensor,
        weight: Tensor | None,
        where: Tensor | None,
    ) -> Tensor:
        """The loss of a batch, classes last, with the weight of each example."""

    def classes(self, logits: Tensor) -> int:
        """Number of true classes, which losses of decisions take from the cost."""
        return logits.shape[-1]

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Loss of a batch: a scalar, or one per example if `reduction` is `"none"`."""
        logits, target = classes_last(logits), classes_last(target)
        logits, target, where = self._without_ignored(logits, target)
        classes = self.classes(logits)
        weight = self.sample_weight(target, classes)
        return self.evaluate(logits, self._smooth(target, logits), weight, where)

    def _without_ignored(
        self, logits: Tensor, target: Tensor
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        if target.is_floating_point():
            return logits, target, None
        where = target != self.ignore_index
        target = target.masked_fill(~where, 0)
        _check.scores("logits", logits)
        _check.labels("target", target, logits.shape[:-1], self.classes(logits))
        # The logits too, or a NaN among them would reach the gradient as 0 * NaN.
        return logits.masked_fill(~where.unsqueeze(-1), 0.0), target, where

    def _smooth(self, target: Tensor, logits: Tensor) -> Tensor:
        if self.label_smoothing == 0:
            return target
        classes = self.classes(logits)
        if not target.is_floating_point():
            target = one_hot(target, classes, upcast(logits).dtype)
        share = self.label_smoothing
        return (1 - share) * target + share / classes


class LabelLoss(Labelled):
    """A loss per example of labels or class probabilities, reduced.

    The mean is `sum(w * loss) / sum(w)`, with `w` the weight of the label, or
    `q @ weight` for probabilities: one rule, so that labels and their one-hot form
    agree (torch divides by the number of examples for probabilities).
    """

    def __init__(
        self,
        *,
        weight: Tensor | None,
        ignore_index: int,
        label_smoothing: float,
        reduction: Reduction,
    ) -> None:
        super().__init__(
            weight=weight, ignore_index=ignore_index, label_smoothing=label_smoothing
        )
        _check.one_of("reduction", reduction, get_args(Reduction))
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


def classes_last(values: Tensor) -> Tensor:
    """Scores or probabilities from torch's axis 1 to the last; labels as they are."""
    _check.tensor("logits and target", values)
    if values.is_floating_point() and values.ndim > 1:
        return values.movedim(1, -1)
    return values

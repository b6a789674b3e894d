"""What the modules of batch losses share."""

import inspect
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, get_args

import torch
from torch import Tensor

from costfn._foundation import check
from costfn._foundation.arrays import ArrayLike, as_tensor
from costfn.confusion import Task

from .class_axis import IgnoreIndex
from .label_sets import PosWeight, entries, positive_weight
from .per_example import Labelled, checked_cost


class OfImages(Labelled):
    """A loss of the batch, or with `scope="example"` the mean over its images.

    Then `sample_weight` of shape `(N,)` weighs the images in that mean.
    """

    def of_images(
        self, sample_weight: Tensor | None, batch: torch.Size
    ) -> Tensor | None:
        """Weights of whole images, where the loss takes a mean over images."""
        _, scope = self.task_and_scope()
        if sample_weight is None or scope != "example" or len(batch) < 2:
            return None
        check.numbers("sample_weight", sample_weight)
        if sample_weight.shape != batch[:1]:
            return None
        if self.weighs_classes():
            raise ValueError(
                f"sample_weight must have the shape {tuple(batch)} of the pixels where "
                "the module has class weights, got one weight per image, "
                f"{tuple(batch[:1])}: the function weighs images or pixels; weigh "
                'images with reduction="none" and costfn.reduce'
            )
        return sample_weight

    def weighs_classes(self) -> bool:
        """Whether classes or labels have weights of their own."""
        return self.weight is not None

    @abstractmethod
    def task_and_scope(self) -> tuple[str, str]:
        """What is counted, and over what."""


class MetricLoss(OfImages):
    """A batch loss with its options held: `costfn.<name>` documents them.

    Labels and class probabilities as the other losses have them, classes on axis 1. For
    `task="multilabel"` targets have the shape of the logits, labels on axis 1; for
    `task="binary"` too, and there is no axis of classes. What is `ignore_index` in the
    target is left out. `weight` counts the examples of a class, or each label, so many
    times; `pos_weight` those of a label that is there (`class_weight` is another thing:
    weights in the mean over the classes).
    """

    pos_weight: float | Tensor | None

    def __init__(
        self,
        *,
        weight: Tensor | ArrayLike | None = None,
        pos_weight: PosWeight = None,
        ignore_index: IgnoreIndex = -100,
        label_smoothing: float = 0.0,
        **options: Any,
    ) -> None:
        task = options.get("task", "multiclass")
        check.one_of("task", task, get_args(Task))
        several = task == "multilabel"
        if task == "binary" and weight is not None:
            raise ValueError(
                "weight must be None for task 'binary', where there is one label, got "
                "weights; pos_weight weighs the positive examples"
            )
        if task == "multiclass" and pos_weight is not None:
            raise ValueError(
                "pos_weight must be None for task 'multiclass', got "
                f"{pos_weight!r}; weight has one number per class"
            )
        super().__init__(
            weight=weight,
            ignore_index=ignore_index,
            label_smoothing=label_smoothing,
            labels=several,
        )
        self.hold_weight("pos_weight", positive_weight(pos_weight))
        known = _options(type(self).loss)
        for name, value in options.items():
            check.one_of("option", name, known)
            if name == "class_weight" and value is not None:
                value = as_tensor(name, value)
            self.hold(name, value)
        self._options = tuple(options)

    @staticmethod
    @abstractmethod
    def loss(*args: Any, **options: Any) -> Tensor:
        """The function of `costfn`."""

    def tensors(self) -> tuple[Tensor, ...]:
        """What the function takes after the target."""
        return ()

    def evaluate(
        self,
        logits: Tensor,
        target: Tensor,
        weight: Tensor | None,
        where: Tensor | None,
    ) -> Tensor:
        """The function with the options."""
        options = {name: self.held(name) for name in self._options}
        loss: Callable[..., Tensor] = type(self).loss
        return loss(
            logits,
            target,
            *self.tensors(),
            sample_weight=weight,
            where=where,
            **options,
        )

    def task_and_scope(self) -> tuple[str, str]:
        """What is counted, and over what."""
        return getattr(self, "task", "multiclass"), getattr(self, "scope", "batch")

    def weighs_classes(self) -> bool:
        """Whether classes or labels have weights of their own."""
        return self.weight is not None or self.pos_weight is not None

    def forward(
        self,
        logits: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        where: Tensor | None = None,
    ) -> Tensor:
        """Loss of a batch: a scalar, or per class or image where the options say so.

        `sample_weight` and `where` (what to keep) have an entry for each example or
        pixel, for `task="multilabel"` also for each label, or one for each entry of
        axis 0; with `scope="example"` such a weight is that of the image in the mean.
        """
        task, _ = self.task_and_scope()
        if task == "multiclass":
            return super().forward(
                logits, target, sample_weight=sample_weight, where=where
            )
        check.tensor("logits", logits)
        shape = logits.shape
        labels = task == "multilabel"
        batch = shape[:1] + shape[2:] if labels and shape else shape
        of_image = self.of_images(sample_weight, batch)
        if (
            sample_weight is not None
            and getattr(self, "average", None) == "samples"
            and self.weighs_classes()
        ):
            raise ValueError(
                "sample_weight must be None for average 'samples' with weight or "
                "pos_weight, got weights of examples, which would cancel"
            )
        found = entries(
            logits,
            target,
            None if of_image is not None else sample_weight,
            where,
            ignored=self._ignored,
            weight=self.weight,
            pos_weight=self.pos_weight,
            smoothing=self.label_smoothing,
            labels=labels,
        )
        weight = found.weight if of_image is None else of_image
        return self.evaluate(found.logits, found.target, weight, found.where)


class CostMetricLoss(MetricLoss):
    """A batch loss with a cost matrix: a buffer, or a parameter if it is one."""

    cost: Tensor

    def __init__(self, cost: Tensor | ArrayLike, **options: Any) -> None:
        super().__init__(**options)
        self.hold("cost", checked_cost(cost))

    def tensors(self) -> tuple[Tensor, ...]:
        """The cost."""
        return (self.cost,)


def _options(function: Callable[..., Tensor]) -> tuple[str, ...]:
    parameters = inspect.signature(function).parameters.values()
    own = (p.name for p in parameters if p.kind is p.KEYWORD_ONLY)
    return (*own, "relaxation", "task", "scope", "sum_counts", "reduction")

"""Losses of the whole batch, of one label per example, several, or yes and no."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from costfn.front_end import check_tensor

from .classes import prepare_classes, weight_of_images
from .habits import Ignored
from .label_sets import prepare_labels


def counted(
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
    label_smoothing: float,
) -> Tensor:
    """The loss of what is counted over the batch.

    Labels and class probabilities as the other losses have them, classes on axis 1. For
    `task="multilabel"` targets have the shape of the logits, labels on axis 1; for
    `task="binary"` too, and there is no axis of classes. What is `ignore_index` in the
    target is left out. `weight` counts the examples of a class, or each label, so many
    times; `pos_weight` those of a label that is there (`class_weight` is another thing:
    weights in the mean over the classes).
    """
    if options["task"] == "multiclass":
        return counted_by_class(
            loss,
            options,
            logits,
            target,
            sample_weight=sample_weight,
            where=where,
            weight=weight,
            ignore_index=ignore_index,
            label_smoothing=label_smoothing,
        )
    check_tensor("logits", logits)
    shape, several = logits.shape, options["task"] == "multilabel"
    batch = shape[:1] + shape[2:] if several and shape else shape
    weighed = weight is not None or pos_weight is not None
    of_image = weight_of_images(sample_weight, batch, options["scope"], weighed=weighed)
    if sample_weight is not None and options.get("average") == "samples" and weighed:
        raise ValueError(
            "sample_weight must be None for average 'samples' with weight or "
            "pos_weight, got weights of examples, which would cancel"
        )
    found = prepare_labels(
        logits,
        target,
        sample_weight=None if of_image is not None else sample_weight,
        where=where,
        weight=weight,
        pos_weight=pos_weight,
        ignored=ignore_index,
        smoothing=label_smoothing,
        labels=several,
    )
    return loss(
        found.logits,
        found.target,
        sample_weight=found.weight if of_image is None else of_image,
        where=found.where,
        **options,
    )


def counted_by_class(
    loss: Callable[..., Tensor],
    options: Mapping[str, Any],
    logits: Tensor,
    target: Tensor,
    *,
    sample_weight: Tensor | None,
    where: Tensor | None,
    weight: Tensor | None,
    ignore_index: Ignored,
    label_smoothing: float,
) -> Tensor:
    """The loss of what is counted over the batch, where an example has one label."""
    batch = prepare_classes(
        logits,
        target,
        sample_weight=sample_weight,
        where=where,
        weight=weight,
        ignored=ignore_index,
        smoothing=label_smoothing,
        scope=options["scope"],
    )
    return loss(
        batch.logits,
        batch.target,
        sample_weight=batch.weight,
        where=batch.where,
        **options,
    )

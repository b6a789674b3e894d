"""Scores of classes on axis 1, made ready for a function that has them last."""

import torch
from torch import Tensor

from costfn.front_end import (
    check_numbers,
    check_target,
    check_weights,
    smoothed_target,
    weight_of_target,
)

from .class_axis import (
    Prepared,
    batch_shape,
    check_logits,
    check_target_as_passed,
    for_each_example,
    kept,
    masks_together,
    moved_last,
    weights_together,
)
from .habits import Ignored


def prepare_classes(
    logits: Tensor,
    target: Tensor,
    *,
    sample_weight: Tensor | None,
    where: Tensor | None,
    weight: Tensor | None = None,
    ignored: Ignored = None,
    smoothing: float = 0.0,
    classes: int | None = None,
    scope: str = "batch",
) -> Prepared:
    """Moves the classes last, clears what is masked, weighs, and smooths.

    Takes `(N, classes)`, `(classes,)` or `(N, classes, d1, ...)`: the classes on axis 1
    as in `torch.nn.CrossEntropyLoss`, for the logits and for class probabilities. A
    label to ignore takes its example out, whatever its logits hold; `where` does for
    every kind of target. With `scope="example"` a `sample_weight` of shape `(N,)` is
    that of the images in their mean.

    The true classes are as many as the scores, unless `classes` says otherwise: a cost
    matrix may have more decisions than classes.
    """
    check_logits(logits)
    batch = batch_shape(logits)
    classes = logits.shape[min(1, logits.ndim - 1)] if classes is None else classes
    check_target_as_passed(target, logits, classes)
    soft = target.is_floating_point()
    keep = for_each_example("where", where, batch)
    keep = masks_together(keep, None if soft else kept(target, ignored))
    # Labels as int64: torch cannot mask the wider unsigned types.
    logits, target = moved_last(logits), moved_last(target) if soft else target.long()
    if keep is not None:
        # The logits too, or a NaN among them would reach the gradient as 0 * NaN.
        logits = logits.masked_fill(~keep.unsqueeze(-1), 0.0)
        clear = ~(keep.unsqueeze(-1) if soft else keep)
        target = target.masked_fill(clear, 1 / classes if soft else 0)
    check_target(target, batch, classes)
    each = weight_of_images(sample_weight, batch, scope, weighed=weight is not None)
    if each is None:
        each = for_each_example("sample_weight", sample_weight, batch)
        if each is not None:
            each = each if keep is None else each.masked_fill(~keep, 0)
            check_weights("sample_weight", each, batch)
        if weight is not None:
            each = weights_together(weight_of_target(weight, target, classes), each)
    target = smoothed_target(target, smoothing, classes, logits)
    return Prepared(logits, target, each, keep)


def weight_of_images(
    sample_weight: Tensor | None, batch: torch.Size, scope: str, *, weighed: bool
) -> Tensor | None:
    """Weights of whole images, where the loss takes a mean over images.

    Args:
        sample_weight: As it was passed.
        batch: Shape of the examples.
        scope: Over what the loss counts.
        weighed: Whether classes or labels have weights of their own.
    """
    if sample_weight is None or scope != "example" or len(batch) < 2:
        return None
    check_numbers("sample_weight", sample_weight)
    if sample_weight.shape != batch[:1]:
        return None
    if weighed:
        raise ValueError(
            f"sample_weight must have the shape {tuple(batch)} of the pixels where "
            "the module has class weights, got one weight per image, "
            f"{tuple(batch[:1])}: the function weighs images or pixels; weigh "
            'images with reduction="none" and costfn.reduce'
        )
    return sample_weight

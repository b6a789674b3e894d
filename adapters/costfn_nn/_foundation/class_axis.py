"""The axes of torch: classes on axis 1, and weights and masks beside them."""

from typing import NamedTuple

import torch
from torch import Tensor

from costfn.front_end import check_floating_point, check_numbers, check_tensor

from .habits import Ignored

HABIT = "modules have the classes on axis 1, functions on the last"


class Prepared(NamedTuple):
    """Logits and targets with the classes or labels last, harmless where masked.

    Attributes:
        logits: `(*batch, classes)`, or `(*batch,)` for yes or no.
        target: As the function takes it.
        weight: `(*batch,)`, for labels one by one also of the logits' shape, or None.
        where: What is kept, `(*batch,)` or of the logits' shape, or None.
    """

    logits: Tensor
    target: Tensor
    weight: Tensor | None
    where: Tensor | None


def kept(target: Tensor, ignored: Ignored) -> Tensor | None:
    """Where a target is none of the labels to ignore; None for everywhere.

    As int64: in uint8 itself -100 would be the label 156.
    """
    if ignored is None:
        return None
    labels = (ignored,) if isinstance(ignored, int) else ignored
    keep: Tensor | None = None
    wide = target if target.is_floating_point() else target.long()
    for label in labels:
        keep = masks_together(keep, wide != label)
    return keep


def masks_together(first: Tensor | None, second: Tensor | None) -> Tensor | None:
    """Two masks, each of which may be missing, as one."""
    if first is None or second is None:
        return second if first is None else first
    return first & second


def moved_last(values: Tensor) -> Tensor:
    """From axis 1, where there is one, to the last."""
    return values.movedim(1, -1) if values.ndim > 1 else values


def check_logits(logits: Tensor) -> None:
    """Checks scores of two or more classes on axis 1, or on the only one."""
    check_floating_point("logits", logits)
    axis = min(1, logits.ndim - 1)
    if logits.ndim == 0 or logits.shape[axis] < 2:
        raise ValueError(
            "logits must have 2 or more classes on axis 1, (N, classes, ...), or be "
            f"(classes,), got shape {tuple(logits.shape)}; {HABIT}"
        )


def batch_shape(logits: Tensor) -> torch.Size:
    """The shape of the examples: that of logits without the classes on axis 1."""
    return logits.shape[:1] + logits.shape[2:] if logits.ndim > 1 else torch.Size()


def check_target_as_passed(target: Tensor, logits: Tensor, classes: int) -> None:
    """Checks kind and shape of labels or class probabilities, before axes are moved."""
    check_tensor("target", target)
    got, shape, batch = (
        tuple(x) for x in (target.shape, logits.shape, batch_shape(logits))
    )
    probs = (*batch[:1], classes, *batch[1:])
    hint = f"; {HABIT}" if shape[:-1] in (got, got[:-1]) else ""
    if target.is_floating_point():
        if got == batch:
            raise TypeError(
                f"target must be integer labels of shape {batch} or class probabilities"
                f" of shape {probs}, got {target.dtype} of shape {batch};"
                " labels stored as floats become labels by target.long()"
            )
        if got != probs:
            raise ValueError(
                f"target must have the shape {probs}, one probability per class on "
                f"axis 1 as the logits {shape}, got {got}{hint}"
            )
        return
    if target.dtype == torch.bool or target.is_complex():
        raise TypeError(f"target must be integer labels, got {target.dtype}")
    if got != batch:
        raise ValueError(
            f"target must have the shape {batch} of the examples, which is that of the "
            f"logits {shape} without the classes on axis 1, got {got}{hint}"
        )


def for_each_example(
    name: str, value: Tensor | None, batch: torch.Size
) -> Tensor | None:
    """A weight or mask of examples: one each, or one for each entry of axis 0."""
    if value is None:
        return None
    if name == "where":
        check_tensor(name, value)
        if value.dtype != torch.bool:
            raise TypeError(f"where must be boolean, got {value.dtype}")
    else:
        check_numbers(name, value)
    if value.shape == batch:
        return value
    if len(batch) < 2 or value.shape != batch[:1]:
        images = f", or {tuple(batch[:1])} of the images" if len(batch) > 1 else ""
        raise ValueError(
            f"{name} must have the shape {tuple(batch)} of the examples{images}, "
            f"got {tuple(value.shape)}"
        )
    return over_axes(value, batch)


def over_axes(of_image: Tensor, shape: torch.Size) -> Tensor:
    """One number for each entry of axis 0, for all that belongs to it."""
    return of_image.reshape(-1, *(1,) * (len(shape) - 1)).expand(shape)


def weights_together(first: Tensor | None, second: Tensor | None) -> Tensor | None:
    """Two weights, each of which may be missing, as one."""
    if first is None or second is None:
        return second if first is None else first
    return first * second

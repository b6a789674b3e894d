"""The habits of torch: classes on axis 1, labels to ignore, weights and masks."""

from collections.abc import Sequence
from operator import index as as_int
from typing import Any

import numpy as np
import torch
from torch import Tensor

from costfn._foundation import check

IgnoreIndex = int | Sequence[int] | None
"""A label that takes its example out, several, or none."""

HABIT = "modules have the classes on axis 1, functions on the last"


def ignored_labels(ignore_index: IgnoreIndex) -> tuple[int, ...]:
    """Checks the labels to ignore."""
    if ignore_index is None:
        return ()
    several = isinstance(ignore_index, Sequence | np.ndarray | Tensor)
    given: Any = ignore_index if several else [ignore_index]
    try:
        labels = tuple(as_int(label) for label in given)
    except TypeError:
        labels = ()
    if isinstance(ignore_index, bool | str) or (not labels and len(given)):
        raise TypeError(
            "ignore_index must be an integer, several of them or None, got "
            f"{ignore_index!r}"
        )
    return labels


def kept(target: Tensor, ignored: tuple[int, ...]) -> Tensor | None:
    """Where a target is none of the labels to ignore; None for everywhere.

    As int64: in uint8 itself -100 would be the label 156.
    """
    if not ignored:
        return None
    wide = target if target.is_floating_point() else target.long()
    keep = wide != ignored[0]
    for label in ignored[1:]:
        keep = keep & (wide != label)
    return keep


def both(first: Tensor | None, second: Tensor | None) -> Tensor | None:
    """Two masks, each of which may be missing, as one."""
    if first is None or second is None:
        return second if first is None else first
    return first & second


def last(values: Tensor) -> Tensor:
    """From axis 1, where there is one, to the last."""
    return values.movedim(1, -1) if values.ndim > 1 else values


def check_logits(logits: Tensor) -> None:
    """Checks scores of two or more classes on axis 1, or on the only one."""
    check.floating_point("logits", logits)
    axis = min(1, logits.ndim - 1)
    if logits.ndim == 0 or logits.shape[axis] < 2:
        raise ValueError(
            "logits must have 2 or more classes on axis 1, (N, classes, ...), or be "
            f"(classes,), got shape {tuple(logits.shape)}; {HABIT}"
        )


def examples_of(logits: Tensor) -> torch.Size:
    """The shape of the examples: that of logits without the classes on axis 1."""
    return logits.shape[:1] + logits.shape[2:] if logits.ndim > 1 else torch.Size()


def check_target(target: Tensor, logits: Tensor, classes: int, name: str) -> None:
    """Checks kind and shape of labels or class probabilities, as they were passed."""
    check.tensor(name, target)
    got, shape, batch = (
        tuple(x) for x in (target.shape, logits.shape, examples_of(logits))
    )
    probs = (*batch[:1], classes, *batch[1:])
    hint = f"; {HABIT}" if shape[:-1] in (got, got[:-1]) else ""
    if target.is_floating_point():
        if got == batch:
            raise TypeError(
                f"{name} must be integer labels of shape {batch} or class probabilities"
                f" of shape {probs}, got {target.dtype} of shape {batch};"
                " labels stored as floats become labels by target.long()"
            )
        if got != probs:
            raise ValueError(
                f"{name} must have the shape {probs}, one probability per class on "
                f"axis 1 as the logits {shape}, got {got}{hint}"
            )
        return
    if target.dtype == torch.bool or target.is_complex():
        raise TypeError(f"{name} must be integer labels, got {target.dtype}")
    if got != batch:
        raise ValueError(
            f"{name} must have the shape {batch} of the examples, which is that of the "
            f"logits {shape} without the classes on axis 1, got {got}{hint}"
        )


def of_examples(
    name: str, value: Tensor | None, batch: torch.Size, *, expand: bool = True
) -> Tensor | None:
    """A weight or mask of examples: one each, or one for each entry of axis 0."""
    if value is None:
        return None
    if name == "where":
        check.tensor(name, value)
        if value.dtype != torch.bool:
            raise TypeError(f"where must be boolean, got {value.dtype}")
    else:
        check.numbers(name, value)
    if value.shape == batch:
        return value
    if len(batch) < 2 or value.shape != batch[:1]:
        images = f", or {tuple(batch[:1])} of the images" if len(batch) > 1 else ""
        raise ValueError(
            f"{name} must have the shape {tuple(batch)} of the examples{images}, "
            f"got {tuple(value.shape)}"
        )
    return over_axes(value, batch) if expand else value


def over_axes(of_image: Tensor, shape: torch.Size) -> Tensor:
    """One number for each entry of axis 0, for all that belongs to it."""
    return of_image.reshape(-1, *(1,) * (len(shape) - 1)).expand(shape)


def times(first: Tensor | None, second: Tensor | None) -> Tensor | None:
    """Two weights, each of which may be missing, as one."""
    if first is None or second is None:
        return second if first is None else first
    return first * second

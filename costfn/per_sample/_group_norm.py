"""Group norm with a scale and a shift for each sample, in one call for all samples."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ._layer_calls import LayerCall
from ._mapped import axis_of_samples, unmapped

# These functions of torch are not public. Without them norms are right but slower.
_functorch: Any = getattr(torch._C, "_functorch", None)
_AVAILABLE = all(hasattr(_functorch, n) for n in ("_add_batch_dim", "maybe_get_level"))


def group_norm_of_samples(
    call: LayerCall, weight: Tensor | None, bias: Tensor | None, like: Tensor
) -> Tensor | None:
    """Group norm under `vmap`, with the scale and the shift that one sample has.

    Torch's rule for `vmap` would normalise, scale and shift in three calls on whole
    images, and as many backward. Here the channels of all samples become those of one
    image, with their own scales and shifts. So torch's kernel does all in one call, and
    its backward pass gives the gradient by each sample's scale and shift.

    Args:
        call: The call, with the input of one sample.
        weight: The scale that one sample has, if any.
        bias: The shift that one sample has, if any.
        like: Any tensor that `vmap` maps over the samples.

    Returns:
        The output for one sample; None if the input is not one that `vmap` maps, or is
        also mapped by a `vmap` in the model.
    """
    level = _level(like)
    if level < 0 or _level(call.input) != level:
        return None
    every = unmapped(call.input)
    images = every.movedim(axis_of_samples(call.input, every), 1)
    size = images.shape[1]
    scales, shifts = (
        None if v is None else _for_each(v, level, size) for v in (weight, bias)
    )
    groups, eps = size * call.options["num_groups"], call.options["eps"]
    every = functional.group_norm(images.flatten(1, 2), groups, scales, shifts, eps)
    mapped: Tensor = _functorch._add_batch_dim(every.reshape(images.shape), 1, level)
    return mapped


def _level(value: Tensor) -> int:
    """Which `vmap` maps over the samples of a tensor; -1 if none does."""
    level: int = _functorch.maybe_get_level(value) if _AVAILABLE else -1
    return level


def _for_each(values: Tensor, level: int, size: int) -> Tensor:
    """The channels of all samples side by side."""
    if _level(values) == level:
        every = unmapped(values)
        return every.movedim(axis_of_samples(values, every), 0).flatten()
    return values.expand(size, *values.shape).flatten()

"""What a loss is, is given and returns, in all the forms that this may have."""

import contextlib
import copy
import inspect
import math
from typing import Any

import numpy as np
from torch import Tensor

from .._method.nested import mapped
from .._method.subject import SCALAR
from .operations import tensors_in


def name_of(loss: Any) -> str:
    """The name of a loss for the report."""
    name = getattr(loss, "__qualname__", None) or type(loss).__name__
    return str(name).rsplit("<locals>.", 1)[-1]


def file_of(loss: Any) -> str | None:
    """The file in which a loss is written."""
    for thing in (getattr(loss, "func", loss), type(loss)):
        with contextlib.suppress(TypeError, OSError):
            return inspect.getfile(thing)
    return None


def copied(target: Any) -> Any:
    """A copy of a target, without its graph."""

    def copy_of(leaf: Any) -> Any:
        tensor = isinstance(leaf, Tensor)
        return leaf.detach().clone() if tensor else copy.deepcopy(leaf)

    return mapped(copy_of, target)


def doubled(target: Any) -> Any:
    """A target whose floating-point numbers are in float64."""

    def double(leaf: Any) -> Any:
        real = isinstance(leaf, Tensor) and leaf.is_floating_point()
        return leaf.double() if real else leaf

    return mapped(double, target)


def total_of(result: Any) -> tuple[Any, str]:
    """The number whose gradient is taken, and what the loss returned, in words."""
    if isinstance(result, Tensor):
        if result.numel() == 1:
            return result.sum() if result.dim() else result, SCALAR
        return result.sum(), f"a tensor of shape {tuple(result.shape)}"
    if isinstance(result, (bool, int, float, np.number)):
        return float(result), f"a Python number ({type(result).__name__})"
    kind = type(result).__name__
    if isinstance(result, tuple) and [type(part) for part in result] == [Tensor, dict]:
        return total_of(result[0])  # the loss, and numbers for the log
    parts = [p.sum() for p in tensors_in(result) if p.is_floating_point()]
    if parts:
        return sum(parts[1:], parts[0]), f"a {kind} of tensors"
    return math.nan, f"a {kind}"


def first_tensor(result: Any, total: Tensor) -> Tensor:
    """The first tensor that the loss returned, or the total."""
    parts = tensors_in(result)
    return parts[0] if parts else total

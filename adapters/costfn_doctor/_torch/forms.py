"""What a loss is given and gives back, of whatever form."""

import contextlib
import copy
import inspect
import math
from typing import Any

import numpy as np
from torch import Tensor


def name_of(loss: Any) -> str:
    """A name for a loss to be called by."""
    name = getattr(loss, "__qualname__", None) or type(loss).__name__
    return str(name).rsplit("<locals>.", 1)[-1]


def file_of(loss: Any) -> str | None:
    """The file in which a loss is written."""
    for thing in (getattr(loss, "func", loss), type(loss)):
        with contextlib.suppress(TypeError, OSError):
            return inspect.getfile(thing)
    return None


def tensors_in(value: Any) -> list[Tensor]:
    """Tensors in a target of any form."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [tensor for part in value for tensor in tensors_in(part)]
    return []


def copied(value: Any) -> Any:
    """A copy of a target of any form, without its graph."""
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, dict):
        return {key: copied(part) for key, part in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(copied, value))
    if isinstance(value, (list, tuple)):
        return type(value)(map(copied, value))
    return copy.deepcopy(value)


def doubled(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.double() if value.is_floating_point() else value
    if isinstance(value, dict):
        return {key: doubled(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return type(value)(map(doubled, value))
    return value


def total_of(result: Any) -> tuple[Any, str]:
    """The number to descend on, and what the loss returned."""
    if isinstance(result, Tensor):
        if result.numel() == 1:
            return result.sum() if result.dim() else result, "a scalar"
        return result.sum(), f"a tensor of shape {tuple(result.shape)}"
    if isinstance(result, (bool, int, float, np.number)):
        return float(result), f"a Python number ({type(result).__name__})"
    kind = type(result).__name__
    if isinstance(result, tuple) and [type(part) for part in result] == [Tensor, dict]:
        return total_of(result[0])  # the loss and what to log
    parts = [p.sum() for p in tensors_in(result) if p.is_floating_point()]
    if parts:
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return total, f"a {kind} of tensors"
    return math.nan, f"a {kind}"


def first_tensor(result: Any, total: Tensor) -> Tensor:
    parts = tensors_in(result)
    return parts[0] if parts else total


def reaches(result: Tensor, leaf: Tensor) -> bool:
    """Whether the graph of a result leads to a leaf."""
    seen, waiting = set(), [result.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen.add(node)
            if getattr(node, "variable", None) is leaf:
                return True
            waiting += [parent for parent, _ in node.next_functions]
    return False

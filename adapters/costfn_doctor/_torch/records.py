"""Results of operations, kept so that they can be given back on a later run."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from . import operations


class Live:
    """Stands for a part of a result that keeps its gradient and is not frozen."""


LIVE = Live()


@dataclass(frozen=True)
class Written:
    """What an in-place operation left in its first argument."""

    value: Any


def recorded(result: Any) -> Any:
    """A result to be frozen, of which live parts stay as they are."""
    if isinstance(result, tuple) and any(map(_live, result)):
        return tuple(LIVE if _live(part) else snapshot(part) for part in result)
    return snapshot(result)


def _live(part: Any) -> bool:
    return isinstance(part, Tensor) and operations.is_live(part)


def frozen(held: Any, function: Any, args: Any, kwargs: Any) -> Any:
    """A recorded result in place of that of a call."""
    if isinstance(held, Written):
        function(*args, **kwargs)
        with torch.no_grad():
            args[0].copy_(restored(held.value))
        return args[0]
    if isinstance(held, tuple) and any(part is LIVE for part in held):
        fresh = function(*args, **kwargs)
        mixed = [
            new if old is LIVE else restored(old)
            for new, old in zip(fresh, held, strict=True)
        ]
        return type(fresh)(mixed)
    return restored(held)


def snapshot(value: Any) -> Any:
    """A copy of a result, to be given back by `restored`."""
    if isinstance(value, Tensor):
        if operations.is_wrapped(value):
            return Batched.of(value)
        return value.detach().clone()
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(snapshot, value))
    if isinstance(value, (list, tuple)):
        # The results of sort, max, topk are built from one iterable.
        return type(value)([snapshot(part) for part in value])
    return value


def restored(value: Any) -> Any:
    """A recorded result, as a copy that may be written to."""
    if isinstance(value, Batched):
        return value.wrapped()
    return snapshot(value)


class Batched:
    """A value inside vmap, as it is outside."""

    def __init__(self, value: Tensor, axis: int, level: int) -> None:
        self.value, self.axis, self.level = value, axis, level

    @classmethod
    def of(cls, tensor: Tensor) -> "Batched | Tensor":
        functorch = torch._C._functorch
        if not functorch.is_batchedtensor(tensor):
            return tensor
        inner = functorch.get_unwrapped(tensor)
        if operations.is_wrapped(inner):
            return tensor
        axis, level = (
            functorch.maybe_get_bdim(tensor),
            functorch.maybe_get_level(tensor),
        )
        return cls(inner.detach().clone(), axis, level)

    def wrapped(self) -> Tensor:
        found: Tensor = torch._C._functorch._add_batch_dim(
            self.value.clone(), self.axis, self.level
        )
        return found

"""Results of operations, kept so that a later run can return them again."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .._method import nested
from . import operations


class Live:
    """Takes the place of a part that keeps its gradient, and so is not frozen."""


LIVE = Live()


@dataclass(frozen=True)
class Written:
    """What an in-place operation left in its first argument."""

    value: Any


@dataclass(frozen=True)
class Batched:
    """A value inside vmap: the whole batch, its axis and the level of the vmap."""

    value: Tensor
    axis: int
    level: int

    def wrapped(self) -> Tensor:
        """The value as it was inside vmap."""
        found: Tensor = torch._C._functorch._add_batch_dim(
            self.value.clone(), self.axis, self.level
        )
        return found


def recorded(result: Any) -> Any:
    """A result to be frozen, whose live parts stay as they are."""
    if isinstance(result, tuple) and any(map(_is_live, result)):
        return tuple(LIVE if _is_live(part) else snapshot(part) for part in result)
    return snapshot(result)


def _is_live(part: Any) -> bool:
    return isinstance(part, Tensor) and operations.is_live(part)


def frozen(held: Any, function: Any, args: Any, kwargs: Any) -> Any:
    """The recorded result of a call in place of a fresh one."""
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
    """A copy of a result, which `restored` turns into a result again."""
    return nested.mapped(_snapshot, value)


def _snapshot(leaf: Any) -> Any:
    if isinstance(leaf, Tensor):
        return _unbatched(leaf) if operations.is_wrapped(leaf) else _copy(leaf)
    return leaf.copy() if isinstance(leaf, np.ndarray) else leaf


def _copy(tensor: Tensor) -> Tensor:
    return tensor.detach().clone()


def _unbatched(tensor: Tensor) -> Batched | Tensor:
    """The batch of a value inside one vmap; in deeper transforms the value itself."""
    functorch = torch._C._functorch
    if not functorch.is_batchedtensor(tensor):
        return tensor
    inner = functorch.get_unwrapped(tensor)
    if operations.is_wrapped(inner):
        return tensor
    axis, level = functorch.maybe_get_bdim(tensor), functorch.maybe_get_level(tensor)
    return Batched(_copy(inner), axis, level)


def restored(value: Any) -> Any:
    """A recorded result, as a copy that the loss may write into."""
    return nested.mapped(_restored, value)


def _restored(leaf: Any) -> Any:
    return leaf.wrapped() if isinstance(leaf, Batched) else _snapshot(leaf)

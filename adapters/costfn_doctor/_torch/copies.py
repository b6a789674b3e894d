"""Copies of a stateful loss: each run begins in the first state."""

import copy
import functools
import types
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from .._method.thresholds import LARGEST_COPIED_MODULE


def unwrapped(loss: Any) -> Any:
    """The loss that was given to torch.compile, if it was."""
    while True:
        inner = getattr(loss, "_torchdynamo_orig_callable", None)
        if inner is None and type(loss).__name__ == "OptimizedModule":
            inner = getattr(loss, "_orig_mod", None)
        if inner is None:
            return loss
        loss = inner


class Copies:
    """Gives every run a loss in its first state.

    Args:
        loss: The loss.
        still: Its parameters require no gradients.
    """

    def __init__(self, loss: Callable[..., Any], still: bool) -> None:
        self.loss, self.still = loss, still
        self._masters: dict[bool, Callable[..., Any]] = {}

    def fresh(self, *, double: bool = False) -> Callable[..., Any]:
        """The loss in its first state; with `double` its parameters in float64."""
        if double not in self._masters:
            self._masters[double] = self._copy(self.loss, double)
        master = self._masters[double]
        if master is self.loss or _size(master) > LARGEST_COPIED_MODULE:
            return master
        return _copied(master)

    def _copy(self, loss: Callable[..., Any], double: bool) -> Callable[..., Any]:
        made = _copied(loss)
        for module in _modules_in(made) if made is not loss else ():
            for parameter in module.parameters():
                parameter.requires_grad_(parameter.requires_grad and not self.still)
            if double and not isinstance(module, torch.jit.ScriptModule):
                module.double()
        return made


def _copied(loss: Callable[..., Any]) -> Callable[..., Any]:
    """A copy of a callable with a state, or the callable if it cannot be copied."""
    try:
        if isinstance(loss, types.MethodType):
            if isinstance(loss.__self__, (type, types.ModuleType)):
                return loss
            return types.MethodType(loss.__func__, copy.deepcopy(loss.__self__))
        if isinstance(loss, functools.partial):
            return functools.partial(
                _copied(loss.func), *loss.args, **dict(loss.keywords)
            )
        if callable(loss) and not isinstance(loss, (types.FunctionType, type)):
            return copy.deepcopy(loss)
    except Exception:  # `isolated` restores what cannot be copied
        return loss
    return loss


def _modules_in(loss: Any) -> list[nn.Module]:
    """The module that a callable is, belongs to, or holds as an attribute."""
    owner = getattr(loss, "__self__", loss)
    if isinstance(owner, functools.partial):
        return _modules_in(owner.func)
    if isinstance(owner, nn.Module):
        return [owner]
    held = getattr(owner, "__dict__", {})
    return [value for value in held.values() if isinstance(value, nn.Module)]


def _size(loss: Any) -> int:
    """How many numbers the parameters and buffers of a loss hold."""
    return sum(
        tensor.numel()
        for module in _modules_in(loss)
        for tensor in (*module.parameters(), *module.buffers())
    )

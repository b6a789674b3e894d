"""Leaves everything as it was found."""

import contextlib
import copy
import functools
import random
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .._method.source import Source

LARGEST = 2_000_000
"""Numbers in a module of which every run gets a copy of its own."""
USERS = Source(())
REACHED = 10_000
"""Objects that are looked at for what a loss holds."""


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
        still: Its parameters need no gradients.
    """

    def __init__(self, loss: Callable[..., Any], still: bool) -> None:
        self.loss, self.still = loss, still
        self._masters: dict[bool, Any] = {}

    def fresh(self, *, double: bool = False) -> Callable[..., Any]:
        """The loss in its first state, its numbers in float64 if so wanted."""
        if double not in self._masters:
            self._masters[double] = self._copy(self.loss, double)
        master = self._masters[double]
        if master is self.loss or _size(master) > LARGEST:
            return master  # type: ignore[no-any-return]
        return _copied(master)  # type: ignore[no-any-return]

    def _copy(self, loss: Any, double: bool) -> Any:
        made = _copied(loss)
        for module in _modules_in(made) if made is not loss else ():
            for parameter in module.parameters():
                parameter.requires_grad_(parameter.requires_grad and not self.still)
            if double and not isinstance(module, torch.jit.ScriptModule):
                module.double()
        return made


def _copied(loss: Any) -> Any:
    """A copy of a stateful callable, or the callable where that cannot be had."""
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
    except Exception:  # what cannot be copied is restored afterwards
        return loss
    return loss


def _modules_in(loss: Any) -> list[nn.Module]:
    owner = getattr(loss, "__self__", loss)
    if isinstance(owner, functools.partial):
        return _modules_in(owner.func)
    if isinstance(owner, nn.Module):
        return [owner]
    held = getattr(owner, "__dict__", {})
    return [value for value in held.values() if isinstance(value, nn.Module)]


def _size(loss: Any) -> int:
    return sum(
        tensor.numel()
        for module in _modules_in(loss)
        for tensor in (*module.parameters(), *module.buffers())
    )


def held_by(loss: Any) -> tuple[list[nn.Module], list[Tensor], list[Any]]:
    """Modules, tensors and other objects that a callable reaches beside its arguments.

    Of other objects those of the user's own classes, and random generators.
    """
    waiting: list[Any] = [loss]
    seen: set[int] = set()
    modules: list[nn.Module] = []
    tensors: list[Tensor] = []
    others: list[Any] = []
    while waiting and len(seen) < REACHED:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, nn.Module):
            modules.append(value)
        elif isinstance(value, Tensor):
            tensors.append(value)
        elif isinstance(value, (torch.Generator, np.random.Generator)):
            others.append(value)
        elif isinstance(value, functools.partial):
            waiting += [value.func, *value.args, *value.keywords.values()]
        elif isinstance(value, types.MethodType):
            waiting += [value.__self__, value.__func__]
        elif isinstance(value, types.FunctionType):
            if value is not loss and not USERS.is_user(value.__code__.co_filename):
                continue
            cells = [c.cell_contents for c in value.__closure__ or () if _full(c)]
            names = value.__code__.co_names
            used = [value.__globals__[n] for n in names if n in value.__globals__]
            waiting += [*cells, *used, *(value.__defaults__ or ())]
        elif isinstance(value, (list, tuple)):
            waiting += value
        elif isinstance(value, dict):
            waiting += value.values()
        elif hasattr(value, "__dict__") and _of_user(value):
            others.append(value)
            waiting += vars(value).values()
    return modules, tensors, others


def _of_user(value: Any) -> bool:
    """Whether an object is of a class in the user's own code."""
    if isinstance(value, (type, types.ModuleType)):
        return False
    module = sys.modules.get(type(value).__module__)
    file = getattr(module, "__file__", None)
    return module is not None and (file is None or USERS.is_user(file))


def _full(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False


@contextlib.contextmanager
def isolated(loss: Any, still: bool) -> Iterator[None]:
    """Restore random states, grad mode, and what the loss holds, afterwards."""
    states = torch.get_rng_state(), np.random.get_state(), random.getstate()
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else None
    enabled, dtype = torch.is_grad_enabled(), torch.get_default_dtype()
    modules, tensors, others = held_by(loss)
    generators = [(g, g.get_state()) for g in others if isinstance(g, torch.Generator)]
    streams = [
        (g.bit_generator, g.bit_generator.state)
        for g in others
        if isinstance(g, np.random.Generator)
    ]
    held = [
        *tensors,
        *(p for module in modules for p in module.parameters()),
        *(b for module in modules for b in module.buffers()),
    ]
    kept = [(tensor, _saved(tensor), tensor.requires_grad) for tensor in held]
    training = [
        (part, part.training) for module in modules for part in module.modules()
    ]
    objects = [part for module in modules for part in module.modules()]
    objects += [part for part in others if hasattr(part, "__dict__")]
    attributes = [
        (part, {name: (value, _contents(value)) for name, value in vars(part).items()})
        for part in objects
    ]
    for tensor, _, requires in kept:
        if still and requires and tensor.is_leaf:
            tensor.requires_grad_(False)
    try:
        yield
    finally:
        torch.set_grad_enabled(enabled)
        torch.set_default_dtype(dtype)
        for part, values in attributes:
            _restore_attributes(part, values)
        for tensor, saved, requires in kept:
            if not torch.equal(tensor.detach(), saved):
                with torch.no_grad():
                    tensor.copy_(saved)
            if tensor.is_leaf:
                tensor.requires_grad_(requires)
        for part, was in training:
            part.training = was
        for generator, state in generators:
            generator.set_state(state)
        for stream, numbers in streams:
            stream.state = numbers
        torch.set_rng_state(states[0])
        np.random.set_state(states[1])
        random.setstate(states[2])
        if cuda is not None:
            torch.cuda.set_rng_state_all(cuda)


def _saved(tensor: Tensor) -> Tensor:
    return tensor.detach().clone()


def _contents(value: Any) -> Any:
    return copy.copy(value) if isinstance(value, (dict, list, set)) else None


def _restore_attributes(part: Any, values: dict[str, tuple[Any, Any]]) -> None:
    now = vars(part)
    for name in set(now) - set(values):
        del now[name]
    for name, (value, contents) in values.items():
        now[name] = value
        if contents is not None:
            value.clear()
            value.extend(contents) if isinstance(value, list) else value.update(
                contents
            )


@contextlib.contextmanager
def eager() -> Iterator[None]:
    """Run compiled functions as they are written, if any was ever compiled."""
    if "torch._dynamo" not in sys.modules:
        yield
        return
    with torch.compiler.set_stance("force_eager"):
        yield


def seeded(seed: int) -> None:
    """Seed every generator that a loss may draw from."""
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)

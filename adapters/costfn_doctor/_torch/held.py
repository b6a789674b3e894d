"""What a loss can reach beside its arguments: modules, tensors, objects."""

import functools
import sys
import types
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from .._method import nested
from .._method.source import Source
from .._method.thresholds import OBJECTS_LOOKED_AT

CODE = Source(())
GENERATORS = (torch.Generator, np.random.Generator)


class Held(NamedTuple):
    """What a loss reaches: through closures, defaults, globals and attributes."""

    modules: list[nn.Module]
    tensors: list[Tensor]
    generators: list[Any]
    objects: list[Any]


def held_by(loss: Any) -> Held:
    """Modules, tensors, random generators, and objects of the user's own classes."""
    found = Held([], [], [], [])
    waiting: list[Any] = [loss]
    seen: set[int] = set()
    while waiting and len(seen) < OBJECTS_LOOKED_AT:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, nn.Module):
            found.modules.append(value)
        elif isinstance(value, Tensor):
            found.tensors.append(value)
        elif isinstance(value, GENERATORS):
            found.generators.append(value)
        else:
            inner = _inside(value, is_loss=value is loss)
            if inner is not None:
                waiting += inner
            elif hasattr(value, "__dict__") and _is_of_user(value):
                found.objects.append(value)
                waiting += vars(value).values()
    return found


def _inside(value: Any, *, is_loss: bool) -> list[Any] | None:
    """What a function or a container reaches directly; None for other objects."""
    if isinstance(value, functools.partial):
        return [value.func, *value.args, *value.keywords.values()]
    if isinstance(value, types.MethodType):
        return [value.__self__, value.__func__]
    if isinstance(value, types.FunctionType):
        if is_loss or CODE.is_user(value.__code__.co_filename):
            return _inside_function(value)
        return []
    return None if isinstance(value, slice) else nested.parts(value)


def _inside_function(function: types.FunctionType) -> list[Any]:
    cells = [c.cell_contents for c in function.__closure__ or () if _is_full(c)]
    names = function.__code__.co_names
    used = [function.__globals__[n] for n in names if n in function.__globals__]
    return [*cells, *used, *(function.__defaults__ or ())]


def _is_full(cell: Any) -> bool:
    """Whether a variable of a closure has a value yet."""
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False


def _is_of_user(value: Any) -> bool:
    """Whether an object is of a class in the user's own code."""
    if isinstance(value, (type, types.ModuleType)):
        return False
    module = sys.modules.get(type(value).__module__)
    file = getattr(module, "__file__", None)
    return module is not None and (file is None or CODE.is_user(file))

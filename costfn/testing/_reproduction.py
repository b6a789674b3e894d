"""Python source that reproduces a broken clause."""

import inspect
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch

from ._strategies import Array

PLAIN = (bool, int, float, complex, str, bytes, type(None))


class UnwritableError(Exception):
    """A value cannot be written as source."""


@dataclass
class Writer:
    """Writes values as source, and collects the imports that the source needs."""

    imports: dict[str, None] = field(default_factory=dict)

    def value(self, value: Any) -> str:
        """The source of a value; raises `UnwritableError` if there is none."""
        if isinstance(value, float) and not math.isfinite(value):
            return f"float('{value}')"
        if isinstance(value, PLAIN):
            return repr(value)
        if isinstance(value, list | tuple) and type(value) in (list, tuple):
            parts = ", ".join(map(self.value, value))
            closed = "," * (isinstance(value, tuple) and len(value) == 1)
            return f"[{parts}]" if isinstance(value, list) else f"({parts}{closed})"
        if isinstance(value, Mapping):
            pairs = (f"{self.value(k)}: {self.value(v)}" for k, v in value.items())
            return f"{{{', '.join(pairs)}}}"
        if isinstance(value, torch.Tensor):
            self.imports["import torch"] = None
            kind = "" if value.dtype == torch.float32 else f", dtype={value.dtype}"
            return f"torch.tensor({self.value(value.tolist())}{kind})"
        if isinstance(value, np.ndarray | np.generic):
            self.imports["import numpy as np"] = None
            return f"np.array({self.value(value.tolist())}, {value.dtype.name!r})"
        if "jax" in sys.modules and isinstance(value, sys.modules["jax"].Array):
            self.imports["import jax.numpy as jnp"] = None
            return f"jnp.array({self.value(value.tolist())}, {value.dtype.name!r})"
        return self.callable(value)

    def callable(self, value: Any) -> str:
        """The source of a loss: its name, or a call that makes it with its options."""
        if isinstance(value, partial):
            self.imports["from functools import partial"] = None
            given = map(self.value, value.args)
            return self._call(
                "partial", [self.callable(value.func), *given], value.keywords
            )
        named = getattr(value, "__name__", None)
        if named is not None and str(named).isidentifier():
            self._import(value, str(named))
            return str(named)
        return self._made(value)

    def _made(self, value: Any) -> str:
        """A call that makes an equal object, if its attributes hold its options."""
        cls = type(value)
        options: dict[str, Any] = {}
        try:
            parameters = inspect.signature(cls).parameters.values()
        except (TypeError, ValueError):
            raise UnwritableError from None
        for parameter in parameters:
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                continue
            default = parameter.default
            if not hasattr(value, parameter.name):
                if default is not parameter.empty and default is None:
                    continue  # a deprecated option, such as `size_average` of torch
                raise UnwritableError
            found = getattr(value, parameter.name)
            if default is parameter.empty or not _equal(found, default):
                options[parameter.name] = found
        self._import(cls, cls.__name__)
        return self._call(cls.__name__, [], options)

    def _call(self, name: str, given: list[str], options: Mapping[str, Any]) -> str:
        named = (f"{key}={self.value(option)}" for key, option in options.items())
        return f"{name}({', '.join([*given, *named])})"

    def _import(self, value: Any, name: str) -> None:
        """Adds the import of a name, from the outermost package that has it."""
        parts = str(getattr(value, "__module__", None)).split(".")
        for count in range(1, len(parts) + 1):
            module = ".".join(parts[:count])
            found = getattr(sys.modules.get(module), name, None)
            if found is value and module != "__main__":
                self.imports[f"from {module} import {name}"] = None
                return


def _equal(one: Any, other: Any) -> bool:
    try:
        return bool(one is other or (type(one) is type(other) and one == other))
    except Exception:  # arrays with several entries have no single truth value
        return False


def reproduction(
    loss: Any, arguments: tuple[Array, ...], options: Mapping[str, Any]
) -> str:
    """Lines that check a loss again with one batch."""
    writer = Writer({"import numpy as np": None})
    writer.imports["from costfn.testing import assert_loss_contract"] = None
    note = []
    try:
        written = writer.callable(loss)
    except UnwritableError:
        text = " ".join(repr(loss).split())
        written, note = "loss", [f"loss = ...  # {text[:70]}, as you gave it"]
    arrays = ", ".join(map(_source, arguments)) + "," * (len(arguments) == 1)
    given = "".join(f", {name}={_option(writer, v)}" for name, v in options.items())
    call = f"assert_loss_contract({written}, ({arrays}){given})"
    return "\n".join([*sorted(writer.imports, key=_order), *note, call])


def _order(line: str) -> tuple[bool, str]:
    return line.startswith("from"), line


def _option(writer: Writer, value: Any) -> str:
    try:
        return writer.value(value)
    except UnwritableError:
        return "..."


def _source(array: Array) -> str:
    if array.size:
        return f"np.array({array.tolist()})"
    return f"np.zeros({array.shape}, {array.dtype.name!r})"

"""What a module holds: options, and every tensor in them where torch looks for it."""

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

from torch import Tensor, nn


def hold(module: nn.Module, name: str, value: object) -> None:
    """Keeps an option of a module under its name, for `held` to give back.

    A parameter is found by `parameters()`; another tensor is a buffer, which moves by
    `.to()` and is saved; both also inside of relaxations and made losses.
    """
    if isinstance(value, nn.Parameter):
        module.register_parameter(name, value)
    elif isinstance(value, Tensor):
        module.register_buffer(name, value)
    elif not isinstance(value, nn.Module) and _has_tensors(value):
        module.add_module(name, Held(value))
    else:
        setattr(module, name, value)


def held(module: nn.Module, name: str) -> Any:
    """The option as it is now: moved, loaded or trained since."""
    value = getattr(module, name)
    return value.whole() if isinstance(value, Held) else value


def shown(module: nn.Module) -> dict[str, object]:
    """Shapes of the tensors, and the other options, as text."""
    tensors = [
        *module.named_parameters(recurse=False),
        *module.named_buffers(recurse=False),
    ]
    options: dict[str, object] = {name: tuple(x.shape) for name, x in tensors}
    for name, value in vars(module).items():
        if not name.startswith("_") and name != "training":
            options[name] = repr(value)
    return options


def as_text(options: dict[str, object]) -> str:
    """Options as `cost=(3, 3), risk=0.0, reduction='mean'`."""
    return ", ".join(f"{name}={value}" for name, value in options.items())


class Held(nn.Module):
    """An object with tensors in it, such as a relaxation that is learned.

    A data class, a `functools.partial`, or a list, tuple or dictionary. The tensors
    become those of this module, objects in it with tensors its children; `whole` puts
    them together again.
    """

    def __init__(self, value: object) -> None:
        super().__init__()
        parts = _parts(value)
        self._name = type(value).__name__
        self._build = _builder(value)
        # As attributes torch's own names are taken.
        self._names = {n: n + "_" * hasattr(nn.Module, n) for n in parts}
        for name, part in parts.items():
            hold(self, self._names[name], part)

    def whole(self) -> Any:
        """The object, with the tensors as they are now."""
        parts = {}
        for name, attribute in self._names.items():
            part = getattr(self, attribute)
            parts[name] = part.whole() if isinstance(part, Held) else part
        return self._build(parts)

    def forward(self, *args: Any, **options: Any) -> Any:
        """What the object gives, if it is a function."""
        return self.whole()(*args, **options)

    def extra_repr(self) -> str:
        """The parts that are no objects of their own."""
        return as_text(shown(self))

    def _get_name(self) -> str:
        return self._name


def _has_tensors(value: object) -> bool:
    if isinstance(value, Tensor | nn.Module):
        return True
    return any(map(_has_tensors, _parts(value).values()))


def _parts(value: object) -> dict[str, object]:
    """What an object consists of, by name; nothing for one that is not taken apart."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = (field.name for field in dataclasses.fields(value) if field.init)
        return {name: getattr(value, name) for name in fields}
    if isinstance(value, partial):
        return {"func": value.func, "args": value.args, "keywords": value.keywords}
    if isinstance(value, list | tuple):
        return {str(i): part for i, part in enumerate(value)}
    if isinstance(value, dict) and all(_is_name(key) for key in value):
        return dict(value)
    return {}


def _is_name(key: object) -> bool:
    return isinstance(key, str) and key.isidentifier()


def _builder(value: object) -> Callable[[dict[str, Any]], Any]:
    """From the parts to an object of the same kind; can be pickled."""
    if isinstance(value, partial):
        return _partial
    if isinstance(value, dict):
        return dict
    if isinstance(value, list | tuple):
        return partial(_sequence, getattr(type(value), "_make", type(value)))
    return partial(_object, type(value))


def _partial(parts: dict[str, Any]) -> Any:
    return partial(parts["func"], *parts["args"], **parts["keywords"])


def _sequence(kind: Callable[..., Any], parts: dict[str, Any]) -> Any:
    return kind(parts.values())


def _object(kind: Callable[..., Any], parts: dict[str, Any]) -> Any:
    return kind(**parts)

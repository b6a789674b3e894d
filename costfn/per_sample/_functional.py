"""A model as a pure function of its parameters, and its samples one at a time."""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, TypedDict, get_args

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.modules.batchnorm import _BatchNorm

from .. import _check

Params = dict[str, Tensor]
Model = nn.Module | Callable[..., Any]
Loss = Callable[..., Tensor]
Inputs = Tensor | tuple[Tensor, ...] | dict[str, Tensor]
Targets = Tensor | tuple[Tensor, ...] | None
Selection = Mapping[str, Tensor] | Iterable[str]
Randomness = Literal["error", "same", "different"]


class Options(TypedDict, total=False):
    """What every function of the room takes; see `gradients`."""

    parameters: Selection | None
    chunk_size: int | None
    batched: bool


def pure(
    model: Model, parameters: Selection | None
) -> tuple[Callable[..., Any], Params]:
    """The model as a function of parameters and input, and its parameters."""
    if isinstance(model, nn.Module):
        _refuse_batch_norm(model)
        first = _first_names(model)
        chosen = _choose(model, first, parameters)
        rest = {name: p.detach() for name, p in model.named_parameters()}
        buffers = {name: b.detach() for name, b in model.named_buffers()}

        def call(params: Params, x: Inputs) -> Any:
            args, kwargs = _arguments(x)
            values = {**rest, **params}
            # A module may count its calls, and the caller's buffers must not change.
            given = {name: b.clone() for name, b in buffers.items()}
            given |= {name: values[own] for name, own in first.items()}
            return functional_call(model, given, args, kwargs, tie_weights=False)

        return call, chosen
    if not callable(model):
        raise TypeError(
            "model must be an nn.Module or a function of parameters and input, "
            f"got {type(model).__name__}"
        )
    if not isinstance(parameters, Mapping) or not parameters:
        raise TypeError(
            "parameters must be a dictionary of tensors where model is a function, "
            f"got {type(parameters).__name__}"
        )

    def call_function(params: Params, x: Inputs) -> Any:
        args, kwargs = _arguments(x)
        return model(params, *args, **kwargs)

    return call_function, dict(parameters)


def _arguments(x: Inputs) -> tuple[tuple[Tensor, ...], dict[str, Tensor]]:
    if isinstance(x, dict):
        return (), x
    return (x if isinstance(x, tuple) else (x,)), {}


def _first_names(model: nn.Module) -> dict[str, str]:
    """For every name of a parameter the first, which differs if it is tied."""
    first = {id(p): name for name, p in model.named_parameters()}
    every = model.named_parameters(remove_duplicate=False)
    return {name: first[id(p)] for name, p in every}


def _choose(
    model: nn.Module, first: dict[str, str], parameters: Selection | None
) -> Params:
    known = dict(model.named_parameters())
    if parameters is None:
        chosen = {n: p.detach() for n, p in model.named_parameters() if p.requires_grad}
        if not chosen:
            raise ValueError(
                "model must have parameters that require gradients, got none; "
                "name frozen ones in parameters to look at them"
            )
        return chosen
    names = list(parameters)
    missing = [name for name in names if name not in first]
    if missing or not names:
        raise ValueError(
            f"parameters must be names of the model's parameters, got {missing}; "
            f"it has {sorted(first)}"
        )
    if not isinstance(parameters, Mapping):
        return {first[name]: known[first[name]].detach() for name in names}
    for name in names:
        _check.tensor(f"parameters[{name!r}]", parameters[name])
        own = known[first[name]].shape
        _check.same_shape(f"parameters[{name!r}]", parameters[name], own)
    return {first[name]: parameters[name] for name in names}


def _refuse_batch_norm(model: nn.Module) -> None:
    for name, module in model.named_modules():
        mixes = isinstance(module, _BatchNorm) and (
            module.training or module.running_mean is None
        )
        if mixes:
            raise ValueError(
                "model must treat each sample alone, got batch statistics in "
                f"{type(module).__name__} {name!r}: with them every prediction "
                "depends on all the others, and no gradient belongs to one; call "
                "model.eval(), or train with GroupNorm (with track_running_stats=False "
                "there are no statistics to fall back on)"
            )


def leaves(value: Any) -> list[Any]:
    """The entries of a tuple or dictionary, or the one value; none for None."""
    if value is None:
        return []
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, tuple) else [value]


def each(function: Callable[[Tensor], Tensor], value: Any) -> Any:
    """The function of every tensor of a tuple, dictionary or single tensor."""
    if isinstance(value, Tensor):
        return function(value)
    if isinstance(value, dict):
        return type(value)({k: each(function, v) for k, v in value.items()})
    if isinstance(value, tuple | list):
        entries = [each(function, v) for v in value]
        named = hasattr(value, "_fields")
        return type(value)(*entries) if named else type(value)(entries)
    return value


def count(x: Inputs, y: Targets) -> int:
    """The number of samples: the first axis of every input and target."""
    given = {"x": leaves(x), "y": leaves(y)}
    for name, values in given.items():
        for value in values:
            _check.tensor(name, value)
            if value.ndim == 0:
                raise ValueError(f"{name} must have samples on axis 0, got a scalar")
    sizes = sorted({len(value) for values in given.values() for value in values})
    if len(sizes) != 1 or sizes == [0]:
        raise ValueError(
            "x and y must hold the same number of samples, 1 or more, on axis 0, "
            f"got {sizes}"
        )
    return sizes[0]


def check_options(chunk_size: int | None, randomness: Randomness) -> None:
    """Checks the options that every function shares."""
    _check.one_of("randomness", randomness, get_args(Randomness))
    if chunk_size is not None and chunk_size < 1:
        raise ValueError(f"chunk_size must be 1 or more, got {chunk_size}")


RANDOM = (
    "model must draw nothing at random here, as dropout does in training mode; call "
    "model.eval(), or, for gradients and gradient_norms, pass randomness='different'"
)
_SHARED = (
    "model must not write one sample's values into a tensor that all samples share: "
    "write x = x + y for x += y; for nn.RNN and nn.GRU, whose default initial state is "
    "such a tensor, pass the state, h = x.new_zeros(layers, len(x), hidden)"
)
_HINTS = {
    "called random operation while in randomness error": RANDOM,
    "doesn't match the broadcast shape": _SHARED,
    "inplace arithmetic": _SHARED,
    "data-dependent": (
        "model must not decide by the values of one sample (if, .item(), boolean "
        "indices); use torch.where"
    ),
}


@contextmanager
def one_sample_at_a_time() -> Iterator[None]:
    """For calls of `vmap`: errors in our words, and no slow attention kernel.

    The fused attention of the CPU has no batching rule and would loop over samples.
    """
    if torch.compiler.is_compiling():
        yield
        return
    try:
        with warnings.catch_warnings(), sdpa_kernel(SDPBackend.MATH):
            warnings.filterwarnings("ignore", "There is a performance drop")
            yield
    except RuntimeError as error:
        text = str(error)
        for part, hint in _HINTS.items():
            if part in text:
                raise RuntimeError(f"{hint}. From torch: {text}") from error
        raise

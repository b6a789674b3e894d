"""A model as a pure function of its parameters. The module itself does not change."""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase
from operator import is_
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.modules.batchnorm import _BatchNorm

from .._foundation import check
from ._options import Model, Params, Selection
from ._trees import unmarked


class PureModel(NamedTuple):
    """A model as a pure function.

    Attributes:
        call: The function of parameters and input.
        parameters: The parameters to differentiate by.
        has_hooks: Whether a module has backward hooks, which run in an ordinary
            backward pass only, and see one batch.
        training: Which of its modules are in training mode.
    """

    call: Callable[[Params, Any], Any]
    parameters: Params
    has_hooks: bool = False
    training: tuple[bool, ...] = ()


def pure(
    model: Model,
    parameters: Selection | None,
    values: Mapping[str, Tensor] | None = None,
) -> PureModel:
    """The model as a pure function."""
    if isinstance(model, nn.Module):
        return _pure_module(model, parameters, values)
    if not callable(model):
        raise TypeError(
            "model must be an nn.Module or a function of parameters and input, "
            f"got {type(model).__name__}"
        )
    held = parameters if values is None else values
    if not isinstance(held, Mapping) or not held:
        raise TypeError(
            "parameters must be a dictionary of tensors where model is a function, "
            f"or values must, got {type(held).__name__}"
        )
    every = dict(held)
    if values is None or parameters is None:
        chosen = dict(every)
    elif isinstance(parameters, Mapping):
        chosen = dict(parameters)
    else:
        chosen = {n: every[n] for n in _named(parameters, {n: n for n in every})}

    def call(params: Params, x: Any) -> Any:
        args, kwargs = _arguments(x)
        return model({**every, **params}, *args, **kwargs)

    return PureModel(call, chosen)


def _pure_module(
    model: nn.Module,
    parameters: Selection | None,
    values: Mapping[str, Tensor] | None,
) -> PureModel:
    modules = list(model.named_modules(remove_duplicate=False))
    _refuse_batch_norm(modules)
    held, aliases, first = _tensors_of(modules)
    rest = {name: p.detach() for name, p in held.items()}
    if values is not None:
        rest |= _checked_values(values, rest, aliases)
    chosen = _choose(held, first, rest, parameters)
    kept = [name for name in held if name not in first]
    written = _written(modules, aliases)

    def call(params: Params, x: Any) -> Any:
        args, kwargs = _arguments(x)
        now = {**rest, **params}
        # A module may write to these, as one that counts its calls, but the caller's
        # tensors must not change.
        now |= {name: now[name].clone() for name in (*kept, *written)}
        places = {name: now[own] for name, own in aliases.items()}
        if torch.compiler.is_compiling():
            return functional_call(model, places, args, kwargs, tie_weights=False)
        with left_as_found(model):
            return functional_call(model, places, args, kwargs, tie_weights=False)

    has_hooks = any(m._backward_hooks or m._backward_pre_hooks for _, m in modules)
    training = tuple(m.training for _, m in modules)
    return PureModel(call, chosen, has_hooks, training)


def _arguments(x: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    x = unmarked(x)
    if isinstance(x, Mapping):
        return (), dict(x)
    return (x if isinstance(x, tuple) else (x,)), {}


class _Tensors(NamedTuple):
    """The parameters and buffers of a module.

    Attributes:
        held: Each tensor, by its first name.
        places: For each attribute of a module the first name of its tensor. Tied
            tensors have several places.
        first: For every name of a parameter its first name, which differs if it is
            tied, or if its module has several names.
    """

    held: dict[str, Tensor]
    places: dict[str, str]
    first: dict[str, str]


def _tensors_of(modules: Iterable[tuple[str, nn.Module]]) -> _Tensors:
    """The parameters and buffers of a module's named modules.

    A module that has several names has one place for each attribute: `functional_call`
    would restore the attribute twice, the second time to the value that it had put
    there itself.
    """
    found = _Tensors({}, {}, {})
    names: dict[int, str] = {}
    seen: set[int] = set()
    for prefix, module in modules:
        again = id(module) in seen
        seen.add(id(module))
        start = f"{prefix}." if prefix else ""
        for kind in (module._parameters, module._buffers):
            for attribute, tensor in kind.items():
                if tensor is None:
                    continue
                name = start + attribute
                own = names.setdefault(id(tensor), name)
                if kind is module._parameters:
                    found.first[name] = own
                if not again:
                    found.places[name] = own
                    found.held.setdefault(own, tensor)
    return found


def _choose(
    held: Params,
    first: dict[str, str],
    values: Params,
    parameters: Selection | None,
) -> Params:
    if parameters is None:
        trained = {own for own in first.values() if held[own].requires_grad}
        chosen = {name: values[name] for name in held if name in trained}
        if not chosen:
            raise ValueError(
                "model must have parameters that require gradients, got none; "
                "to use frozen ones, name them in parameters"
            )
        return chosen
    names = _named(parameters, first)
    if not isinstance(parameters, Mapping):
        return {first[name]: values[first[name]] for name in names}
    for name in names:
        check.tensor(f"parameters[{name!r}]", parameters[name])
        own = values[first[name]].shape
        check.same_shape(f"parameters[{name!r}]", parameters[name], own)
    return {first[name]: parameters[name] for name in names}


def chosen_parameters(
    model: nn.Module, parameters: Iterable[str] | str | None
) -> Params:
    """The parameters themselves, by names or patterns."""
    own, _, first = _tensors_of(model.named_modules(remove_duplicate=False))
    names = _choose(own, first, own, parameters)
    frozen = [name for name in names if not own[name].requires_grad]
    if frozen:
        raise ValueError(
            f"parameters must require gradients to be recorded, got {frozen}"
        )
    return {name: own[name] for name in names}


def _named(parameters: Iterable[str], first: Mapping[str, str]) -> list[str]:
    """The names that are given or that match a pattern, in the model's order."""
    given = [parameters] if isinstance(parameters, str) else list(parameters)
    found = {g: [n for n in first if n == g or fnmatchcase(n, g)] for g in given}
    missing = [name for name in given if not found[name]]
    if missing or not given:
        raise ValueError(
            f"parameters must be names of the model's parameters, got {missing}; "
            f"it has {sorted(first)}"
        )
    wanted = {name for names in found.values() for name in names}
    return [name for name in first if name in wanted]


def _checked_values(
    values: Mapping[str, Tensor], own: Params, aliases: Mapping[str, str]
) -> Params:
    """Values for the model's tensors, named as for `load_state_dict`."""
    found: Params = {}
    for name, value in values.items():
        if name.endswith("_extra_state"):
            continue
        if name not in aliases:
            raise ValueError(
                "values must be of the model's parameters and buffers, "
                f"got {name!r}; it has {sorted(aliases)}"
            )
        check.tensor(f"values[{name!r}]", value)
        old = own[aliases[name]]
        check.same_shape(f"values[{name!r}]", value, old.shape)
        found[aliases[name]] = value.to(old)
    return found


def _refuse_batch_norm(modules: Iterable[tuple[str, nn.Module]]) -> None:
    for name, module in modules:
        mixes = isinstance(module, _BatchNorm) and (
            module.training or module.running_mean is None
        )
        if mixes:
            raise ValueError(
                "model must treat each sample alone, got batch statistics in "
                f"{type(module).__name__} {name!r}: with them every prediction "
                "depends on all samples, so no gradient belongs to one sample; call "
                "model.eval(), or train with GroupNorm (model.eval() does not help "
                "with track_running_stats=False)"
            )


def _written(
    modules: Iterable[tuple[str, nn.Module]], aliases: Mapping[str, str]
) -> list[str]:
    """Parameters that a call changes: `max_norm` shortens rows of embeddings."""
    bounded = [n for n, m in modules if vars(m).get("max_norm") is not None]
    names = [f"{name}.weight" if name else "weight" for name in bounded]
    return [aliases[name] for name in names if name in aliases]


@contextmanager
def left_as_found(model: nn.Module) -> Iterator[None]:
    """A context that undoes what a call writes to modules, such as a cached mask.

    Such a cache may hold a tensor of `vmap`, which cannot be used after the call. The
    context also turns off the fused attention of eval mode, which has no derivatives.
    """
    attributes = [(now, now.copy()) for now in map(vars, model.modules())]
    # Most containers of a module are its hooks, which are empty: they are not copied.
    containers = [
        (value, value.copy() if value else _NOTHING)
        for _, then in attributes
        for value in then.values()
        if type(value) in _CONTAINERS
    ]
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
        for now, then in attributes:
            if not _same(now, then):
                now.clear()
                now.update(then)
        for container, entries in containers:
            if (container or entries) and not _same(container, entries):
                container.clear()
                if isinstance(container, list | deque):
                    container.extend(entries)
                else:
                    container.update(entries)


_CONTAINERS = {dict, OrderedDict, list, set, deque}
_NOTHING: tuple[()] = ()


def _same(now: Any, then: Any) -> bool:
    """Whether two containers hold the same objects, in the same order."""
    if len(now) != len(then) or not all(map(is_, now, then)):
        return False
    return not isinstance(now, dict) or all(map(is_, now.values(), then.values()))

"""A model as a pure function of its parameters. The module itself does not change."""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase
from itertools import zip_longest
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.modules.batchnorm import _BatchNorm

from .._foundation import check
from ._options import Model, Params, Selection
from ._trees import unmarked

PureModel = Callable[[Params, Any], Any]


def pure(
    model: Model,
    parameters: Selection | None,
    values: Mapping[str, Tensor] | None = None,
) -> tuple[PureModel, Params]:
    """The model as a function of parameters and input, and its parameters."""
    if isinstance(model, nn.Module):
        _refuse_batch_norm(model)
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

    return call, chosen


def _pure_module(
    model: nn.Module,
    parameters: Selection | None,
    values: Mapping[str, Tensor] | None,
) -> tuple[PureModel, Params]:
    held, aliases = _places(model)
    first = _first_names(model)
    rest = {name: p.detach() for name, p in held.items()}
    if values is not None:
        rest |= _checked_values(values, rest, aliases)
    chosen = _choose(model, first, rest, parameters)
    kept = [name for name in held if name not in first]
    written = _written(model, aliases)

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

    return call, chosen


def _arguments(x: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    x = unmarked(x)
    if isinstance(x, Mapping):
        return (), dict(x)
    return (x if isinstance(x, tuple) else (x,)), {}


def _places(model: nn.Module) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of a model by their first name, and that name for each place.

    A place is an attribute of a module. Tied tensors have several places. A module that
    has several names counts once: `functional_call` would restore its attribute twice,
    the second time to the value that it had put there itself.
    """
    held: dict[str, Tensor] = {}
    places: dict[str, str] = {}
    seen: dict[int, str] = {}
    for prefix, module in model.named_modules():
        own = list(module.named_parameters(recurse=False, remove_duplicate=False))
        own += module.named_buffers(recurse=False, remove_duplicate=False)
        for attribute, tensor in own:
            name = f"{prefix}.{attribute}" if prefix else attribute
            places[name] = seen.setdefault(id(tensor), name)
            held.setdefault(places[name], tensor)
    return held, places


def _first_names(model: nn.Module) -> dict[str, str]:
    """For every name of a parameter its first name, which differs if it is tied."""
    first = {id(p): name for name, p in model.named_parameters()}
    every = model.named_parameters(remove_duplicate=False)
    return {name: first[id(p)] for name, p in every}


def _choose(
    model: nn.Module,
    first: dict[str, str],
    values: Params,
    parameters: Selection | None,
) -> Params:
    if parameters is None:
        named = model.named_parameters()
        chosen = {name: values[name] for name, p in named if p.requires_grad}
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
    own: Params = dict(model.named_parameters())
    names = _choose(model, _first_names(model), own, parameters)
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


def _refuse_batch_norm(model: nn.Module) -> None:
    for name, module in model.named_modules():
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


def _written(model: nn.Module, aliases: Mapping[str, str]) -> list[str]:
    """Parameters that a call changes: `max_norm` shortens rows of embeddings."""
    modules = model.named_modules()
    bounded = [n for n, m in modules if getattr(m, "max_norm", None) is not None]
    names = [f"{name}.weight" if name else "weight" for name in bounded]
    return [aliases[name] for name in names if name in aliases]


@contextmanager
def left_as_found(model: nn.Module) -> Iterator[None]:
    """A context that undoes what a call writes to modules, such as a cached mask.

    Such a cache may hold a tensor of `vmap`, which cannot be used after the call. The
    context also turns off the fused attention of eval mode, which has no derivatives.
    """
    before = [vars(module) for module in model.modules()]
    attributes = [dict(now) for now in before]
    containers = [
        (value, value.copy())
        for then in attributes
        for value in then.values()
        if type(value) in _CONTAINERS
    ]
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
        for now, then in zip(before, attributes, strict=True):
            if not _same(now.items(), then.items()):
                now.clear()
                now.update(then)
        for container, entries in containers:
            _restore(container, entries)


_CONTAINERS = (dict, OrderedDict, list, set, deque)


def _restore(container: Any, entries: Any) -> None:
    if isinstance(container, dict):
        same = _same(container.items(), entries.items())
    else:
        same = _same(enumerate(container), enumerate(entries))
    if same:
        return
    container.clear()
    if isinstance(container, list | deque):
        container.extend(entries)
    else:
        container.update(entries)


def _same(now: Iterable[tuple[Any, Any]], then: Iterable[tuple[Any, Any]]) -> bool:
    """Whether the entries are the same objects, in the same order."""
    pairs = zip_longest(now, then, fillvalue=(None, None))
    return all(a[0] is b[0] and a[1] is b[1] for a, b in pairs)

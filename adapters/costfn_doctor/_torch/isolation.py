"""A diagnosis leaves everything as it was: each state is saved and restored."""

import contextlib
import copy
import random
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .held import held_by


@contextlib.contextmanager
def isolated(loss: Any, fixed: bool) -> Iterator[None]:
    """Restore random states, grad mode, and what the loss holds, afterwards.

    Args:
        loss: The loss.
        fixed: Its parameters require no gradients in the meantime.
    """
    held = held_by(loss)
    parts = [part for module in held.modules for part in module.modules()]
    tensors = [*held.tensors]
    for module in held.modules:
        tensors += [*module.parameters(), *module.buffers()]
    # The last to be entered is the first to be restored. Attributes come before
    # tensors, so that a tensor is restored where it belongs.
    with (
        _random_states_kept(),
        _generators_kept(held.generators),
        _modes_kept(parts),
        _tensors_kept(tensors, fixed),
        _attributes_kept([*parts, *held.objects]),
        _torch_settings_kept(),
    ):
        yield


@contextlib.contextmanager
def _random_states_kept() -> Iterator[None]:
    states = torch.get_rng_state(), np.random.get_state(), random.getstate()
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else None
    try:
        yield
    finally:
        torch.set_rng_state(states[0])
        np.random.set_state(states[1])
        random.setstate(states[2])
        if cuda is not None:
            torch.cuda.set_rng_state_all(cuda)


@contextlib.contextmanager
def _generators_kept(generators: list[Any]) -> Iterator[None]:
    of_torch = [g for g in generators if isinstance(g, torch.Generator)]
    of_numpy = [
        g.bit_generator for g in generators if isinstance(g, np.random.Generator)
    ]
    torch_states = [(generator, generator.get_state()) for generator in of_torch]
    numpy_states = [(bits, bits.state) for bits in of_numpy]
    try:
        yield
    finally:
        for generator, state in torch_states:
            generator.set_state(state)
        for bits, numbers in numpy_states:
            bits.state = numbers


@contextlib.contextmanager
def _modes_kept(parts: list[nn.Module]) -> Iterator[None]:
    modes = [(part, part.training) for part in parts]
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training


@contextlib.contextmanager
def _tensors_kept(tensors: list[Tensor], fixed: bool) -> Iterator[None]:
    kept = [(t, t.detach().clone(), t.requires_grad) for t in tensors]
    for tensor, _, requires_grad in kept:
        if fixed and requires_grad and tensor.is_leaf:
            tensor.requires_grad_(False)
    try:
        yield
    finally:
        for tensor, saved, requires_grad in kept:
            if not torch.equal(tensor.detach(), saved):
                with torch.no_grad():
                    tensor.copy_(saved)
            if tensor.is_leaf:
                tensor.requires_grad_(requires_grad)


@contextlib.contextmanager
def _attributes_kept(objects: list[Any]) -> Iterator[None]:
    """Keeps which attributes there are, and what lists, dicts and sets contain."""
    kept = [(thing, _attributes(thing)) for thing in objects]
    try:
        yield
    finally:
        for thing, attributes in kept:
            _restore(thing, attributes)


def _attributes(thing: Any) -> dict[str, tuple[Any, Any]]:
    return {name: (value, _contents(value)) for name, value in vars(thing).items()}


def _contents(value: Any) -> Any:
    return copy.copy(value) if isinstance(value, (dict, list, set)) else None


def _restore(thing: Any, attributes: dict[str, tuple[Any, Any]]) -> None:
    now = vars(thing)
    for name in set(now) - set(attributes):
        del now[name]
    for name, (value, contents) in attributes.items():
        now[name] = value
        if contents is not None:
            value.clear()
            refill = value.extend if isinstance(value, list) else value.update
            refill(contents)


@contextlib.contextmanager
def _torch_settings_kept() -> Iterator[None]:
    enabled, dtype = torch.is_grad_enabled(), torch.get_default_dtype()
    try:
        yield
    finally:
        torch.set_grad_enabled(enabled)
        torch.set_default_dtype(dtype)


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

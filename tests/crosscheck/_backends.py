"""The same loss in two frameworks: as it stands, compiled, and vmapped."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch

import costfn
import costfn_jax

from ._oracle import Three
from ._problems import Array, Problem

Arguments = tuple[Any, ...]


def of_torch(problem: Problem, dtype: str, mode: str, device: str) -> Three:
    """By `costfn`; compiled into one graph, of ATen's operations."""
    loss, kind = problem.loss(costfn), getattr(torch, dtype)

    def convert(x: Array | None) -> torch.Tensor | None:
        if x is None:
            return None
        tensor = torch.tensor(x, device=device)
        return tensor.to(kind) if tensor.is_floating_point() else tensor

    def three(direction: Any, logits: Any, *others: Any) -> Arguments:
        gradient = torch.func.grad(lambda z: loss(z, *others).sum())
        return loss(logits, *others), *torch.func.jvp(gradient, (logits,), (direction,))

    if mode == "compiled":
        torch.compiler.reset()
        three = torch.compile(three, backend="aot_eager", fullgraph=True)
    found = _every_situation(
        three,
        problem,
        [*map(convert, (problem.direction, *problem.arguments))],
        torch.func.vmap if mode == "vmapped" else None,
        torch.stack,
    )
    assert all(x.dtype == kind for x in found)
    return Three(*(x.detach().double().cpu().numpy() for x in found))


def of_jax(problem: Problem, dtype: str, mode: str, device: str) -> Three:
    """By `costfn_jax`; all but the eager mode by `jax.jit`."""
    loss, kind = problem.loss(costfn_jax), jnp.dtype(dtype)
    place = jax.devices({"cuda": "gpu"}.get(device, device))[0]

    def convert(x: Array | None) -> jax.Array | None:
        if x is None:
            return None
        real = x.dtype.kind == "f"
        return jax.device_put(jnp.asarray(x, kind if real else None), place)

    def three(direction: Any, logits: Any, *others: Any) -> Arguments:
        gradient = jax.grad(lambda z: loss(z, *others).sum())
        return loss(logits, *others), *jax.jvp(gradient, (logits,), (direction,))

    def vmap(f: Callable[..., Arguments], axes: Any) -> Callable[..., Arguments]:
        return jax.jit(jax.vmap(f, axes))

    found = _every_situation(
        jax.jit(three) if mode == "compiled" else three,
        problem,
        [*map(convert, (problem.direction, *problem.arguments))],
        vmap if mode == "vmapped" else None,
        jnp.stack,
    )
    assert all(x.dtype == kind for x in found)
    return Three(*(np.asarray(x).astype(np.float64) for x in found))


def _every_situation(
    three: Callable[..., Arguments],
    problem: Problem,
    arguments: list[Any],
    vmap: Callable[..., Any] | None,
    stack: Callable[..., Any],
) -> Arguments:
    axes = (0, *problem.in_axes)
    if vmap is not None:
        return vmap(three, axes)(*arguments)
    if problem.batched:
        return three(*arguments)
    each = []
    for i in range(len(arguments[0])):
        pairs = zip(arguments, axes, strict=True)
        each.append(three(*(x if axis is None else x[i] for x, axis in pairs)))
    return tuple(map(stack, zip(*each, strict=True)))


BACKENDS = {"torch": of_torch, "jax": of_jax}

"""The backend for JAX losses. It is imported only when such a loss is tested."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ._backend import Direction, DType, Loss, Transform
from ._strategies import Array


class JaxBackend:
    """See `Backend`."""

    gradients: Mapping[str, Transform] = {
        "jax.grad of jax.checkpoint": lambda f: jax.grad(jax.checkpoint(f)),
    }
    forward: Mapping[str, Transform] = {"jax.jacfwd": jax.jacfwd}
    hessians: Mapping[str, Transform] = {"jax.hessian": jax.hessian}

    def __init__(self, loss: Loss) -> None:
        self._loss = loss

    def context(self, dtype: DType) -> AbstractContextManager[object]:
        # For other dtypes the user's setting stays: it decides the dtype of
        # `jnp.zeros` inside a loss.
        return jax.enable_x64(True) if dtype == "float64" else nullcontext()

    def loss(self, dtype: DType) -> Loss:
        return self._loss

    def tensors(self, arrays: Sequence[Array], dtype: DType) -> tuple[jax.Array, ...]:
        def convert(array: Array) -> jax.Array:
            if np.issubdtype(array.dtype, np.floating):
                return jnp.asarray(array, dtype)
            return jnp.asarray(array)

        return tuple(map(convert, arrays))

    def array(self, tensor: jax.Array) -> Array:
        found = np.asarray(tensor)
        if jnp.issubdtype(tensor.dtype, jnp.floating):
            return found.astype(np.float64)
        return found

    def dtype(self, value: object) -> str | None:
        if not isinstance(value, jax.Array):
            return None
        return str(value.dtype) if jnp.issubdtype(value.dtype, jnp.floating) else None

    def for_many_calls(self, function: Loss) -> Loss:
        traced = jax.jit(function)
        traceable = True

        def call(*tensors: jax.Array) -> Any:
            nonlocal traceable
            if traceable:
                try:
                    return traced(*tensors)
                except Exception:  # call it without `jit`, which may raise again
                    traceable = False
            return function(*tensors)

        return call

    def gradient(self, total: Loss) -> Loss:
        return jax.grad(total)

    def curvature(self, total: Loss, direction: Direction) -> Loss:
        gradient = jax.grad(total)

        def along(scores: jax.Array, *others: jax.Array) -> Any:
            return (gradient(scores, *others) * direction(scores.shape)).sum()

        return jax.grad(along)

    def directional_derivative(self, total: Loss, direction: Direction) -> Loss:
        def along(scores: jax.Array, *others: jax.Array) -> Any:
            tangent = jnp.asarray(direction(scores.shape))
            return jax.jvp(lambda x: total(x, *others), (scores,), (tangent,))[1]

        return along

    def grad(self, total: Loss) -> Loss:
        return jax.grad(total)

    def vmap(self, function: Loss, in_dims: Sequence[int | None]) -> Loss:
        return jax.vmap(function, tuple(in_dims))

    def compiled(self, loss: Loss) -> Loss:
        return jax.jit(loss)


make = JaxBackend

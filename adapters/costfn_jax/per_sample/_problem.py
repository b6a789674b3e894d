"""One number per sample, as a function of the parameters."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

Model = Callable[[Any, Any], Any]
Loss = Callable[..., Array]


class Problem(NamedTuple):
    """One number per sample as a function of the parameters."""

    model: Model
    loss: Loss
    x: Any
    y: Any
    parameters: Any
    size: int
    chunk_size: int | None

    def value(self, parameters: Any, x: Any, y: Any) -> Array:
        prediction = self.model(parameters, alone(x))
        return self.loss(prediction, *alone(as_tuple(y))).sum()

    def map(self, function: Callable[[Any, Any], Any], chunk: int | None = None) -> Any:
        """The function of each sample's input and target, a chunk at a time."""
        chunk = self.chunk_size or chunk
        if chunk is None or chunk >= self.size:
            return jax.vmap(function)(self.x, self.y)
        return jax.lax.map(lambda s: function(*s), (self.x, self.y), batch_size=chunk)

    def gradients(self) -> Any:
        return self.map(lambda x, y: jax.grad(self.value)(self.parameters, x, y))

    def losses(self, parameters: Any) -> Array:
        found: Array = self.map(lambda x, y: self.value(parameters, x, y))
        return found

    def norms(self) -> Array:
        def of_one(x: Any, y: Any) -> Array:
            return squared(jax.grad(self.value)(self.parameters, x, y))

        return jnp.sqrt(self.map(of_one))

    def mean(self) -> Any:
        return jax.grad(lambda p: self.losses(p).mean())(self.parameters)

    def along(self, direction: Any) -> Array:
        found: Array = jax.jvp(self.losses, (self.parameters,), (direction,))[1]
        return found


def as_tuple(y: Any) -> tuple[Any, ...]:
    """The arguments of a loss after the prediction."""
    return () if y is None else y if isinstance(y, tuple) else (y,)


def alone(values: Any) -> Any:
    """One sample as a batch of one."""
    return jax.tree.map(lambda a: a[None], values)


def squared(tree: Any) -> Array:
    return jnp.sum(jnp.stack([jnp.sum(jnp.square(a)) for a in jax.tree.leaves(tree)]))


def flat(gradients: Any, size: int) -> Array:
    return jnp.concatenate(
        [g.reshape(size, -1) for g in jax.tree.leaves(gradients)], axis=1
    )


def ratio(numerator: Array, denominator: Array) -> Array:
    none = denominator == 0
    return jnp.where(none, 0.0, numerator / jnp.where(none, 1.0, denominator))

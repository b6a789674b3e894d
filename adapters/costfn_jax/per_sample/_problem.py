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
        """The loss of one sample, given as a batch of one."""
        return self.loss(self.model(parameters, x), *as_tuple(y)).sum()

    def map(self, function: Callable[[Any, Any], Any]) -> Any:
        """The function of each sample, a batch of one, a chunk at a time."""
        leaves, tree = jax.tree.flatten((self.x, self.y))
        held = [i for i, leaf in enumerate(leaves) if has_samples(leaf)]

        def of_one(values: list[Array]) -> Any:
            every = list(leaves)
            for i, value in zip(held, values, strict=True):
                every[i] = value[None]
            return function(*jax.tree.unflatten(tree, every))

        rows = [leaves[i] for i in held]
        if self.chunk_size is None or self.chunk_size >= self.size:
            return jax.vmap(of_one)(rows)
        return jax.lax.map(of_one, rows, batch_size=self.chunk_size)

    def gradients(self) -> Any:
        return self.map(lambda x, y: jax.grad(self.value)(self.parameters, x, y))

    def losses(self, parameters: Any) -> Array:
        found: Array = self.map(lambda x, y: self.value(parameters, x, y))
        return found

    def predictions(self) -> Any:
        """What the model says of each sample alone, as rows of a batch."""
        rows = self.map(lambda x, _: self.model(self.parameters, x))
        return jax.tree.map(_joined, rows)

    def norms(self) -> Array:
        def of_one(x: Any, y: Any) -> Array:
            return squared(jax.grad(self.value)(self.parameters, x, y))

        return jnp.sqrt(self.map(of_one))

    def total(self) -> Any:
        return jax.grad(lambda p: self.losses(p).sum())(self.parameters)

    def mean(self) -> Any:
        return jax.tree.map(lambda g: g / self.size, self.total())

    def products(self, rows: Array) -> Array:
        """Inner products of each sample's gradient with some, as `flat` has them."""

        def of_one(x: Any, y: Any) -> Array:
            g = jax.grad(self.value)(self.parameters, x, y)
            return rows @ flat(jax.tree.map(lambda a: a[None], g), 1)[0]

        found: Array = self.map(of_one)
        return found

    def along(self, direction: Any) -> Array:
        found: Array = jax.jvp(self.losses, (self.parameters,), (direction,))[1]
        return upcast(found)


def has_samples(leaf: Any) -> bool:
    """Whether it has an axis of samples; all else is shared by them."""
    return getattr(leaf, "ndim", 0) > 0


def _joined(rows: Array) -> Array:
    if rows.ndim < 2:
        raise ValueError(
            "model must return one row per sample where the loss is of a batch, "
            f"got the shape {rows.shape[1:]} for one sample"
        )
    return rows.reshape(-1, *rows.shape[2:])


def as_tuple(y: Any) -> tuple[Any, ...]:
    """The arguments of a loss after the prediction."""
    return () if y is None else y if isinstance(y, tuple) else (y,)


def some(tree: Any, rows: Any) -> Any:
    """These samples of all that has samples."""
    return jax.tree.map(lambda a: a[rows] if has_samples(a) else a, tree)


def upcast(values: Array) -> Array:
    """In float32 at least."""
    return values.astype(jnp.promote_types(values.dtype, jnp.float32))


def squared(tree: Any) -> Array:
    """The squared length over all leaves."""
    parts = [jnp.square(jnp.abs(upcast(a))).sum() for a in jax.tree.leaves(tree)]
    return jnp.sum(jnp.stack(parts))


def real(values: Array) -> Array:
    """Complex numbers as pairs of real ones."""
    values = upcast(values)
    if not jnp.issubdtype(values.dtype, jnp.complexfloating):
        return values
    return jnp.stack([values.real, values.imag], axis=-1)


def flat(gradients: Any, size: int) -> Array:
    """All numbers of each sample in a row."""
    return jnp.concatenate(
        [real(g).reshape(size, -1) for g in jax.tree.leaves(gradients)], axis=1
    )


def ratio(numerator: Array, denominator: Array) -> Array:
    none = denominator == 0
    return jnp.where(none, 0.0, numerator / jnp.where(none, 1.0, denominator))

"""A model, a loss and samples: one loss per sample, as a function of the parameters."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from ._warnings import warn_slow

Model = Callable[[Any, Any], Any]
Loss = Callable[..., Array]


@dataclass
class RunMode:
    """How a model must be run, as found so far; all problems of one call share it.

    Attributes:
        without_vmap: Whether `vmap` cannot run the model, so that a loop must.
        warned: Whether the user was warned that the model mixes samples.
    """

    without_vmap: bool = False
    warned: bool = False


class GradientProblem(NamedTuple):
    """A model, a loss and samples whose gradients are asked for.

    Every sample is a batch of one.

    Attributes:
        model: Function of parameters and a batch.
        loss: The loss of a batch of one.
        x: Inputs, samples on axis 0.
        y: Targets, samples on axis 0.
        parameters: The parameters to differentiate by.
        size: Number of samples.
        chunk_size: Samples at a time; None for all.
        shape: The axes that replace the axis of samples in results.
        mode: How the model must be run.
    """

    model: Model
    loss: Loss
    x: Any
    y: Any
    parameters: Any
    size: int
    chunk_size: int | None
    shape: tuple[int, ...]
    mode: RunMode

    def value(self, parameters: Any, x: Any, y: Any) -> Array:
        """The loss of one sample, given as a batch of one."""
        return self.loss(self.model(parameters, x), *as_tuple(y)).sum()

    def map(self, function: Callable[[Any, Any], Any]) -> Any:
        """The function applied to each sample, a chunk at a time.

        If `vmap` cannot run it, but it runs on the first sample alone, it runs on one
        sample after the other, with a warning.
        """
        leaves, tree = jax.tree.flatten((self.x, self.y))
        held = [i for i, leaf in enumerate(leaves) if has_samples(leaf)]

        def of_one(values: list[Array]) -> Any:
            every = list(leaves)
            for i, value in zip(held, values, strict=True):
                every[i] = value[None]
            return function(*jax.tree.unflatten(tree, every))

        rows = [leaves[i] for i in held]
        if self.mode.without_vmap:
            return self._loop(of_one, rows)
        try:
            if self.chunk_size is None or self.chunk_size >= self.size:
                return jax.vmap(of_one)(rows)
            return jax.lax.map(of_one, rows, batch_size=self.chunk_size)
        except jax.errors.JaxRuntimeError:  # as when memory is short
            raise
        except Exception as error:
            failure = error
        try:
            found = self._loop(of_one, rows)
        except Exception:
            raise failure from None
        self.mode.without_vmap = True
        warn_slow(failure)
        return found

    def _loop(self, of_one: Callable[[list[Array]], Any], rows: list[Array]) -> Any:
        if self.hides_values:
            return jax.lax.map(of_one, rows)
        each = [of_one([row[i] for row in rows]) for i in range(self.size)]
        return jax.tree.map(lambda *parts: jnp.stack(parts), *each)

    @property
    def hides_values(self) -> bool:
        """Whether values cannot be seen, as under `jit`."""
        given = jax.tree.leaves((self.x, self.y, self.parameters))
        return any(isinstance(leaf, jax.core.Tracer) for leaf in given)

    def with_sample_axes(self, found: Any) -> Any:
        """Results with the axes of samples of the targets, see `sample_dims`."""
        if len(self.shape) == 1:
            return found
        return jax.tree.map(lambda a: a.reshape(*self.shape, *a.shape[1:]), found)

    def gradients(self) -> Any:
        """The gradient of each sample."""
        return self.map(lambda x, y: jax.grad(self.value)(self.parameters, x, y))

    def losses(self, parameters: Any) -> Array:
        """The loss of each sample, `(samples,)`."""
        found: Array = self.map(lambda x, y: self.value(parameters, x, y))
        return found

    def predictions(self) -> Any:
        """The prediction for each sample alone, samples on axis 0."""
        rows = self.map(lambda x, _: self.model(self.parameters, x))
        return jax.tree.map(_joined, rows)

    def norms(self) -> Array:
        """The length of each sample's gradient."""

        def of_one(x: Any, y: Any) -> Array:
            return squared_length(jax.grad(self.value)(self.parameters, x, y))

        return jnp.sqrt(self.map(of_one))

    def total(self) -> Any:
        """The sum of the gradients."""
        return jax.grad(lambda p: self.losses(p).sum())(self.parameters)

    def mean(self) -> Any:
        """The mean of the gradients."""
        return jax.tree.map(lambda g: g / self.size, self.total())

    def inner_products(self, rows: Array) -> Array:
        """Inner products of each sample's gradient with rows as `flat` makes them."""

        def of_one(x: Any, y: Any) -> Array:
            g = jax.grad(self.value)(self.parameters, x, y)
            return rows @ flat(jax.tree.map(lambda a: a[None], g), 1)[0]

        found: Array = self.map(of_one)
        return found

    def inner_product(self, direction: Any) -> Array:
        """Inner product of each sample's gradient with one direction."""
        found: Array = jax.jvp(self.losses, (self.parameters,), (direction,))[1]
        return upcast(found)


def has_samples(leaf: Any) -> bool:
    """Whether a leaf has an axis of samples. Other leaves are shared by all samples."""
    return getattr(leaf, "ndim", 0) > 0


def _joined(rows: Array) -> Array:
    if rows.ndim < 2:
        raise ValueError(
            "model must return one row per sample where the loss is of a batch, "
            f"got the shape {rows.shape[1:]} for one sample"
        )
    return rows.reshape(-1, *rows.shape[2:])


def as_tuple(y: Any) -> tuple[Any, ...]:
    """The target as the arguments that a loss takes after the prediction."""
    return () if y is None else y if isinstance(y, tuple) else (y,)


def some(tree: Any, rows: Any) -> Any:
    """These rows of every leaf that has samples."""
    return jax.tree.map(lambda a: a[rows] if has_samples(a) else a, tree)


def upcast(values: Array) -> Array:
    """In float32 at least."""
    return values.astype(jnp.promote_types(values.dtype, jnp.float32))


def squared_length(tree: Any) -> Array:
    """The sum of squares over all leaves."""
    parts = [jnp.square(jnp.abs(upcast(a))).sum() for a in jax.tree.leaves(tree)]
    return jnp.sum(jnp.stack(parts))


def real(values: Array) -> Array:
    """Complex numbers as pairs of real ones."""
    values = upcast(values)
    if not jnp.issubdtype(values.dtype, jnp.complexfloating):
        return values
    return jnp.stack([values.real, values.imag], axis=-1)


def flat(gradients: Any, size: int) -> Array:
    """All numbers of each sample's gradient side by side, `(samples, numbers)`."""
    return jnp.concatenate(
        [real(g).reshape(size, -1) for g in jax.tree.leaves(gradients)], axis=1
    )


def ratio(numerator: Array, denominator: Array) -> Array:
    """The quotient, or 0 where the denominator is 0."""
    none = denominator == 0
    return jnp.where(none, 0.0, numerator / jnp.where(none, 1.0, denominator))

"""What the gradients of the samples have in common."""

from math import sqrt
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from ._posed import problem, several
from ._problem import Loss, Model, flat, ratio, real, squared


class NoiseScale(NamedTuple):
    """Mirror of `costfn.per_sample.NoiseScale`."""

    scale: Array
    trace: Array
    squared_norm: Array


def projections(
    model: Model,
    loss: Loss,
    x: Any,
    y: Any,
    directions: Any = None,
    *,
    parameters: Any,
    dim: int | None = None,
    seed: int = 0,
    chunk_size: int | None = None,
) -> Array:
    """Mirror of `costfn.per_sample.projections`, but for other random signs.

    A tree of directions has the shapes of the parameters: one direction.
    """
    if (directions is None) == (dim is None):
        raise ValueError(
            "directions must be given, or dim for random ones, and not both, got "
            f"{'neither' if dim is None else 'both'}"
        )
    made = problem(model, loss, x, y, parameters, chunk_size)
    if dim is None:
        return made.along(directions)

    def of_one(x: Any, y: Any) -> Array:
        slopes = jax.tree.leaves(jax.grad(made.value)(parameters, x, y))
        leaves = [real(g).reshape(-1) for g in slopes]
        keys = jax.random.split(jax.random.key(seed), len(leaves))
        parts = [
            g @ jax.random.rademacher(key, (g.size, dim), g.dtype)
            for key, g in zip(keys, leaves, strict=True)
        ]
        return jnp.sum(jnp.stack(parts), axis=0) / sqrt(dim)

    found: Array = made.map(of_one)
    return found


def cosine_to_mean(
    model: Model,
    loss: Loss,
    x: Any,
    y: Any,
    *,
    parameters: Any,
    chunk_size: int | None = None,
) -> Array:
    """Mirror of `costfn.per_sample.cosine_to_mean`."""
    made = problem(model, loss, x, y, parameters, chunk_size)
    mean = made.mean()
    return ratio(made.along(mean), made.norms() * jnp.sqrt(squared(mean)))


def gradient_noise_scale(
    model: Model,
    loss: Loss,
    x: Any,
    y: Any,
    *,
    parameters: Any,
    chunk_size: int | None = None,
) -> NoiseScale:
    """Mirror of `costfn.per_sample.gradient_noise_scale`."""
    made = several(model, loss, x, y, parameters, chunk_size)
    square_of_mean = squared(made.mean())
    mean_square = jnp.mean(jnp.square(made.norms()))
    trace = (mean_square - square_of_mean) * (made.size / (made.size - 1))
    square = square_of_mean - trace / made.size
    scale = jnp.where(square > 0, trace / jnp.where(square > 0, square, 1.0), jnp.inf)
    return NoiseScale(scale, trace, square)


def variance(
    model: Model,
    loss: Loss,
    x: Any,
    y: Any,
    *,
    parameters: Any,
    chunk_size: int | None = None,
) -> Any:
    """Mirror of `costfn.per_sample.variance`, over gradients that are all there."""
    made = several(model, loss, x, y, parameters, chunk_size)
    return jax.tree.map(lambda g: jnp.var(g, axis=0, ddof=1), made.gradients())


def gradient_signal_to_noise(
    model: Model,
    loss: Loss,
    x: Any,
    y: Any,
    *,
    parameters: Any,
    chunk_size: int | None = None,
) -> Any:
    """Mirror of `costfn.per_sample.gradient_signal_to_noise`, over all gradients."""
    made = several(model, loss, x, y, parameters, chunk_size)

    def of_leaf(g: Array) -> Array:
        mean, spread = jnp.mean(g, axis=0), jnp.var(g, axis=0, ddof=1)
        return jnp.where(mean == 0, 0.0, jnp.square(jnp.abs(mean)) / spread)

    return jax.tree.map(of_leaf, made.gradients())


def pairwise_similarity(
    model: Model,
    loss: Loss,
    x: Any,
    y: Any,
    *,
    parameters: Any,
    normalize: bool = True,
    chunk_size: int | None = None,
) -> Array:
    """Mirror of `costfn.per_sample.pairwise_similarity`, over all gradients."""
    made = problem(model, loss, x, y, parameters, chunk_size)
    rows = flat(made.gradients(), made.size)
    products = rows @ rows.T
    lengths = jnp.sqrt(jnp.diagonal(products))
    return ratio(products, lengths[:, None] * lengths) if normalize else products

"""How much the gradients of samples vary, and how similar they are."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from ._gradient_problem import GradientProblem, Loss, Model, flat, ratio, squared_length
from ._prepare import prepare


class NoiseScale(NamedTuple):
    """Mirror of `costfn.per_sample.NoiseScale`."""

    scale: Array
    trace: Array
    squared_norm: Array


def gradient_noise_scale(
    model: Model,
    loss: Loss,
    x: Any,
    y: Any,
    *,
    parameters: Any,
    chunk_size: int | None = None,
    sample_dims: int = 1,
) -> NoiseScale:
    """Mirror of `costfn.per_sample.gradient_noise_scale`."""
    problem = _at_least_two(
        prepare(model, loss, x, y, parameters, chunk_size, sample_dims)
    )
    mean_square = jnp.mean(jnp.square(problem.norms()))
    return noise_scale(mean_square, squared_length(problem.mean()), problem.size)


def noise_scale(mean_square: Array, square_of_mean: Array, size: int) -> NoiseScale:
    """The noise scale from the mean squared norm and the squared norm of the mean."""
    trace = (mean_square - square_of_mean) * (size / (size - 1))
    square = square_of_mean - trace / size
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
    sample_dims: int = 1,
) -> Any:
    """Mirror of `costfn.per_sample.variance`, over all gradients at once."""
    problem = _at_least_two(
        prepare(model, loss, x, y, parameters, chunk_size, sample_dims)
    )
    return jax.tree.map(lambda g: jnp.var(g, axis=0, ddof=1), problem.gradients())


def gradient_signal_to_noise(
    model: Model,
    loss: Loss,
    x: Any,
    y: Any,
    *,
    parameters: Any,
    chunk_size: int | None = None,
    sample_dims: int = 1,
) -> Any:
    """Mirror of `costfn.per_sample.gradient_signal_to_noise`, over all gradients."""
    problem = _at_least_two(
        prepare(model, loss, x, y, parameters, chunk_size, sample_dims)
    )

    def of_leaf(g: Array) -> Array:
        mean, spread = jnp.mean(g, axis=0), jnp.var(g, axis=0, ddof=1)
        return jnp.where(mean == 0, 0.0, jnp.square(jnp.abs(mean)) / spread)

    return jax.tree.map(of_leaf, problem.gradients())


def pairwise_similarity(
    model: Model,
    loss: Loss,
    x: Any,
    y: Any,
    *,
    parameters: Any,
    normalize: bool = True,
    chunk_size: int | None = None,
    sample_dims: int = 1,
) -> Array:
    """Mirror of `costfn.per_sample.pairwise_similarity`, over all gradients at once."""
    problem = prepare(model, loss, x, y, parameters, chunk_size, sample_dims)
    rows = flat(problem.gradients(), problem.size)
    products = rows @ rows.T
    lengths = jnp.sqrt(jnp.diagonal(products))
    return ratio(products, lengths[:, None] * lengths) if normalize else products


def _at_least_two(problem: GradientProblem) -> GradientProblem:
    if problem.size < 2:
        raise ValueError(f"x must hold 2 samples or more, got {problem.size}")
    return problem

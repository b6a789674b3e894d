"""Inner products of each sample's gradient with directions."""

from math import sqrt
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from ._gradient_problem import Loss, Model, ratio, real, squared_length
from ._prepare import prepare


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
    sample_dims: int = 1,
) -> Array:
    """Mirror of `costfn.per_sample.projections`, with other random signs.

    `directions` is one direction: a tree with the shapes of the parameters.
    """
    if (directions is None) == (dim is None):
        raise ValueError(
            "directions must be given, or dim for random ones, and not both, got "
            f"{'neither' if dim is None else 'both'}"
        )
    problem = prepare(model, loss, x, y, parameters, chunk_size, sample_dims)
    if dim is None:
        along: Array = problem.with_sample_axes(problem.inner_product(directions))
        return along

    def of_one(x: Any, y: Any) -> Array:
        slopes = jax.tree.leaves(jax.grad(problem.value)(parameters, x, y))
        leaves = [real(g).reshape(-1) for g in slopes]
        keys = jax.random.split(jax.random.key(seed), len(leaves))
        parts = [
            g @ jax.random.rademacher(key, (g.size, dim), g.dtype)
            for key, g in zip(keys, leaves, strict=True)
        ]
        return jnp.sum(jnp.stack(parts), axis=0) / sqrt(dim)

    found: Array = problem.with_sample_axes(problem.map(of_one))
    return found


def cosine_to_mean(
    model: Model,
    loss: Loss,
    x: Any,
    y: Any,
    *,
    parameters: Any,
    chunk_size: int | None = None,
    sample_dims: int = 1,
) -> Array:
    """Mirror of `costfn.per_sample.cosine_to_mean`."""
    problem = prepare(model, loss, x, y, parameters, chunk_size, sample_dims)
    mean = problem.mean()
    lengths = problem.norms() * jnp.sqrt(squared_length(mean))
    cosines = ratio(problem.inner_product(mean), lengths)
    found: Array = problem.with_sample_axes(cosines)
    return found

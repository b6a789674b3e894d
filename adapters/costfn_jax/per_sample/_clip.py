"""The sum of gradients, each shortened to a bound."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from ._gradient_problem import Loss, Model
from ._prepare import prepare


class Clipped(NamedTuple):
    """Mirror of `costfn.per_sample.Clipped`."""

    total: Any
    norms: Array


def clip(
    model: Model,
    loss: Loss,
    x: Any,
    y: Any,
    max_norm: float,
    *,
    parameters: Any,
    chunk_size: int | None = None,
    sample_dims: int = 1,
) -> Clipped:
    """Mirror of `costfn.per_sample.clip`."""
    if not max_norm > 0:
        raise ValueError(f"max_norm must be above 0 and finite, got {max_norm}")
    problem = prepare(model, loss, x, y, parameters, chunk_size, sample_dims)
    norms = problem.norms()
    factors = max_norm / jnp.maximum(norms, max_norm)
    total = jax.grad(lambda p: jnp.sum(problem.losses(p) * factors))(parameters)
    return Clipped(total, problem.with_sample_axes(norms))

"""Norms of the gradient of each sample."""

from typing import Any

from jax import Array

from ._gradient_problem import Loss, Model
from ._prepare import prepare


def gradient_norms(
    model: Model,
    loss: Loss,
    x: Any,
    y: Any,
    *,
    parameters: Any,
    chunk_size: int | None = None,
    sample_dims: int = 1,
) -> Array:
    """Mirror of `costfn.per_sample.gradient_norms`, in total."""
    problem = prepare(model, loss, x, y, parameters, chunk_size, sample_dims)
    found: Array = problem.with_sample_axes(problem.norms())
    return found

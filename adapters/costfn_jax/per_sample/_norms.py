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
) -> Array:
    """Mirror of `costfn.per_sample.gradient_norms`, in total."""
    return prepare(model, loss, x, y, parameters, chunk_size).norms()

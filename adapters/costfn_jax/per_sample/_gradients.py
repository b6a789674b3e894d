"""Gradients and contributions of single samples, their norms, their clipped sum."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from ._posed import linearized, problem
from ._problem import Loss, Model


class Clipped(NamedTuple):
    """Mirror of `costfn.per_sample.Clipped`."""

    total: Any
    norms: Array


def gradients(
    model: Model,
    loss: Loss,
    x: Any,
    y: Any,
    *,
    parameters: Any,
    chunk_size: int | None = None,
) -> Any:
    """Mirror of `costfn.per_sample.gradients`."""
    return problem(model, loss, x, y, parameters, chunk_size).gradients()


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
    return problem(model, loss, x, y, parameters, chunk_size).norms()


def linearize(
    model: Model, batch_loss: Loss, x: Any, y: Any, *, parameters: Any
) -> tuple[Loss, Any]:
    """Mirror of `costfn.per_sample.linearize`."""
    made = linearized(model, batch_loss, x, y, parameters)
    return made.loss, made.y if len(made.y) > 1 else made.y[0]


def contributions(
    model: Model,
    batch_loss: Loss,
    x: Any,
    y: Any,
    *,
    parameters: Any,
    chunk_size: int | None = None,
) -> Any:
    """Mirror of `costfn.per_sample.contributions`."""
    return linearized(model, batch_loss, x, y, parameters, chunk_size).gradients()


def contribution_norms(
    model: Model,
    batch_loss: Loss,
    x: Any,
    y: Any,
    *,
    parameters: Any,
    chunk_size: int | None = None,
) -> Array:
    """Mirror of `costfn.per_sample.contribution_norms`, in total."""
    return linearized(model, batch_loss, x, y, parameters, chunk_size).norms()


def clip(
    model: Model,
    loss: Loss,
    x: Any,
    y: Any,
    max_norm: float,
    *,
    parameters: Any,
    chunk_size: int | None = None,
) -> Clipped:
    """Mirror of `costfn.per_sample.clip`."""
    if not max_norm > 0:
        raise ValueError(f"max_norm must be above 0 and finite, got {max_norm}")
    made = problem(model, loss, x, y, parameters, chunk_size)
    norms = made.norms()
    factors = max_norm / jnp.maximum(norms, max_norm)
    total = jax.grad(lambda p: jnp.sum(made.losses(p) * factors))(parameters)
    return Clipped(total, norms)

"""Regression in JAX: errors as factors."""

import jax.numpy as jnp
from jax import Array

from .._foundation import check
from .._foundation.hidden import finished
from .._foundation.math import upcast
from .._foundation.options import ABOVE_ZERO, number, typed
from .._foundation.types import Values

__all__ = ["q_error_loss"]


def q_error_loss(
    prediction: Values,
    target: Values,
    *,
    log_space: bool = True,
    floor: float | Array = 1e-6,
) -> Values:
    """Mirror of `costfn.q_error_loss`: the same arguments, values and errors."""
    for name, value in (("prediction", prediction), ("target", target)):
        check.floating_point(name, value)
    if prediction.shape != target.shape:
        raise ValueError(
            f"target must have the shape {prediction.shape} of prediction, "
            f"got {target.shape}"
        )
    chosen = number("floor", floor, ABOVE_ZERO)
    p = upcast(prediction)
    t = target.astype(p.dtype)
    if log_space:
        return finished(_growth(p - t), prediction)
    seen = check.readable_values(target)
    if seen is not None and seen.min() < 0:
        raise ValueError(
            f"target must be at least 0 without log_space, got {seen.min().item():.6g}"
        )
    least = typed(chosen, p.dtype)
    invalid = t < 0 if seen is None else None
    if isinstance(chosen, Array) and check.readable_values(chosen) is None:
        # Nothing is below a floor of NaN.
        bad = jnp.isnan(least)
        invalid = jnp.broadcast_to(bad, t.shape) if invalid is None else invalid | bad
    t = jnp.where(t < least, least, t)
    raised = jnp.where(p < least, least, p)
    # Below the floor the loss keeps growing, linearly, unless the target is itself
    # below the floor.
    below = jnp.where(p < least, (least - p) / least, 0.0)
    losses = (1 + below) * _growth(jnp.log(raised) - jnp.log(t))
    return finished(losses, prediction, invalid)


def _growth(distance: Array) -> Array:
    """exp(|d|) - 1, linear beyond 30; its slope at 0 is 0."""
    size = jnp.where(distance > 0, distance, -distance)
    size = jnp.where(distance == 0, 0.0, size)
    bounded = jnp.where(size > 30, 30.0, size)
    return jnp.expm1(bounded) + (size - bounded) * jnp.exp(bounded)

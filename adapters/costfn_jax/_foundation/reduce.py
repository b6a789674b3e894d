"""From one loss per example to one number, in JAX."""

from typing import Literal, get_args

import jax.numpy as jnp
from jax import Array
from jax.lax import stop_gradient

from . import check
from .hidden import checked_weights
from .math import cast_back, floating, sum_over, upcast

Reduction = Literal["none", "mean", "sum"]


def reduce(
    losses: Array,
    *,
    weight: Array | None = None,
    where: Array | None = None,
    reduction: Reduction = "mean",
) -> Array:
    """Mirror of `costfn.reduce`: the same arguments, values and errors."""
    check.floating_point("losses", losses)
    check.one_of("reduction", reduction, get_args(Reduction))
    values = upcast(losses)
    weights = jnp.ones_like(values)
    if where is not None:
        check.mask(where, losses.shape)
        values = jnp.where(where, values, 0.0)
        weights = jnp.where(where, weights, 0.0)
    if weight is not None:
        check.weights("weight", weight, losses.shape, where)
        weight = weight if where is None else jnp.where(where, weight, 0)
        # In the wider type of the two: 1e39 is no number of float32.
        wide = jnp.promote_types(values.dtype, floating(weight).dtype)
        values, weights = values.astype(wide), checked_weights(weight, wide)
        if reduction == "mean" and weights.size:
            # A mean does not change with the weights' scale, but 1e-40 would underflow.
            largest = stop_gradient(weights).max()
            weights = weights / jnp.where(largest > 0, largest, 1.0)
    weighted = weights * values
    if reduction == "none":
        return cast_back(weighted, losses)
    total = sum_over(weighted)
    if reduction == "sum":
        return cast_back(total, losses)
    amount = sum_over(weights)
    some = amount != 0
    mean = jnp.where(some, total / jnp.where(some, amount, 1.0), 0.0)
    return cast_back(mean, losses)

"""From one loss per example to one number, in JAX."""

from typing import Literal, get_args

import jax.numpy as jnp
from jax import Array

from . import _check
from ._math import is_floating, non_negative, upcast

Reduction = Literal["none", "mean", "sum"]


def reduce(
    losses: Array,
    *,
    weight: Array | None = None,
    where: Array | None = None,
    reduction: Reduction = "mean",
) -> Array:
    """Mirror of `costfn.reduce`: the same arguments, values and errors."""
    _check.array("losses", losses)
    if not is_floating(losses):
        raise TypeError(f"losses must be floating point, got {losses.dtype}")
    _check.one_of("reduction", reduction, get_args(Reduction))
    values = upcast(losses)
    weights = jnp.ones_like(values)
    if weight is not None:
        _check.weights("weight", weight, losses.shape)
        weights = non_negative(weight).astype(values.dtype)
    if where is not None:
        _check.mask(where, losses.shape)
        values = jnp.where(where, values, 0.0)
        weights = jnp.where(where, weights, 0.0)
    weighted = weights * values
    if reduction == "none":
        return weighted.astype(losses.dtype)
    total = weighted.sum()
    if reduction == "sum":
        return total.astype(losses.dtype)
    amount = weights.sum()
    some = amount != 0
    mean = jnp.where(some, total / jnp.where(some, amount, 1.0), 0.0)
    return mean.astype(losses.dtype)

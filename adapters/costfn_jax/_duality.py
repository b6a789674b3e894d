"""The gradient of a metric is a cost matrix, in JAX: from counts to training."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array
from jax.lax import stop_gradient

from . import _check
from ._averaging import Table, as_counts
from ._math import floating, number, ratio
from ._types import PerClass, SquareCost
from .confusion import Counts


def cost_of(metric: Callable[..., Array], table: Table) -> SquareCost:
    """Mirror of `costfn.cost_of`: the same arguments, values and errors."""
    if isinstance(table, Counts):
        # A tuple through grad: its fields vary independently, as the cells do.
        slopes = jax.grad(lambda c: metric(Counts(*c)).sum())(
            tuple(stop_gradient(x) for x in table)
        )
        cost = _cells(Counts(*slopes), table)
    else:
        n = as_counts(table).total
        m = floating(table)
        slope = jax.grad(lambda x: metric(x).sum())(stop_gradient(m))
        cost = -n[..., None, None] * slope
    return stop_gradient(cost - cost.min(-1, keepdims=True))


def _cells(slope: Counts, table: Counts) -> Array:
    """Minus n times the slope in each cell of the matrix that the counts come from."""
    if table.one_label:
        right = jnp.eye(table.actual.shape[-1], dtype=slope.actual.dtype)
        gain = right * slope.true_positive[..., None, :]
        gain = gain + slope.predicted[..., None, :]
        return -table.total[..., None, None] * gain
    taken = jnp.stack([slope.predicted, slope.predicted + slope.true_positive], -1)
    gain = jnp.stack([jnp.zeros_like(taken), taken], -1)
    return -table.total[..., None, None] * gain


def confusion_informed_weights(table: Table, *, smoothing: float = 1.0) -> PerClass:
    """Mirror of `costfn.confusion_informed_weights`.

    The same arguments, values and errors.
    """
    _check.at_least_zero("smoothing", smoothing)
    c = as_counts(table)
    extra = number(smoothing, c.actual.dtype)
    missed = c.actual - c.true_positive
    rate = ratio(missed + extra, c.actual + 2 * extra)
    total = c.actual.sum(-1, keepdims=True)
    mean = ratio((rate * c.actual).sum(-1, keepdims=True), total)
    return stop_gradient(ratio(rate, mean, 1.0))

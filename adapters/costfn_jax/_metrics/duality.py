"""The gradient of a metric is a cost matrix, in JAX: from counts to training."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array
from jax.lax import stop_gradient

from .._foundation import check
from .._foundation.arrays import ArrayLike, as_array
from .._foundation.counts import Counts
from .._foundation.hidden import checked_weights
from .._foundation.math import floating, ratio
from .._foundation.options import AT_LEAST_ZERO, number, typed
from .._foundation.types import PerClass, SquareCost
from .averaging import Table, as_counts, each_class

__all__ = ["confusion_informed_weights", "cost_of"]


def cost_of(metric: Callable[..., Array], table: Table | ArrayLike) -> SquareCost:
    """Mirror of `costfn.cost_of`: the same arguments, values and errors."""
    if not callable(metric):
        raise TypeError(f"metric must be callable, got {type(metric).__name__}")
    if isinstance(table, Counts):
        # A tuple through grad: its fields vary independently, as the cells do.
        cells = (*table[:4], *table.other_cells())
        slopes = jax.grad(lambda c: metric(Counts(*c)).sum())(
            tuple(stop_gradient(x) for x in cells)
        )
        cost = _cells(slopes, table)
    else:
        table = as_array("table", table)
        n = as_counts(table).total
        m = floating(table)
        slope = jax.grad(lambda x: metric(x).sum())(stop_gradient(m))
        cost = -n[..., None, None] * slope
    return stop_gradient(cost - cost.min(-1, keepdims=True))


def _cells(slopes: tuple[Array, ...], table: Counts) -> Array:
    """Minus n times the slope in each cell of the matrix that the counts come from."""
    right_slope, predicted, _, _, alarm, missed, rest = slopes
    predicted = predicted + alarm
    right_slope = right_slope - alarm
    if table.one_label:
        right = jnp.eye(table.actual.shape[-1], dtype=missed.dtype)
        # An example of i that is decided for j is predicted as j, found if j is i, else
        # missed. It is a true negative of all classes but i and j. The sum over all but
        # i is the same for each j, and changes nothing; what is left is the term of j.
        found = right * (right_slope + rest)[..., None, :]
        gain = found + (predicted - rest)[..., None, :]
        gain = gain + (1 - right) * missed[..., None]
        return -table.total[..., None, None] * gain
    negative = jnp.stack([rest, predicted], -1)
    positive = jnp.stack([missed, predicted + right_slope], -1)
    gain = jnp.stack([negative, positive], -2)
    return -table.total[..., None, None] * gain


def confusion_informed_weights(
    table: Table | ArrayLike, *, smoothing: float | Array = 1.0
) -> PerClass:
    """Mirror of `costfn.confusion_informed_weights`.

    The same arguments, values and errors.
    """
    imagined = number("smoothing", smoothing, AT_LEAST_ZERO)
    if not isinstance(table, Counts):
        table = as_array("table", table)
        check.weights("table", table, table.shape)
        table = checked_weights(table, floating(table).dtype)
    c = each_class(table)
    extra = typed(imagined, c.actual.dtype)
    rate = ratio(c.false_negative + extra, c.actual + 2 * extra)
    total = c.actual.sum(-1, keepdims=True)
    mean = ratio((rate * c.actual).sum(-1, keepdims=True), total)
    return stop_gradient(ratio(rate, mean, 1.0))

"""Values that could not be seen, and so not refused, in JAX: they become NaN.

Under `jit`, `vmap` and on accelerators there is nothing to read. There a bad value
makes the result NaN, in value and in gradient, and never a number that looks right.
"""

import jax.numpy as jnp
from jax import Array
from jax.typing import DTypeLike

from . import check
from .math import cast_back, floating, is_floating, out_of_range


def bad_target(target: Array, classes: int) -> Array | None:
    """Which examples `(*batch,)` have no valid target; None where they were checked."""
    if check.readable_values(target) is not None:
        return None
    if is_floating(target):
        bad: Array = ~check.are_probs(target)
        return bad
    return out_of_range(target, classes)


def bad_label_sets(target: Array) -> Array | None:
    """Which entries are not 0, 1 or between; None where they were checked."""
    if check.readable_values(target) is not None:
        return None
    return ~((target >= 0) & (target <= 1))


def poisoned(values: Array, invalid: Array | None) -> Array:
    """The values, NaN where invalid, in value and in gradient.

    A gradient that is exactly 0 on arrival stays 0, so that `where=` of a reduction
    leaves bad examples out. `where` would hide them, and one product with NaN would
    make NaN of 0. Here a gradient overflows to infinity, and infinity times 0 is NaN,
    while 0 stays 0 all the way; the order is the same forwards and backwards.
    """
    if invalid is None:
        return values
    ones = jnp.ones_like(values)
    huge = jnp.where(invalid, float(jnp.finfo(values.dtype).max), ones)
    none = jnp.where(invalid, 0.0, ones)
    nan = jnp.where(invalid, jnp.nan, jnp.zeros_like(values))
    return values * huge * huge * none * huge * huge + nan


def finished(losses: Array, logits: Array, invalid: Array | None = None) -> Array:
    """The losses to return: NaN where the target is bad, in the dtype of the logits.

    The NaN gradient goes to the logits directly. On its way through the loss, a kink
    could stop it, or make NaN of the 0 that a masked loss sends back.
    """
    if invalid is None:
        return cast_back(losses, logits)
    rows = logits if logits.ndim > losses.ndim else logits[..., None]
    bad = jnp.where(invalid[..., None], rows, 0.0).sum(-1).astype(losses.dtype)
    return cast_back(losses + poisoned(bad, invalid), logits)


def checked_costs(
    cost: Array, dtype: DTypeLike, *, non_negative: bool = False
) -> Array:
    """The costs; one that could not be read is NaN if it is infinite or negative."""
    wide = floating(cost).astype(dtype)
    if check.readable_values(cost) is not None:
        return wide
    bad = ~jnp.isfinite(wide)
    return jnp.where(bad | (wide < 0) if non_negative else bad, jnp.nan, wide)


def own_costs(
    vectors: Array, cost: Array, invalid: Array | None
) -> tuple[Array, Array | None]:
    """Cost vectors without NaN, and which examples have a bad target or a bad cost.

    A NaN would reach the gradient even of an example that is masked.
    """
    if check.readable_values(cost) is not None:
        return vectors, invalid
    bad = jnp.isnan(vectors).any(-1)
    found = bad if invalid is None else bad | invalid
    return jnp.where(bad[..., None], 0.0, vectors), found


def checked_weights(weight: Array, dtype: DTypeLike) -> Array:
    """The weights; one that could not be read is NaN if it is infinite or negative."""
    return checked_costs(weight, dtype, non_negative=True)

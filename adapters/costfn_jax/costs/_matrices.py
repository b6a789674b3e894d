"""Cost matrices from names, weights and utilities, and changes of them."""

from math import inf, log
from numbers import Integral

import jax.numpy as jnp
from jax import Array
from jax.lax import fori_loop
from jax.typing import DTypeLike

from .._foundation import check, check_costs
from .._foundation.arrays import ArrayLike, as_array
from .._foundation.hidden import checked_costs, checked_weights, poisoned
from .._foundation.math import floating
from .._foundation.options import ABOVE_ZERO, FINITE, Rule, number, typed
from .._foundation.types import DecisionMatrix, Matrix, PerClass, WiderMatrix


def zero_one(classes: int) -> Matrix:
    """Mirror of `costfn.costs.zero_one`: the same arguments, values and errors."""
    return 1 - jnp.eye(_classes(classes))


def ordinal(classes: int, power: float | Array = 1.0) -> Matrix:
    """Mirror of `costfn.costs.ordinal`: the same arguments, values and errors."""
    classes, dtype = _classes(classes), jnp.result_type(float)
    power = number("power", power, ABOVE_ZERO)
    power = number("power", power, _within(classes - 1, dtype))
    rank = jnp.arange(classes, dtype=dtype)
    return jnp.abs(rank[:, None] - rank) ** typed(power, dtype)


def _within(base: int, dtype: DTypeLike) -> Rule:
    """The powers of a base that a dtype can hold."""
    info = jnp.finfo(dtype)
    limit = (1 - float(info.eps)) * log(float(info.max))
    largest = limit / log(base) if base > 1 else inf
    words = f"such that {base} ** power is finite in {dtype}"
    return Rule(words, lambda power: power <= largest)


def from_weights(weights: PerClass | ArrayLike) -> Matrix:
    """Mirror of `costfn.costs.from_weights`: the same arguments, values and errors."""
    weights = as_array("weights", weights)
    check_costs.per_class("weights", weights)
    check.weights("weights", weights, weights.shape)
    wide = checked_weights(weights, floating(weights).dtype)
    # Not a product, in which a NaN would reach the diagonal.
    return jnp.where(jnp.eye(len(wide), dtype=bool), 0.0, wide[:, None])


def from_utility(utility: DecisionMatrix | ArrayLike) -> DecisionMatrix:
    """Mirror of `costfn.costs.from_utility`: the same arguments, values and errors."""
    utility = as_array("utility", utility)
    check_costs.cost_matrix("utility", utility)
    gains = checked_costs(utility, floating(utility).dtype)
    regrets = gains.max(-1, keepdims=True) - gains
    check_costs.cost_values("the range of utility", regrets)
    return checked_costs(regrets, gains.dtype)


def metric_closure(cost: Matrix | ArrayLike) -> Matrix:
    """Mirror of `costfn.costs.metric_closure`.

    The same arguments, values and errors.
    """
    cost = as_array("cost", cost)
    check_costs.cost_matrix("cost", cost, non_negative=True)
    check_costs.cost_matrix("cost", cost, classes=cost.shape[-1])
    seen = check.readable_values(cost.diagonal())
    if seen is not None and seen.any():
        raise ValueError(f"cost must be 0 on its diagonal, got {seen.tolist()}")
    start = checked_costs(cost, floating(cost).dtype, non_negative=True)
    if seen is None:
        # All costs become NaN: the cheapest path could use the bad one.
        start = poisoned(start, jnp.isnan(start).any() | (start.diagonal() != 0).any())
    closure: Array = fori_loop(0, len(cost), _by_way_of, start)
    return closure


def _by_way_of(k: int | Array, closure: Array) -> Array:
    return jnp.minimum(closure, closure[:, k][:, None] + closure[k])


def with_abstention(
    cost: DecisionMatrix | ArrayLike, price: float | Array
) -> WiderMatrix:
    """Mirror of `costfn.costs.with_abstention`.

    The same arguments, values and errors.
    """
    cost = as_array("cost", cost)
    check_costs.cost_matrix("cost", cost)
    wide = checked_costs(cost, floating(cost).dtype)
    price = number("price", price, FINITE)
    price = number("price", price, _finite_in(wide.dtype))
    column = jnp.zeros_like(wide[:, :1]) + typed(price, wide.dtype)
    return jnp.concatenate([wide, column], -1)


def _finite_in(dtype: DTypeLike) -> Rule:
    """The numbers that do not overflow in a dtype."""
    largest = float(jnp.finfo(dtype).max)
    return Rule(f"finite in {dtype}", lambda x: (-largest <= x) & (x <= largest))


def _classes(classes: object) -> int:
    """A number of classes: an integer, of Python or NumPy, of at least 2."""
    # In Python True and False are integers.
    if isinstance(classes, bool) or not isinstance(classes, Integral):
        raise TypeError(f"classes must be an integer, got {type(classes).__name__}")
    if classes < 2:
        raise ValueError(f"classes must be at least 2, got {classes}")
    return int(classes)

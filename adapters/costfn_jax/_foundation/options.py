"""Options that are one number, in JAX: plain, or an array that is learned or traced."""

from collections.abc import Callable
from math import inf, nan
from numbers import Real
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import DTypeLike

from . import check
from .math import floating


class Rule(NamedTuple):
    """A range of numbers, and its words in an error."""

    words: str
    holds: Callable[[Any], Any]


FINITE = Rule("finite", lambda x: (-inf < x) & (x < inf))
AT_LEAST_ZERO = Rule("at least 0 and finite", lambda x: (x >= 0) & (x < inf))
ABOVE_ZERO = Rule("above 0 and finite", lambda x: (x > 0) & (x < inf))
BELOW_ONE = Rule("in (0, 1)", lambda x: (x > 0) & (x < 1))
BELOW_HALF = Rule("in (0, 1/2)", lambda x: (x > 0) & (x < 0.5))


def number(name: str, value: object, rule: Rule) -> float | Array:
    """Checks an option that is one number, and gives a float or a scalar array.

    An array of one element, of any shape, is such a number. Where its value cannot be
    seen, one out of range becomes NaN.
    """
    if isinstance(value, Array):
        return _scalar(name, value, rule)
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(
            f"{name} must be a number or a jax.Array of one element, got "
            f"{type(value).__name__}"
        )
    found = float(value)
    if not rule.holds(found):
        raise ValueError(f"{name} must be {rule.words}, got {value}")
    return found


def number_per_class(
    name: str, value: object, rule: Rule, classes: int | None = None
) -> float | Array:
    """Checks an option of scores: one number, or an array with one for each class."""
    if isinstance(value, Array) and value.ndim == 1 and value.size > 1:
        check.numbers(name, value)
        if classes is not None and len(value) != classes:
            raise ValueError(
                f"{name} must be one number, or one for each of {classes} classes, got "
                f"a jax.Array of shape {value.shape}"
            )
        return _in_range(name, value, rule)
    return number(name, value, rule)


def _scalar(name: str, value: Array, rule: Rule) -> Array:
    if value.dtype == bool or jnp.iscomplexobj(value):
        raise TypeError(
            f"{name} must be a real number, got a jax.Array of {value.dtype}"
        )
    if value.size != 1:
        raise ValueError(
            f"{name} must be one number, got a jax.Array of shape {value.shape}"
        )
    return _in_range(name, value.reshape(()), rule)


def _in_range(name: str, value: Array, rule: Rule) -> Array:
    found = floating(value)
    seen = check.readable_values(found)
    if seen is None:
        return jnp.where(rule.holds(found), found, nan)
    # In float64: NumPy warns of a NaN in the comparison of half precision.
    outside = ~np.asarray(rule.holds(seen.astype(float)))
    if outside.any():
        wrong = seen[outside].reshape(-1)[0].item()
        raise ValueError(f"{name} must be {rule.words}, got {wrong:.6g}")
    return found


def typed(value: float | Array, dtype: DTypeLike) -> float | Array:
    """An option that mixes with arrays of a dtype: an array would promote them."""
    return value.astype(dtype) if isinstance(value, Array) else value

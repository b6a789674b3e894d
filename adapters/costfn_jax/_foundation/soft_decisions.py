"""The relaxations as objects, in JAX: functions with parameters, that can be saved.

Each is a pytree of its parameters, so that it can be an argument of `jit` and `grad`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from math import pi
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.lax import stop_gradient
from jax.tree_util import register_dataclass, register_pytree_node_class

from .math import is_class, sigmoid
from .options import (
    ABOVE_ZERO,
    BELOW_HALF,
    BELOW_ONE,
    FINITE,
    Rule,
    number_per_class,
    typed,
)
from .types import Logits, Probs

Relaxation = Callable[[Logits], Probs]


class SoftDecision(ABC):
    """A relaxation of this library. Its memberships are in [0, 1].

    Parameters are checked at each call: a learned one can leave its range.
    """

    @abstractmethod
    def __call__(self, logits: Logits) -> Probs:
        """Memberships of the logits, same shape."""


@register_dataclass
@dataclass(frozen=True, eq=False)
class Softmax(SoftDecision):
    """Made by `costfn_jax.relaxations.softmax`."""

    temperature: float | Array = 1.0

    def __call__(self, logits: Logits) -> Probs:
        """Memberships of the logits, same shape."""
        temperature = _option("temperature", self.temperature, ABOVE_ZERO, logits)
        p = jax.nn.softmax(logits / temperature)
        # The likeliest is 1 less the others, each with its own cotangent less that of
        # the likeliest: in their sum the gradient of a sure row would cancel.
        top = _decided(logits)
        others = jnp.where(top, 0.0, p)
        return jnp.where(top, 1 - others.sum(-1, keepdims=True), others)


@register_dataclass
@dataclass(frozen=True, eq=False)
class Sigmoid(SoftDecision):
    """Made by `costfn_jax.relaxations.sigmoid`."""

    slope: float | Array = 1.0
    threshold: float | Array = 0.0

    def __call__(self, logits: Logits) -> Probs:
        """Memberships of the logits, same shape."""
        slope = _option("slope", self.slope, ABOVE_ZERO, logits)
        threshold = _option("threshold", self.threshold, FINITE, logits)
        return sigmoid(slope * (logits - threshold))


@register_dataclass
@dataclass(frozen=True, eq=False)
class Amplified(SoftDecision):
    """Made by `costfn_jax.relaxations.amplified`."""

    slope: float | Array = 73.0

    def __call__(self, logits: Logits) -> Probs:
        """Memberships of the logits, same shape."""
        slope = _option("slope", self.slope, ABOVE_ZERO, logits)
        return sigmoid(slope * (Softmax()(logits) - 0.5))


@register_dataclass
@dataclass(frozen=True, eq=False)
class RaisedCosine(SoftDecision):
    """Made by `costfn_jax.relaxations.raised_cosine`."""

    threshold: float | Array = 0.5
    width: float | Array = 0.1

    def __call__(self, logits: Logits) -> Probs:
        """Memberships of the logits, same shape."""
        threshold = _option("threshold", self.threshold, FINITE, logits)
        width = _option("width", self.width, ABOVE_ZERO, logits)
        u = Softmax()(logits) - threshold
        u = u / width
        # Written so that NaN counts as inside and is passed on.
        outside = jnp.abs(u) >= 1
        inner = jnp.where(outside, 0.0, u)
        rise = (1 + inner + jnp.sin(pi * inner) / pi) / 2
        return jnp.where(outside, (u > 0).astype(u.dtype), rise)


@register_dataclass
@dataclass(frozen=True, eq=False)
class PiecewiseLinear(SoftDecision):
    """Made by `costfn_jax.relaxations.piecewise_linear`."""

    threshold: float | Array = 0.5
    delta: float | Array = 0.2

    def __call__(self, logits: Logits) -> Probs:
        """Memberships of the logits, same shape."""
        d = _option("delta", self.delta, BELOW_HALF, logits)
        p = Softmax()(logits)
        t = jnp.asarray(
            _option("threshold", self.threshold, BELOW_ONE, logits),
            p.dtype,
        )
        m = jnp.minimum(t, 1 - t)
        low = p * d / (t - m / 2)
        middle = 0.5 + (p - t) * (1 - 2 * d) / m
        high = 1 - (1 - p) * d / (1 - t - m / 2)
        upper = jnp.where(p > t + m / 2, high, middle)
        return jnp.where(p < t - m / 2, low, upper)


@register_pytree_node_class
@dataclass(frozen=True, eq=False)
class StraightThrough(SoftDecision):
    """Made by `costfn_jax.relaxations.straight_through`."""

    of: Relaxation

    def __call__(self, logits: Logits) -> Probs:
        """Memberships of the logits, same shape."""
        soft = self.of(logits)
        hard = _decided(logits).astype(soft.dtype)
        return hard + (soft - stop_gradient(soft))

    def tree_flatten(self) -> tuple[tuple[Any, ...], Any]:
        """Its relaxation where that has parameters; any other function is constant."""
        leaf = jax.tree_util.all_leaves([self.of])
        return ((), self.of) if leaf else ((self.of,), None)

    @classmethod
    def tree_unflatten(
        cls, constant: Any, children: tuple[Any, ...]
    ) -> "StraightThrough":
        """The inverse of `tree_flatten`."""
        return cls(children[0] if children else constant)


def _option(name: str, value: object, rule: Rule, logits: Array) -> float | Array:
    """One number or one for each class, that mixes with the logits."""
    return typed(number_per_class(name, value, rule, logits.shape[-1]), logits.dtype)


def _decided(logits: Array) -> Array:
    # The first of the highest by two plain reductions: XLA's argmax is slow on the CPU.
    z, classes = stop_gradient(logits), logits.shape[-1]
    highest = z == z.max(-1, keepdims=True)
    first = jnp.where(highest, jnp.arange(classes), classes).min(-1)
    return is_class(first, classes)

"""Scores to soft decisions, in JAX: what stands in for argmax while training."""

from collections.abc import Callable
from math import pi

import jax
import jax.numpy as jnp
from jax import Array
from jax.lax import stop_gradient

from . import _check
from ._math import is_class, number
from ._math import sigmoid as logistic
from ._types import Logits, Probs

__all__ = [
    "Relaxation",
    "amplified",
    "piecewise_linear",
    "raised_cosine",
    "sigmoid",
    "softmax",
    "straight_through",
]

Relaxation = Callable[[Logits], Probs]


def softmax(temperature: float | Array = 1.0) -> Relaxation:
    """Mirror of `costfn.relaxations.softmax`: the same arguments, values and errors."""
    _check.positive("temperature", temperature)

    def relax(logits: Logits) -> Probs:
        p = jax.nn.softmax(logits / number(temperature, logits.dtype))
        top = _decided(logits)
        others = jnp.where(top, 0.0, p)
        return jnp.where(top, 1 - others.sum(-1, keepdims=True), others)

    return relax


def sigmoid(slope: float | Array = 1.0, threshold: float | Array = 0.0) -> Relaxation:
    """Mirror of `costfn.relaxations.sigmoid`: the same arguments, values and errors."""
    _check.positive("slope", slope)
    _check.finite("threshold", threshold)

    def relax(logits: Logits) -> Probs:
        by = number(slope, logits.dtype)
        return logistic(by * (logits - number(threshold, logits.dtype)))

    return relax


def amplified(slope: float | Array = 73.0) -> Relaxation:
    """Mirror of `costfn.relaxations.amplified`.

    The same arguments, values and errors.
    """
    _check.positive("slope", slope)
    probs = softmax()

    def relax(logits: Logits) -> Probs:
        return logistic(number(slope, logits.dtype) * (probs(logits) - 0.5))

    return relax


def raised_cosine(
    threshold: float | Array = 0.5, width: float | Array = 0.1
) -> Relaxation:
    """Mirror of `costfn.relaxations.raised_cosine`.

    The same arguments, values and errors.
    """
    _check.finite("threshold", threshold)
    _check.positive("width", width)
    probs = softmax()

    def relax(logits: Logits) -> Probs:
        u = probs(logits) - number(threshold, logits.dtype)
        u = u / number(width, logits.dtype)
        inside = jnp.abs(u) < 1
        safe = jnp.where(inside, u, 0.0)
        rise = (1 + safe + jnp.sin(pi * safe) / pi) / 2
        return jnp.where(inside, rise, (u > 0).astype(u.dtype))

    return relax


def piecewise_linear(
    threshold: float | Array = 0.5, delta: float | Array = 0.2
) -> Relaxation:
    """Mirror of `costfn.relaxations.piecewise_linear`.

    The same arguments, values and errors.
    """
    if not isinstance(threshold, Array) and not 0 < threshold < 1:
        raise ValueError(f"threshold must be in (0, 1), got {threshold}")
    if not isinstance(delta, Array) and not 0 < delta < 0.5:
        raise ValueError(f"delta must be in (0, 1/2), got {delta}")
    probs = softmax()

    def relax(logits: Logits) -> Probs:
        p = probs(logits)
        t, d = jnp.asarray(threshold, p.dtype), number(delta, p.dtype)
        m = jnp.minimum(t, 1 - t)
        low = p * d / (t - m / 2)
        middle = 0.5 + (p - t) * (1 - 2 * d) / m
        high = 1 - (1 - p) * d / (1 - t - m / 2)
        upper = jnp.where(p > t + m / 2, high, middle)
        return jnp.where(p < t - m / 2, low, upper)

    return relax


def straight_through(of: Relaxation | None = None) -> Relaxation:
    """Mirror of `costfn.relaxations.straight_through`.

    The same arguments, values and errors.
    """
    if of is not None and not callable(of):
        raise TypeError(f"of must be a relaxation or None, got {type(of).__name__}")
    soft_decision = softmax() if of is None else of

    def relax(logits: Logits) -> Probs:
        soft = soft_decision(logits)
        hard = _decided(logits).astype(soft.dtype)
        return hard + (soft - stop_gradient(soft))

    return relax


def _decided(logits: Array) -> Array:
    # The first of the highest by two plain reductions: XLA's argmax is slow on the CPU.
    z, classes = stop_gradient(logits), logits.shape[-1]
    highest = z == z.max(-1, keepdims=True)
    first = jnp.where(highest, jnp.arange(classes), classes).min(-1)
    return is_class(first, classes)

"""Losses that wrong labels mislead less than cross entropy, in JAX."""

from math import inf

import jax.numpy as jnp
from jax import Array
from jax.nn import log_softmax

from .._foundation import check
from .._foundation.hidden import bad_target, finished
from .._foundation.math import (
    class_probs,
    cross_entropy,
    is_floating,
    log_complement,
    log_odds,
    log_sigmoid,
    mean_over_classes,
    sigmoid,
    upcast,
)
from .._foundation.options import AT_LEAST_ZERO, Rule, number, typed
from .._foundation.types import Logits, Losses, Target

__all__ = [
    "generalized_cross_entropy_loss",
    "poly_loss",
    "symmetric_cross_entropy_loss",
]

_POWER = Rule("in (0, 1]", lambda q: (q > 0) & (q <= 1))
_COEFFICIENT = Rule("at least -1 and finite", lambda x: (x >= -1) & (x < inf))
_LOGARITHM = Rule("below 0 and finite", lambda x: (-inf < x) & (x < 0))


def generalized_cross_entropy_loss(
    logits: Logits, target: Target, *, q: float | Array = 0.7
) -> Losses:
    """Mirror of `costfn.generalized_cross_entropy_loss`.

    The same arguments, values and errors.
    """
    check.scores("logits", logits)
    check.target(target, logits.shape[:-1], logits.shape[-1])
    z = upcast(logits)
    power = typed(number("q", q, _POWER), z.dtype)
    # Through log(p): p**q has an infinite slope at p = 0.
    if not is_floating(target):
        losses = _one_minus_exp(power * log_sigmoid(log_odds(z, target))) / power
    else:
        of_label = _one_minus_exp(power * log_softmax(z)) / power
        losses = mean_over_classes(class_probs(target, z.shape[-1], z.dtype), of_label)
    return finished(losses, logits, bad_target(target, z.shape[-1]))


def _one_minus_exp(x: Array) -> Array:
    """`1 - exp(x)` for `x` of at most 0, relatively exact with its slope at both ends.

    `1 - exp(x)` cancels near 0; the slope of `expm1(x)` is taken as `expm1(x) + 1`,
    which is 0 where `exp(x)` is small.
    """
    near = x > -0.5
    at_0 = -jnp.expm1(jnp.where(near, x, 0.0))
    return jnp.where(near, at_0, 1 - jnp.exp(jnp.where(near, -1.0, x)))


def symmetric_cross_entropy_loss(
    logits: Logits,
    target: Target,
    *,
    alpha: float | Array = 0.1,
    beta: float | Array = 1.0,
    log_zero: float | Array = -4.0,
) -> Losses:
    """Mirror of `costfn.symmetric_cross_entropy_loss`.

    The same arguments, values and errors.
    """
    check.scores("logits", logits)
    check.target(target, logits.shape[:-1], logits.shape[-1])
    z = upcast(logits)
    forward = typed(number("alpha", alpha, AT_LEAST_ZERO), z.dtype)
    backward = typed(number("beta", beta, AT_LEAST_ZERO), z.dtype)
    least = typed(number("log_zero", log_zero, _LOGARITHM), z.dtype)
    reverse = -least * _missed(z, target)
    losses = forward * cross_entropy(z, target) + backward * reverse
    return finished(losses, logits, bad_target(target, z.shape[-1]))


def poly_loss(
    logits: Logits, target: Target, *, epsilon: float | Array = 1.0
) -> Losses:
    """Mirror of `costfn.poly_loss`: the same arguments, values and errors."""
    check.scores("logits", logits)
    check.target(target, logits.shape[:-1], logits.shape[-1])
    z = upcast(logits)
    added = typed(number("epsilon", epsilon, _COEFFICIENT), z.dtype)
    losses = cross_entropy(z, target) + added * _missed(z, target)
    return finished(losses, logits, bad_target(target, z.shape[-1]))


def _missed(z: Array, target: Array) -> Array:
    """`1 - p_y` from the mass of the others, its mean over the label of soft ones."""
    if not is_floating(target):
        return sigmoid(-log_odds(z, target))
    q = class_probs(target, z.shape[-1], z.dtype)
    return (q * jnp.exp(log_complement(z))).sum(-1)

"""Losses that put the cost of the decision into the objective itself, in JAX."""

from math import factorial
from typing import Literal, get_args

import jax.numpy as jnp
from jax import Array
from jax.lax import stop_gradient
from jax.nn import log_softmax, logsumexp, softmax

from .._foundation import check, check_costs
from .._foundation.hidden import checked_costs, finished
from .._foundation.math import cross_entropy, log1p, log_complement, rows_times_matrix
from .._foundation.options import ABOVE_ZERO, AT_LEAST_ZERO, FINITE, number, typed
from .._foundation.types import (
    CostVectors,
    DecisionCost,
    DecisionLogits,
    Logits,
    Losses,
    SquareCost,
    Target,
)
from .cost_vector import costs_of_decisions

Base = Literal["cross_entropy", "log_cost"]


def expected_cost_loss(
    logits: DecisionLogits,
    target: Target | None,
    cost: DecisionCost | CostVectors,
    *,
    risk: float | Array = 0.0,
) -> Losses:
    """Mirror of `costfn.expected_cost_loss`: the same arguments, values and errors."""
    check_costs.decision_problem(logits, target, cost)
    aversion = number("risk", risk, FINITE)
    z, c, invalid = costs_of_decisions(logits, target, cost)
    return finished(_expected_cost(z, c, aversion), logits, invalid)


def _expected_cost(z: Array, c: Array, risk: float | Array) -> Array:
    if isinstance(risk, Array):
        return _learned_risk(z, c, risk.astype(z.dtype))
    return _entropic_mean(z, c, risk) if risk else _mean(z, c)


def _mean(z: Array, c: Array) -> Array:
    # A mean under the softmax, divided once for each example: half the time on the CPU.
    weight = jnp.exp(z - stop_gradient(z).max(-1, keepdims=True))
    return (c * weight).sum(-1) / weight.sum(-1)


def _entropic_mean(z: Array, c: Array, risk: float | Array) -> Array:
    # The difference of two log-sum-exps loses small risks and small costs to rounding;
    # log1p of a mean of expm1 keeps them wherever it neither overflows nor cancels.
    low = stop_gradient(c).min(-1, keepdims=True)
    gain = risk * (c - low)
    moderate = gain.max(-1, keepdims=True) < 30
    mean = _mean(z, jnp.expm1(jnp.where(moderate, gain, 0.0)))
    near = moderate.squeeze(-1) & (mean > -0.5)
    log_mean = jnp.where(
        near,
        log1p(jnp.where(near, mean, 0.0)),
        logsumexp(log_softmax(z) + gain, axis=-1),
    )
    return low.squeeze(-1) + log_mean / risk


def _learned_risk(z: Array, c: Array, risk: Array) -> Array:
    """The entropic mean with its derivative in the risk, at 0 half the variance.

    A quotient by the risk has none at 0. With `d = c - mean` it is
    `mean + risk s g(risk**2 s)`, where `s = sum_j p_j d_j**2 f(risk d_j)`,
    `f(x) = (exp(x) - 1 - x) / x**2` and `g(x) = log(1 + x) / x`: smooth everywhere.
    """
    p = softmax(z)
    mean = (p * c).sum(-1, keepdims=True)
    d = c - mean
    x = risk * d
    near = jnp.abs(stop_gradient(x)).max(-1, keepdims=True) < 1
    s = (p * d * d * _second_remainder(jnp.where(near, x, 0.0))).sum(-1)
    near = near.squeeze(-1)
    smooth = mean.squeeze(-1) + risk * s * _log_quotient(risk * risk * s)
    far = _entropic_mean(z, c, jnp.where(risk == 0, 1.0, risk))
    return jnp.where(near, smooth, far)


def _second_remainder(x: Array) -> Array:
    """`(exp(x) - 1 - x) / x**2` for `abs(x) < 1`, by its power series."""
    total = jnp.zeros_like(x)
    for k in range(18, 1, -1):
        total = total * x + 1 / factorial(k)
    return total


def _log_quotient(x: Array) -> Array:
    """`log(1 + x) / x`, by its power series where the quotient would cancel."""
    near = jnp.abs(stop_gradient(x)) < 0.01
    apart = jnp.where(near, 1.0, x)
    y = jnp.where(near, x, 0.0)
    series = jnp.zeros_like(x)
    for k in range(9, 0, -1):
        series = series * -y + 1 / k
    return jnp.where(near, series, log1p(apart) / apart)


def log_cost_loss(
    logits: DecisionLogits, target: Target | None, cost: DecisionCost | CostVectors
) -> Losses:
    """Mirror of `costfn.log_cost_loss`: the same arguments, values and errors."""
    check_costs.decision_problem(logits, target, cost, non_negative=True)
    z, c, invalid = costs_of_decisions(logits, target, cost, non_negative=True)
    return finished(_log_cost(z, c), logits, invalid)


def _log_cost(z: Array, c: Array) -> Array:
    return -(c * log_complement(z)).sum(-1)


def cost_regularized_loss(
    logits: Logits,
    target: Target,
    cost: SquareCost,
    *,
    base: Base = "cross_entropy",
    strength: float | Array = 1.0,
) -> Losses:
    """Mirror of `costfn.cost_regularized_loss`.

    The same arguments, values and errors.
    """
    check.one_of("base", base, get_args(Base))
    log_base = base == "log_cost"
    check_costs.class_problem(logits, target, cost, non_negative=log_base)
    share = number("strength", strength, AT_LEAST_ZERO)
    z, c, invalid = costs_of_decisions(logits, target, cost, non_negative=log_base)
    of_base = _log_cost(z, c) if log_base else cross_entropy(z, target)
    losses = of_base + typed(share, z.dtype) * _expected_cost(z, c, 0.0)
    return finished(losses, logits, invalid)


def soft_decision_cost_loss(
    logits: Logits,
    target: Target,
    cost: DecisionCost,
    *,
    temperature: float | Array,
) -> Losses:
    """Mirror of `costfn.soft_decision_cost_loss`.

    The same arguments, values and errors.
    """
    check_costs.class_problem(logits, target, cost, square=False)
    softness = number("temperature", temperature, ABOVE_ZERO)
    z, c, invalid = costs_of_decisions(logits, target, cost)
    expected = rows_times_matrix(softmax(z), checked_costs(cost, z.dtype))
    decision = softmax(-expected / typed(softness, z.dtype))
    return finished((decision * c).sum(-1), logits, invalid)

"""Losses that put the cost of the decision into the objective itself, in JAX."""

from typing import Literal, get_args

import jax.numpy as jnp
from jax import Array
from jax.lax import stop_gradient
from jax.nn import log_softmax, logsumexp, softmax

from . import _check
from ._cost_vector import select_costs
from ._math import (
    cross_entropy,
    log1p,
    log_complement,
    non_negative,
    number,
    times,
    upcast,
)
from ._types import (
    CostVectors,
    DecisionCost,
    DecisionLogits,
    Logits,
    Losses,
    SquareCost,
    Target,
)

Base = Literal["cross_entropy", "log_cost"]


def expected_cost_loss(
    logits: DecisionLogits,
    target: Target | None,
    cost: DecisionCost | CostVectors,
    *,
    risk: float | Array = 0.0,
) -> Losses:
    """Mirror of `costfn.expected_cost_loss`: the same arguments, values and errors."""
    _check.decision_problem(logits, target, cost)
    _check.finite("risk", risk)
    z, c = _prepare(logits, target, cost)
    return _expected_cost(z, c, risk).astype(logits.dtype)


def _prepare(logits: Array, target: Array | None, cost: Array) -> tuple[Array, Array]:
    z = upcast(logits)
    costs = cost.astype(z.dtype)
    return z, costs if target is None else select_costs(target, costs)


def _expected_cost(z: Array, c: Array, risk: float | Array) -> Array:
    risk = number(risk, z.dtype)
    if not isinstance(risk, Array):
        return _entropic_mean(z, c, risk) if risk else _mean(z, c)
    none = risk == 0
    entropic = _entropic_mean(z, c, jnp.where(none, 1.0, risk))
    return jnp.where(none, _mean(z, c), entropic)


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


def log_cost_loss(
    logits: DecisionLogits, target: Target | None, cost: DecisionCost | CostVectors
) -> Losses:
    """Mirror of `costfn.log_cost_loss`: the same arguments, values and errors."""
    _check.decision_problem(logits, target, cost, non_negative=True)
    z, c = _prepare(logits, target, non_negative(cost))
    return _log_cost(z, c).astype(logits.dtype)


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
    _check.one_of("base", base, get_args(Base))
    log_base = base == "log_cost"
    _check.class_problem(logits, target, cost, non_negative=log_base)
    _check.at_least_zero("strength", strength)
    z, c = _prepare(logits, target, non_negative(cost) if log_base else cost)
    of_base = _log_cost(z, c) if log_base else cross_entropy(z, target)
    strength = number(strength, z.dtype)
    return (of_base + strength * _expected_cost(z, c, 0.0)).astype(logits.dtype)


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
    _check.class_problem(logits, target, cost, square=False)
    _check.positive("temperature", temperature)
    z, c = _prepare(logits, target, cost)
    expected = times(softmax(z), cost.astype(z.dtype))
    decision = softmax(-expected / number(temperature, z.dtype))
    return (decision * c).sum(-1).astype(logits.dtype)

"""Convex losses of the scores of decisions, in JAX."""

from typing import Literal, get_args

import jax.numpy as jnp
from jax import Array

from .._foundation import check, check_costs
from .._foundation.hidden import finished
from .._foundation.math import centered, relu, softplus
from .._foundation.types import (
    CostVectors,
    DecisionCost,
    DecisionLogits,
    Losses,
    Target,
)
from .cost_vector import costs_of_decisions

__all__ = ["cost_regression_loss", "sum_to_zero_loss"]

Phi = Literal["exp", "softplus", "hinge"]


def cost_regression_loss(
    logits: DecisionLogits,
    target: Target | None,
    cost: DecisionCost | CostVectors,
    *,
    one_sided: bool = False,
    smooth: bool = True,
) -> Losses:
    """Mirror of `costfn.cost_regression_loss`.

    The same arguments, values and errors.
    """
    check_costs.decision_problem(logits, target, cost)
    if not (one_sided or smooth):
        raise ValueError(
            "smooth must be True for the two-sided loss, got False; it chooses between "
            "two forms of the one-sided loss (one_sided=True)"
        )
    z, c, invalid = costs_of_decisions(logits, target, cost)
    error = z - c
    if not one_sided:
        return finished((error * error).sum(-1), logits, invalid)
    cheap = c == c.min(-1, keepdims=True)
    harm = jnp.where(cheap, error, -error)
    losses = (softplus(harm) if smooth else relu(harm)).sum(-1)
    return finished(losses, logits, invalid)


def sum_to_zero_loss(
    logits: DecisionLogits,
    target: Target | None,
    cost: DecisionCost | CostVectors,
    *,
    phi: Phi = "exp",
) -> Losses:
    """Mirror of `costfn.sum_to_zero_loss`: the same arguments, values and errors."""
    check_costs.decision_problem(logits, target, cost, non_negative=True)
    check.one_of("phi", phi, get_args(Phi))
    z, c, invalid = costs_of_decisions(logits, target, cost, non_negative=True)
    z = centered(z)
    # Decisions masked out by -inf take no part: neither in the mean nor in the sum.
    out = z == -jnp.inf
    z = jnp.where(out, 0.0, z)
    number = (~out).astype(z.dtype).sum(-1, keepdims=True)
    s = z - z.sum(-1, keepdims=True) / number
    losses = (jnp.where(out, 0.0, c) * _phi(s, phi, number)).sum(-1)
    return finished(losses, logits, invalid)


def _phi(s: Array, phi: Phi, number: Array) -> Array:
    if phi == "softplus":
        return softplus(s)
    if phi == "hinge":
        return relu(s + 1 / jnp.maximum(number - 1, 1))
    limit = 30.0
    bounded = jnp.where(s > limit, limit, s)
    return jnp.exp(bounded) * (1 + (s - bounded))

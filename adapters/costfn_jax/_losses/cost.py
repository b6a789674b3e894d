"""Losses that put the cost of the decision into the objective itself, in JAX."""

from typing import Literal, get_args

from jax import Array
from jax.nn import softmax

from .._foundation import check, check_costs
from .._foundation.hidden import checked_costs, finished
from .._foundation.math import cross_entropy, log_complement, rows_times_matrix
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
from .entropic_mean import expected_cost

__all__ = [
    "cost_regularized_loss",
    "expected_cost_loss",
    "log_cost_loss",
    "soft_decision_cost_loss",
]

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
    return finished(expected_cost(z, c, aversion), logits, invalid)


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
    losses = of_base + typed(share, z.dtype) * expected_cost(z, c, 0.0)
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

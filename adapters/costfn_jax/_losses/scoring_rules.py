"""Proper scoring rules that reward probability mass that is near, in JAX."""

import jax.numpy as jnp
from jax import Array
from jax.nn import softmax

from .._foundation import check, check_costs
from .._foundation.hidden import bad_target, checked_costs, finished
from .._foundation.math import class_probs, rows_times_matrix, upcast
from .._foundation.types import Logits, Losses, SquareCost, Target
from .cost_vector import select_costs


def energy_cost_loss(logits: Logits, target: Target, cost: SquareCost) -> Losses:
    """Mirror of `costfn.energy_cost_loss`: the same arguments, values and errors."""
    check_costs.class_problem(logits, target, cost)
    z = upcast(logits)
    costs = checked_costs(cost, z.dtype)
    p = softmax(z)
    between = rows_times_matrix(p, costs) / 2
    losses = (p * (select_costs(target, costs) - between)).sum(-1)
    return finished(losses, logits, bad_target(target, z.shape[-1]))


def ranked_probability_loss(logits: Logits, target: Target) -> Losses:
    """Mirror of `costfn.ranked_probability_loss`.

    The same arguments, values and errors.
    """
    check.scores("logits", logits)
    check.target(target, logits.shape[:-1], logits.shape[-1])
    z = upcast(logits)
    p = softmax(z)
    q = class_probs(target, p.shape[-1], p.dtype)
    # F(p) - F(q) as F(p) (1 - F(q)) - (1 - F(p)) F(q): both tails summed from their
    # own end, so that a good prediction keeps its small loss and its gradient.
    below_p, above_p = _tails(p)
    below_q, above_q = _tails(q)
    distance = below_p * above_q - above_p * below_q
    losses = (distance * distance).sum(-1)
    return finished(losses, logits, bad_target(target, z.shape[-1]))


def _tails(p: Array) -> tuple[Array, Array]:
    below = p.cumsum(-1)[..., :-1]
    above = jnp.flip(jnp.flip(p, -1).cumsum(-1), -1)[..., 1:]
    return below, above

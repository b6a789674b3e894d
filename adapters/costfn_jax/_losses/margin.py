"""Losses with margins and regressions in the size of the costs, in JAX."""

from typing import Literal, get_args

import jax.numpy as jnp
from jax import Array

from .._foundation import check, check_costs
from .._foundation.hidden import bad_target, checked_costs, finished
from .._foundation.math import (
    centered,
    class_probs,
    cross_entropy,
    is_floating,
    is_label,
    mean_over_classes,
    never,
    relu,
    softplus,
    upcast,
)
from .._foundation.types import (
    CostVectors,
    DecisionCost,
    DecisionLogits,
    Logits,
    Losses,
    SquareCost,
    Target,
)
from .cost_vector import costs_of_decisions, select_costs

Phi = Literal["exp", "softplus", "hinge"]


def softmax_margin_loss(logits: Logits, target: Target, cost: SquareCost) -> Losses:
    """Mirror of `costfn.softmax_margin_loss`: the same arguments, values and errors."""
    check_costs.class_problem(logits, target, cost)
    z = centered(upcast(logits))
    c = checked_costs(cost, z.dtype)
    if not is_floating(target):
        losses = cross_entropy(z + select_costs(target, c), target)
    else:
        of_label = cross_entropy(*_for_each_label(z, c))
        q = class_probs(target, z.shape[-1], z.dtype)
        losses = mean_over_classes(q, of_label)
    return finished(losses, logits, bad_target(target, z.shape[-1]))


def cost_hinge_loss(logits: Logits, target: Target, cost: SquareCost) -> Losses:
    """Mirror of `costfn.cost_hinge_loss`: the same arguments, values and errors."""
    check_costs.class_problem(logits, target, cost)
    z = centered(upcast(logits))
    c = checked_costs(cost, z.dtype)
    z = jnp.maximum(z, never(z.dtype))
    if not is_floating(target):
        losses = _hinge(z + select_costs(target, c), target)
    else:
        of_label = _hinge(*_for_each_label(z, c))
        q = class_probs(target, z.shape[-1], z.dtype)
        losses = mean_over_classes(q, of_label)
    return finished(losses, logits, bad_target(target, z.shape[-1]))


def _hinge(augmented: Array, labels: Array) -> Array:
    hot = is_label(labels, augmented.shape[-1])
    labelled = jnp.where(hot, augmented, 0.0).sum(-1, keepdims=True)
    return (augmented - labelled).max(-1)


def _for_each_label(z: Array, c: Array) -> tuple[Array, Array]:
    """Augmented scores `(*batch, classes, classes)`, one row for each label."""
    augmented = z[..., None, :] + c
    labels = jnp.arange(z.shape[-1])
    return augmented, jnp.broadcast_to(labels, augmented.shape[:-1])


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

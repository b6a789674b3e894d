"""Losses with margins and regressions in the size of the costs, in JAX."""

from typing import Literal, get_args

import jax.numpy as jnp
from jax import Array

from . import _check
from ._cost_vector import select_costs
from ._math import (
    class_probs,
    cross_entropy,
    is_floating,
    non_negative,
    relu,
    softplus,
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

Phi = Literal["exp", "softplus", "hinge"]


def softmax_margin_loss(logits: Logits, target: Target, cost: SquareCost) -> Losses:
    """Mirror of `costfn.softmax_margin_loss`: the same arguments, values and errors."""
    _check.class_problem(logits, target, cost)
    z = upcast(logits)
    c = cost.astype(z.dtype)
    if not is_floating(target):
        augmented = z + select_costs(target, c)
        return cross_entropy(augmented, target).astype(logits.dtype)
    of_label = cross_entropy(*_for_each_label(z, c))
    return _mean_over_labels(of_label, target).astype(logits.dtype)


def cost_hinge_loss(logits: Logits, target: Target, cost: SquareCost) -> Losses:
    """Mirror of `costfn.cost_hinge_loss`: the same arguments, values and errors."""
    _check.class_problem(logits, target, cost)
    z = upcast(logits)
    c = cost.astype(z.dtype)
    if not is_floating(target):
        return _hinge(z + select_costs(target, c), target).astype(logits.dtype)
    of_label = _hinge(*_for_each_label(z, c))
    return _mean_over_labels(of_label, target).astype(logits.dtype)


def _hinge(augmented: Array, labels: Array) -> Array:
    hot = class_probs(labels, augmented.shape[-1], augmented.dtype)
    labelled = (augmented * hot).sum(-1, keepdims=True)
    return (augmented - labelled).max(-1)


def _for_each_label(z: Array, c: Array) -> tuple[Array, Array]:
    """Augmented scores `(*batch, classes, classes)`, one row for each label."""
    augmented = z[..., None, :] + c
    labels = jnp.arange(z.shape[-1])
    return augmented, jnp.broadcast_to(labels, augmented.shape[:-1])


def _mean_over_labels(of_label: Array, target: Array) -> Array:
    q = class_probs(target, of_label.shape[-1], of_label.dtype)
    return (q * of_label).sum(-1)


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
    _check.decision_problem(logits, target, cost)
    if not (one_sided or smooth):
        raise ValueError(
            "smooth must be True for the two-sided loss, got False; it chooses between "
            "two forms of the one-sided loss (one_sided=True)"
        )
    z = upcast(logits)
    c = cost.astype(z.dtype)
    c = c if target is None else select_costs(target, c)
    error = z - c
    if not one_sided:
        return (error * error).sum(-1).astype(logits.dtype)
    cheap = c == c.min(-1, keepdims=True)
    harm = jnp.where(cheap, error, -error)
    return (softplus(harm) if smooth else relu(harm)).sum(-1).astype(logits.dtype)


def sum_to_zero_loss(
    logits: DecisionLogits,
    target: Target | None,
    cost: DecisionCost | CostVectors,
    *,
    phi: Phi = "exp",
) -> Losses:
    """Mirror of `costfn.sum_to_zero_loss`: the same arguments, values and errors."""
    _check.decision_problem(logits, target, cost, non_negative=True)
    _check.one_of("phi", phi, get_args(Phi))
    z = upcast(logits)
    c = non_negative(cost).astype(z.dtype)
    c = c if target is None else select_costs(target, c)
    s = z - z.mean(-1, keepdims=True)
    return (c * _phi(s, phi)).sum(-1).astype(logits.dtype)


def _phi(s: Array, phi: Phi) -> Array:
    if phi == "softplus":
        return softplus(s)
    if phi == "hinge":
        return relu(s + 1 / (s.shape[-1] - 1))
    limit = 30.0
    bounded = jnp.where(s > limit, limit, s)
    return jnp.exp(bounded) * (1 + (s - bounded))

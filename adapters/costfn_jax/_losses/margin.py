"""Losses with margins in the size of the costs, in JAX."""

import jax.numpy as jnp
from jax import Array

from .._foundation import check_costs
from .._foundation.hidden import bad_target, checked_costs, finished
from .._foundation.math import (
    centered,
    class_probs,
    cross_entropy,
    is_floating,
    is_label,
    mean_over_classes,
    never,
    upcast,
)
from .._foundation.types import Logits, Losses, SquareCost, Target
from .cost_vector import select_costs

__all__ = ["cost_hinge_loss", "softmax_margin_loss"]


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

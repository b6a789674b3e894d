"""What each decision costs an example, in JAX."""

import jax.numpy as jnp
from jax import Array

from . import _check
from ._arrays import ArrayLike, as_array
from ._hidden import bad_target, checked_costs, poisoned
from ._math import (
    class_probs,
    floating,
    is_class,
    is_floating,
    rows,
    safe_labels,
    times,
)
from ._types import CostVectors, DecisionCost, Target


def cost_vector(
    target: Target | ArrayLike, cost: DecisionCost | ArrayLike
) -> CostVectors:
    """Mirror of `costfn.costs.cost_vector`: the same arguments, values and errors."""
    target, cost = as_array("target", target), as_array("cost", cost)
    soft = is_floating(target)
    batch = target.shape[:-1] if soft else target.shape
    _check.cost_matrix("cost", cost, batch=batch)
    _check.target(target, batch, cost.shape[-2])
    costs = select_costs(target, checked_costs(cost, floating(cost).dtype))
    invalid = bad_target(target, cost.shape[-2])
    return costs if invalid is None else poisoned(costs, invalid[..., None])


def select_costs(target: Array, cost: Array) -> Array:
    """`cost_vector` of arguments already checked; a bad label has some row."""
    classes = cost.shape[-2]
    if is_floating(target):
        return times(class_probs(target, classes, cost.dtype), cost)
    index = safe_labels(target, classes)
    if cost.ndim == 2:
        return rows(cost, index)
    return jnp.where(is_class(index, classes)[..., None], cost, 0).sum(-2)

"""What each decision costs an example, in JAX."""

import jax.numpy as jnp
from jax import Array

from .._foundation import check, check_costs
from .._foundation.arrays import ArrayLike, as_arrays
from .._foundation.hidden import bad_target, checked_costs, own_costs, poisoned
from .._foundation.math import (
    class_probs,
    floating,
    is_class,
    is_floating,
    rows,
    rows_times_matrix,
    safe_labels,
    upcast,
)
from .._foundation.types import CostVectors, DecisionCost, Target


def cost_vector(
    target: Target | ArrayLike, cost: DecisionCost | ArrayLike
) -> CostVectors:
    """Mirror of `costfn.costs.cost_vector`: the same arguments, values and errors."""
    y, c = as_arrays(target=target, cost=cost)
    batch = y.shape[:-1] if is_floating(y) else y.shape
    check_costs.cost_matrix("cost", c, batch=batch)
    check.target(y, batch, c.shape[-2])
    costs = select_costs(y, checked_costs(c, floating(c).dtype))
    invalid = bad_target(y, c.shape[-2])
    return costs if invalid is None else poisoned(costs, invalid[..., None])


def select_costs(target: Array, cost: Array) -> Array:
    """`cost_vector` of arguments already checked; a bad label has some row."""
    classes = cost.shape[-2]
    if is_floating(target):
        return rows_times_matrix(class_probs(target, classes, cost.dtype), cost)
    index = safe_labels(target, classes)
    if cost.ndim == 2:
        return rows(cost, index)
    return jnp.where(is_class(index, classes)[..., None], cost, 0).sum(-2)


def costs_of_decisions(
    logits: Array, target: Array | None, cost: Array, *, non_negative: bool = False
) -> tuple[Array, Array, Array | None]:
    """The logits upcast, a cost vector for each example, and where these are bad."""
    z = upcast(logits)
    costs = checked_costs(cost, z.dtype, non_negative=non_negative)
    if target is None:
        return z, *own_costs(costs, cost, None)
    row, invalid = select_costs(target, costs), bad_target(target, cost.shape[-2])
    return z, *(own_costs(row, cost, invalid) if cost.ndim > 2 else (row, invalid))

"""Cost matrices: build them, combine them with targets, in JAX.

`cost[i, j]` is the cost of deciding `j` when the truth is `i`.
"""

from collections.abc import Sequence

import jax.numpy as jnp
from jax import Array
from jax.lax import fori_loop

from . import _check
from ._cost_vector import cost_vector
from ._diagnosis import Diagnosis, diagnose
from ._math import floating
from ._options import ABOVE_ZERO, FINITE, number, typed
from ._types import DecisionMatrix, Matrix, PerClass, WiderMatrix

__all__ = [
    "Diagnosis",
    "cost_vector",
    "diagnose",
    "from_hierarchy",
    "from_utility",
    "from_weights",
    "metric_closure",
    "ordinal",
    "with_abstention",
    "zero_one",
]


def zero_one(classes: int) -> Matrix:
    """Mirror of `costfn.costs.zero_one`: the same arguments, values and errors."""
    _classes(classes)
    return 1 - jnp.eye(classes)


def ordinal(classes: int, power: float = 1.0) -> Matrix:
    """Mirror of `costfn.costs.ordinal`: the same arguments, values and errors."""
    _classes(classes)
    exponent = number("power", power, ABOVE_ZERO)
    rank = jnp.arange(classes, dtype=jnp.result_type(float))
    return jnp.abs(rank[:, None] - rank) ** typed(exponent, rank.dtype)


def from_weights(weights: PerClass) -> Matrix:
    """Mirror of `costfn.costs.from_weights`: the same arguments, values and errors."""
    _check.per_class("weights", weights)
    _check.cost_values("weights", weights, non_negative=True)
    wide = floating(weights)
    return wide[:, None] * (1 - jnp.eye(len(wide), dtype=wide.dtype))


def from_hierarchy(paths: Sequence[Sequence[str]]) -> Matrix:
    """Mirror of `costfn.costs.from_hierarchy`.

    The same arguments, values and errors.
    """
    classes = [tuple(path) for path in paths]
    _classes(len(classes))
    nodes = {path[:depth] for path in classes for depth in range(len(path))}
    for path in classes:
        if not path or path in nodes:
            raise ValueError(
                "paths must lead to leaves, each named once from the root down, got "
                f"{path} which is empty or on the way to another class"
            )
        if classes.count(path) > 1:
            raise ValueError(f"paths must be distinct, got {path} twice")
    height = {
        node: max(len(p) - len(node) for p in classes if p[: len(node)] == node)
        for node in nodes
    }
    return jnp.array(
        [
            [0.0 if a == b else float(height[_meeting(a, b)]) for b in classes]
            for a in classes
        ]
    )


def _meeting(a: tuple[str, ...], b: tuple[str, ...]) -> tuple[str, ...]:
    shared = 0
    while a[shared] == b[shared]:
        shared += 1
    return a[:shared]


def from_utility(utility: DecisionMatrix) -> DecisionMatrix:
    """Mirror of `costfn.costs.from_utility`: the same arguments, values and errors."""
    _check.cost_matrix("utility", utility)
    gains = floating(utility)
    return gains.max(-1, keepdims=True) - gains


def metric_closure(cost: Matrix) -> Matrix:
    """Mirror of `costfn.costs.metric_closure`.

    The same arguments, values and errors.
    """
    _check.cost_matrix("cost", cost, non_negative=True)
    _check.cost_matrix("cost", cost, classes=cost.shape[-1])
    seen = _check.visible(cost)
    if seen is not None and seen.diagonal().any():
        raise ValueError(
            f"cost must be 0 on its diagonal, got {seen.diagonal().tolist()}"
        )
    closure: Array = fori_loop(0, len(cost), _by_way_of, floating(cost))
    return closure


def _by_way_of(k: int | Array, closure: Array) -> Array:
    return jnp.minimum(closure, closure[:, k][:, None] + closure[k])


def with_abstention(cost: DecisionMatrix, price: float | Array) -> WiderMatrix:
    """Mirror of `costfn.costs.with_abstention`.

    The same arguments, values and errors.
    """
    _check.cost_matrix("cost", cost)
    extra = number("price", price, FINITE)
    wide = floating(cost)
    column = jnp.zeros_like(wide[:, :1]) + typed(extra, wide.dtype)
    return jnp.concatenate([wide, column], -1)


def _classes(classes: int) -> None:
    if classes < 2:
        raise ValueError(f"classes must be at least 2, got {classes}")

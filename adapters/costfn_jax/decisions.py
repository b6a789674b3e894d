"""From probabilities and costs to decisions, outside the graph, in JAX."""

from collections.abc import Callable
from functools import partial
from math import ceil, sqrt
from numbers import Integral
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.lax import scan, stop_gradient, while_loop

from ._foundation import check, check_costs
from ._foundation.arrays import ArrayLike, as_array, as_arrays
from ._foundation.calibration import calibrate_temperature
from ._foundation.hidden import bad_target, checked_costs, poisoned
from ._foundation.math import (
    cast_back,
    floating,
    is_floating,
    rows_times_matrix,
    upcast,
)
from ._foundation.types import CostVectors, DecisionCost, DecisionMatrix, Labels, Probs
from ._metrics.duality import cost_of
from .confusion import confusion_matrix
from .costs import with_abstention

__all__ = [
    "PlugIn",
    "abstain",
    "calibrate_temperature",
    "expected_costs",
    "minimum_cost_decision",
    "plug_in_decision",
]


def expected_costs(
    probs: Probs | ArrayLike, cost: DecisionCost | ArrayLike
) -> CostVectors:
    """Mirror of `costfn.decisions.expected_costs`.

    The same arguments, values and errors.
    """
    p, c = _problem(probs, cost)
    # Costs may be too large for the dtype of the probabilities.
    wide = jnp.promote_types(upcast(p).dtype, floating(c).dtype)
    expected = rows_times_matrix(p.astype(wide), checked_costs(c, wide))
    return cast_back(poisoned(expected, _bad_rows(p)), p)


def _problem(probs: object, cost: object) -> tuple[Array, Array]:
    """Probabilities and costs as arrays, checked."""
    p, c = as_arrays(probs=probs, cost=cost)
    check.probs("probs", p)
    check_costs.cost_matrix("cost", c, classes=p.shape[-1], batch=p.shape[:-1])
    return p, c


def _bad_rows(probs: Array) -> Array | None:
    invalid = bad_target(probs, probs.shape[-1])
    return None if invalid is None else invalid[..., None]


def minimum_cost_decision(
    probs: Probs | ArrayLike, cost: DecisionCost | ArrayLike
) -> Labels:
    """Mirror of `costfn.decisions.minimum_cost_decision`.

    The same arguments, values and errors; decisions in JAX's default integer dtype.
    """
    p, c = _problem(probs, cost)
    return _cheapest(stop_gradient(p), stop_gradient(c))


def _cheapest(probs: Array, cost: Array) -> Array:
    wide = jnp.promote_types(upcast(probs).dtype, jnp.result_type(float))
    # What each decision costs more than the best one. Costs are divided by 4, so that
    # no difference overflows; this changes no decision. Rounding is then relative to
    # the differences, which decide, and not to the costs.
    c = checked_costs(cost, wide) / 4
    classes = c.shape[-2]
    block = max(32, ceil(sqrt(classes)))
    expected = _in_blocks(probs.astype(wide), c - c.min(-1, keepdims=True), block)
    regret = poisoned(expected, _bad_rows(probs))
    least = regret.min(-1, keepdims=True)
    given = max(
        float(jnp.finfo(upcast(x).dtype).eps) for x in (probs, cost) if is_floating(x)
    )
    # The numbers that came are rounded themselves, and their sum at every addition.
    additions = block + classes / block
    rounding = 4 * given + 2 * additions * float(jnp.finfo(wide).eps)
    # Probabilities can be negative by rounding, and then regrets are negative too.
    tie = regret - least <= rounding * jnp.abs(least)
    return jnp.where(jnp.isnan(least[..., 0]), -1, tie.argmax(-1))


# A loop is compiled at every call, unless by `jit`, which keeps what it compiled.
@partial(jax.jit, static_argnames="block")
def _in_blocks(probs: Array, cost: Array, block: int) -> Array:
    """Rows times a matrix, in blocks of classes.

    A thousand float32 numbers added one by one are so far off that decisions would
    count as equal that are not.
    """
    classes, blocks = cost.shape[-2], -(-cost.shape[-2] // block)
    if blocks == 1:
        return rows_times_matrix(probs, cost)
    rest = (0, blocks * block - classes)
    p = jnp.pad(probs, [(0, 0)] * (probs.ndim - 1) + [rest])
    c = jnp.pad(cost, [(0, 0)] * (cost.ndim - 2) + [rest, (0, 0)])
    p = jnp.moveaxis(p.reshape(*p.shape[:-1], blocks, block), -2, 0)
    c = jnp.moveaxis(c.reshape(*c.shape[:-2], blocks, block, c.shape[-1]), -3, 0)

    def add(total: Array, part: tuple[Array, Array]) -> tuple[Array, None]:
        return total + rows_times_matrix(*part), None

    total, _ = scan(add, jnp.zeros_like(rows_times_matrix(p[0], c[0])), (p, c))
    return total


def abstain(
    probs: Probs | ArrayLike, cost: DecisionMatrix | ArrayLike, *, price: float | Array
) -> Labels:
    """Mirror of `costfn.decisions.abstain`: the same arguments, values and errors."""
    p, c = _problem(probs, cost)
    # In the wider dtype of the two: in the narrower one the price would be rounded.
    wide = jnp.promote_types(floating(c).dtype, p.dtype)
    wider = with_abstention(c.astype(wide), price)
    return _cheapest(stop_gradient(p), stop_gradient(wider))


class PlugIn(NamedTuple):
    """Mirror of `costfn.decisions.PlugIn`; the last two are arrays of no axes."""

    decisions: Array
    cost: Array
    iterations: Array
    converged: Array


class _State(NamedTuple):
    decided: Array
    matrix: Array  # that of `decided`, or a mixture where the last step went too far
    mixed: Array
    cost: Array
    best: Array
    highest: Array
    steps: Array
    converged: Array


def plug_in_decision(
    probs: Probs | ArrayLike, metric: Callable[..., Array], *, iterations: int = 50
) -> PlugIn:
    """Mirror of `costfn.decisions.plug_in_decision`.

    The same arguments, values and errors, in JAX's default floating dtype.
    """
    probs = as_array("probs", probs)
    check.probs("probs", probs)
    if probs.ndim != 2:
        raise ValueError(f"probs must be (examples, classes), got shape {probs.shape}")
    if not callable(metric):
        raise TypeError(f"metric must be callable, got {type(metric).__name__}")
    if isinstance(iterations, bool) or not isinstance(iterations, Integral):
        raise TypeError(
            f"iterations must be an integer, got {type(iterations).__name__}"
        )
    if iterations < 1:
        raise ValueError(f"iterations must be at least 1, got {iterations}")
    classes = probs.shape[-1]
    p = stop_gradient(probs).astype(jnp.result_type(float))
    # Rows of half precision sum to 1 only roughly; here that would not be accepted.
    p = poisoned(p / p.sum(-1, keepdims=True), _bad_rows(probs))

    def count(decided: Array) -> Array:
        return confusion_matrix(decided, p, classes=classes)

    def unfinished(state: _State) -> Array:
        return ~state.converged & (state.steps < iterations)

    def step(state: _State) -> _State:
        cost = cost_of(metric, state.matrix)
        after = minimum_cost_decision(p, cost)
        same = (after == state.decided).all()
        matrix = count(after)
        value = metric(matrix)
        better = value > state.highest
        mixed = ~same & ~better
        return _State(
            decided=after,
            matrix=jnp.where(mixed, (state.matrix + matrix) / 2, matrix),
            mixed=mixed,
            cost=cost,
            best=jnp.where(better, after, state.best),
            highest=jnp.where(better, value, state.highest),
            steps=state.steps + 1,
            converged=same & ~state.mixed,
        )

    decided = p.argmax(-1)
    matrix = count(decided)
    highest = metric(matrix)
    if highest.shape:
        raise ValueError(f"metric must give a scalar, got shape {highest.shape}")
    start = _State(
        decided=decided,
        matrix=matrix,
        mixed=jnp.array(False),
        cost=jnp.zeros_like(matrix),
        best=decided,
        highest=highest,
        steps=jnp.array(0),
        converged=jnp.array(False),
    )
    end = while_loop(unfinished, step, start)
    best = jnp.where(end.converged, end.decided, end.best)
    own = jnp.where(end.converged, end.cost, cost_of(metric, count(end.best)))
    return PlugIn(best, own, end.steps, end.converged)

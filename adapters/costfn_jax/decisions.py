"""From probabilities and costs to decisions, outside the graph, in JAX."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.lax import fori_loop, stop_gradient, while_loop
from jax.nn import softmax

from . import _check
from ._duality import cost_of
from ._hidden import bad_target, poisoned
from ._math import class_probs, is_label, times, upcast
from ._types import (
    CostVectors,
    DecisionCost,
    DecisionMatrix,
    Labels,
    Logits,
    Probs,
)
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


def expected_costs(probs: Probs, cost: DecisionCost) -> CostVectors:
    """Mirror of `costfn.decisions.expected_costs`.

    The same arguments, values and errors.
    """
    return _expected_costs(probs, cost).astype(probs.dtype)


def _expected_costs(probs: Array, cost: Array) -> Array:
    _check.probs("probs", probs)
    batch, classes = probs.shape[:-1], probs.shape[-1]
    _check.cost_matrix("cost", cost, classes=classes, batch=batch)
    p = upcast(probs)
    return times(p, cost.astype(p.dtype))


def minimum_cost_decision(probs: Probs, cost: DecisionCost) -> Labels:
    """Mirror of `costfn.decisions.minimum_cost_decision`.

    The same arguments, values and errors; decisions in JAX's default integer dtype.
    """
    return _expected_costs(probs, cost).argmin(-1)


def abstain(probs: Probs, cost: DecisionMatrix, *, price: float | Array) -> Labels:
    """Mirror of `costfn.decisions.abstain`: the same arguments, values and errors."""
    return minimum_cost_decision(probs, with_abstention(cost, price))


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
    probs: Probs, metric: Callable[..., Array], *, iterations: int = 50
) -> PlugIn:
    """Mirror of `costfn.decisions.plug_in_decision`.

    The same arguments, values and errors, in JAX's default floating dtype.
    """
    _check.probs("probs", probs)
    if probs.ndim != 2:
        raise ValueError(f"probs must be (examples, classes), got shape {probs.shape}")
    if iterations < 1:
        raise ValueError(f"iterations must be at least 1, got {iterations}")
    classes = probs.shape[-1]
    p = class_probs(stop_gradient(probs), classes, jnp.result_type(float))
    # What half precision left of a sum of 1 would be no probabilities here.
    p = p / p.sum(-1, keepdims=True)

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


def calibrate_temperature(logits: Logits, labels: Labels) -> Array:
    """Mirror of `costfn.decisions.calibrate_temperature`.

    The same arguments, values and errors; NaN for a bad logit that `jit` hides.
    """
    _check.scores("logits", logits)
    _check.labels("labels", labels, logits.shape[:-1], logits.shape[-1])
    if not labels.size:
        raise ValueError("labels must hold at least one example, got none")
    z = stop_gradient(logits).astype(jnp.result_type(float))
    seen = _check.visible(z)
    if seen is not None and not np.isfinite(seen).all():
        raise ValueError("logits must be finite, got NaN or infinity")
    z = z - z.max(-1, keepdims=True)
    labelled = jnp.where(is_label(labels, z.shape[-1]), z, 0.0)
    gaps = z - poisoned(labelled.sum(-1), bad_target(labels, z.shape[-1]))[..., None]
    temperature: Array = _fitting_temperature(z, gaps)
    return temperature.astype(logits.dtype)


# A loop is compiled at every call, unless by `jit`, which keeps what it compiled.
@jax.jit
def _fitting_temperature(z: Array, gaps: Array) -> Array:
    def halve(_: Any, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = ends
        middle = (low + high) / 2
        # The derivative as one mean: two that nearly cancel would need float64.
        too_sharp = (softmax(z * 10**middle) * gaps).sum(-1).mean() > 0
        return jnp.where(too_sharp, low, middle), jnp.where(too_sharp, middle, high)

    ends = jnp.asarray(-3.0, z.dtype), jnp.asarray(3.0, z.dtype)
    low, high = fori_loop(0, 60, halve, ends)  # log10 of the inverse
    return poisoned(10 ** -((low + high) / 2), ~jnp.isfinite(gaps).all())

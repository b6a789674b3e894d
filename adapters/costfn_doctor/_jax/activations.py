"""Softmax or sigmoid of what already went through one of them.

A jaxpr knows no softmax: it is exp, a sum and a division. So each value that comes
from an activation is marked. The exponential of a marked value that is then summed
is another softmax; with log1p it is another sigmoid.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .._method.inputs import simplex_axis
from .._method.report import Finding, Severity, finding
from .._method.source import Source
from .._method.thresholds import LARGEST_NORMALISED
from .interpreter import Step, evaluate
from .tracer import distinct

# They leave probabilities as they are, or subtract their maximum, as softmax does.
PASSES = {"reduce_max", "max", "sub", "neg", "abs", "stop_gradient"}
PASSES |= {"broadcast_in_dim", "reshape", "squeeze", "expand_dims", "transpose"}
PASSES |= {"convert_element_type", "clamp", "slice", "copy"}
SIGMOIDS = {"logistic", "logaddexp", "softplus"}


class Squashed(NamedTuple):
    """Values between 0 and 1: their activation, the smallest and the largest."""

    by: str
    low: float
    high: float


def double_activations(
    closed: Any, arguments: Sequence[Any], source: Source
) -> Iterator[Finding]:
    """Findings about activations that follow each other on the prediction."""
    kept: list[Any] = []  # so that no other value gets the id of one that is gone
    live: set[int] = set()
    squashed: dict[int, Squashed] = {}
    grown: dict[int, Squashed] = {}  # exponentials of such values
    found: dict[tuple[Any, str], Finding] = {}

    def hook(step: Step, inputs: Sequence[Any], results: Sequence[Any]) -> Any:
        results = [distinct(result, inputs) for result in results]
        kept.extend(results)
        arrays = [value for value in inputs if isinstance(value, jax.Array)]
        numbers = [id(value) for value in arrays]
        if live.isdisjoint(numbers) or not results:
            return results
        live.update(map(id, results))
        name = step.name
        if name == "custom_jvp_call":
            inner = step.equation.params["call_jaxpr"].jaxpr
            name = str(inner.debug_info.func_name)
        first = numbers[0]
        origin = squashed.get(first)
        if name == "exp" and origin:
            grown[id(results[0])] = origin
        elif name in SIGMOIDS and origin:
            note(step, "sigmoid", origin)
        elif name in ("reduce_sum", "log1p") and first in grown:
            note(step, "softmax" if name == "reduce_sum" else "sigmoid", grown[first])
        elif name == "select_n" and not squashed.keys().isdisjoint(numbers):
            squashed[id(results[0])] = next(
                squashed[n] for n in numbers if n in squashed
            )
        elif name in PASSES and origin and all(n in squashed for n in numbers):
            squashed[id(results[0])] = origin
        if name == "logistic":
            squashed[id(results[0])] = _squashed("sigmoid", results[0])
        elif name == "div" and _is_softmax(results[0]):
            squashed[id(results[0])] = _squashed("softmax", results[0])
        return results

    def note(step: Step, what: str, origin: Squashed) -> None:
        given = origin.by == "given"
        severity: Severity = "warning" if given else "error"
        given_what = (
            "the prediction, whose rows are probabilities"
            if given
            else f"what already went through {origin.by}"
        )
        found.setdefault(
            (step.at, what),
            finding(
                severity,
                "DOUBLE_ACTIVATION",
                f"{what} is applied to {given_what}",
                step.at,
                evidence={"smallest input": origin.low, "largest": origin.high},
            ),
        )

    given = [jnp.array(value) for value in arguments]
    live.add(id(given[0]))
    if _is_softmax(given[0]):
        squashed[id(given[0])] = _squashed("given", given[0])
    evaluate(closed, given, hook, source)
    yield from found.values()


def _squashed(by: str, value: Any) -> Squashed:
    return Squashed(by, float(jnp.min(value)), float(jnp.max(value)))


def _is_softmax(value: Any) -> bool:
    """Whether each row holds a distribution without 0 and 1, as after a softmax."""
    if value.ndim < 2 or not 1 < value.size <= LARGEST_NORMALISED:
        return False
    if not jnp.issubdtype(value.dtype, jnp.floating):
        return False
    array = np.asarray(value, dtype=float)
    strict = bool(((array > 0) & (array < 1)).all())
    return strict and simplex_axis(array, start=1) is not None

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
GIVEN = "given"
"""Origin of probabilities that the caller passed as the prediction."""


class Squashed(NamedTuple):
    """Values between 0 and 1: their activation, the smallest and the largest."""

    by: str
    low: float
    high: float


def double_activations(
    closed: Any, arguments: Sequence[Any], source: Source
) -> Iterator[Finding]:
    """Findings about activations that follow each other on the prediction."""
    given = [jnp.array(value) for value in arguments]
    marks = _Marks(given[0])
    evaluate(closed, given, marks, source)
    yield from marks.found.values()


class _Marks:
    """Marks values that come from an activation; sees each operation of a jaxpr."""

    def __init__(self, prediction: Any) -> None:
        self.found: dict[tuple[Any, str], Finding] = {}
        self._kept: list[Any] = []  # so that no other value gets the id of one gone
        self._live = {id(prediction)}
        self._squashed: dict[int, Squashed] = {}
        self._exponentials: dict[int, Squashed] = {}  # of marked values
        if _is_softmax(prediction):
            self._squashed[id(prediction)] = _squashed(GIVEN, prediction)

    def __call__(
        self, step: Step, inputs: Sequence[Any], results: Sequence[Any]
    ) -> Sequence[Any]:
        """See an operation; what it returns are its results."""
        results = [distinct(result, inputs) for result in results]
        self._kept.extend(results)
        numbers = [id(value) for value in inputs if isinstance(value, jax.Array)]
        if results and not self._live.isdisjoint(numbers):
            self._live.update(map(id, results))
            name = _name(step)
            self._look_for_second(step, name, numbers)
            self._mark(name, numbers, results[0])
        return results

    def _look_for_second(self, step: Step, name: str, numbers: list[int]) -> None:
        """Report an operation that is a part of an activation of a marked value."""
        origin = self._squashed.get(numbers[0])
        exponential = self._exponentials.get(numbers[0])
        if name in SIGMOIDS and origin:
            self._report(step, "sigmoid", origin)
        elif name == "log1p" and exponential:
            self._report(step, "sigmoid", exponential)
        elif name == "reduce_sum" and exponential:
            self._report(step, "softmax", exponential)

    def _mark(self, name: str, numbers: list[int], result: Any) -> None:
        """Mark the result of an activation, or of a step that keeps the mark."""
        marked = [self._squashed[n] for n in numbers if n in self._squashed]
        is_kept = name in PASSES and len(marked) == len(numbers)
        origin = self._squashed.get(numbers[0])
        if name == "exp" and origin:
            self._exponentials[id(result)] = origin
        elif marked and (name == "select_n" or is_kept):
            self._squashed[id(result)] = marked[0]
        elif name == "logistic":
            self._squashed[id(result)] = _squashed("sigmoid", result)
        elif name == "div" and _is_softmax(result):
            self._squashed[id(result)] = _squashed("softmax", result)

    def _report(self, step: Step, what: str, origin: Squashed) -> None:
        severity: Severity = "error"
        of = f"what already went through {origin.by}"
        if origin.by == GIVEN:
            # Scores may look like probabilities by chance.
            severity, of = "warning", "the prediction, whose rows are probabilities"
        found = finding(
            severity,
            "DOUBLE_ACTIVATION",
            f"{what} is applied to {of}",
            step.at,
            evidence={"smallest input": origin.low, "largest": origin.high},
        )
        self.found.setdefault((step.at, what), found)


def _name(step: Step) -> str:
    """Name of an operation, or of the function that has a derivative of its own."""
    if step.name != "custom_jvp_call":
        return step.name
    return str(step.equation.params["call_jaxpr"].jaxpr.debug_info.func_name)


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

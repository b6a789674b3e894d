"""Reads from a jaxpr what a loss does and where its gradient ends."""

import copy
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._method.source import Source
from .._method.subject import Frozen
from .._method.trace import Cut, Op, Site, Trace
from .interpreter import Step, evaluate

FLAT = {"round", "floor", "ceil", "sign"}
SUMS = {"add", "sub", "neg", "add_any", "reshape", "broadcast_in_dim", "squeeze"}
SUMS |= {"slice", "transpose", "concatenate", "copy", "expand_dims", "gather"}
LOOK_UPS = {"gather", "dynamic_slice"}


class Tracer:
    """Runs a jaxpr and records every result, or replaces some of them.

    Args:
        closed: The jaxpr, of the prediction and perhaps the target.
        source: Tells the user's code from libraries.
        compiled: Compile each kind of run once, to call it many times.
    """

    def __init__(self, closed: Any, source: Source, *, compiled: bool) -> None:
        self.closed, self.source = closed, source
        self._wrap: Callable[..., Any] = jax.jit if compiled else lambda f: f
        self._all = self._wrap(self._everything)
        self._template = Trace()
        self._replays: dict[Any, Callable[..., Any]] = {}

    def record(self, arguments: Sequence[Any]) -> Trace:
        """The trace of one evaluation, with its numbers."""
        values = self._all(*arguments)
        made = copy.deepcopy(self._template)
        for op, results in zip(made.ops, values, strict=True):
            op.values = [_as_double(result) for result in results]
            if op.site in made.cuts:
                made.cuts[op.site].recorded.append(list(results))
        return made

    def _everything(self, *arguments: Any) -> list[list[Any]]:
        """Results of all operations.

        What the operations are does not depend on the numbers: it goes into the
        template while JAX traces this function, and `record` adds the numbers.
        """
        trace = self._template = Trace()
        numbers: dict[int, int] = {}
        kept: list[Any] = []  # so that no other value gets the id of one that is gone

        def number(value: Any) -> int:
            if id(value) not in numbers:
                numbers[id(value)] = len(kept)
                kept.append(value)
            return numbers[id(value)]

        given = [jnp.array(value) for value in arguments]
        trace.prediction = number(given[0])
        trace.target = tuple(map(number, given[1:]))
        alive = {trace.prediction}
        everything: list[list[Any]] = []

        def hook(step: Step, inputs: Sequence[Any], results: Sequence[Any]) -> Any:
            results = [distinct(result, inputs) for result in results]
            arrays = [value for value in inputs if isinstance(value, jax.Array)]
            reads = tuple(map(number, arrays))
            live = not alive.isdisjoint(reads)
            site = Site(step.at, step.name, step.path)
            op = Op(
                step.name,
                step.at,
                reads,
                tuple(map(number, results)),
                site,
                live,
                additive=step.name in SUMS,
                reads_table=step.name in LOOK_UPS and arrays[0].ndim >= 2,
                discards=step.name == "select_n",
                divides=step.name == "div",
            )
            trace.ops.append(op)
            everything.append(list(results))
            if live:
                cause = cause_of(step, results)
                if cause is None:
                    alive.update(op.outputs)
                else:
                    cut = Cut(site, cause, inputs=[*reads], outputs=[*op.outputs])
                    trace.cuts[site] = cut
            return results

        (result, *_) = evaluate(self.closed, given, hook, self.source)
        trace.result = number(result)
        return everything

    def replay(self, arguments: Sequence[Any], frozen: Frozen, gradient: bool) -> Any:
        """Value, and gradient, with recorded numbers at the frozen sites."""
        held = {site.path: values[0] for site, values in frozen.items() if values}
        paths = tuple(sorted(held))
        if (paths, gradient) not in self._replays:

            def function(prediction: Any, rest: Any, given: Any) -> Any:
                values = dict(zip(paths, given, strict=True))

                def hook(step: Step, inputs: Sequence[Any], results: Any) -> Any:
                    return values.get(step.path, results)

                whole = [prediction, *rest]
                return evaluate(self.closed, whole, hook, self.source)[0]

            run = jax.value_and_grad(function) if gradient else function
            self._replays[paths, gradient] = self._wrap(run)
        first, *rest = arguments
        given = [held[path] for path in paths]
        return self._replays[paths, gradient](first, rest, given)


def distinct(result: Any, inputs: Sequence[Any]) -> Any:
    """A result with an id of its own, even if it is one of the inputs unchanged."""
    return jnp.array(result) if any(result is value for value in inputs) else result


def _as_double(value: Any) -> Any:
    if jnp.issubdtype(value.dtype, jax.dtypes.extended):
        return np.zeros(0)
    return np.asarray(value, dtype=float)


def cause_of(step: Step, results: Sequence[Any]) -> str | None:
    """Why no gradient passes through an operation, or None if one does."""
    if step.name == "stop_gradient":
        return "DETACH"
    if step.name in FLAT:
        return "PIECEWISE_CONST"
    if any(jnp.issubdtype(value.dtype, jnp.inexact) for value in results):
        return None
    if step.name == "convert_element_type":
        return "INT_CAST"
    boolean = results[0].dtype == jnp.bool_
    return "HARD_THRESHOLD" if boolean else "INDEX_OP"


def first_not_finite(
    closed: Any, arguments: Sequence[Any], source: Source
) -> tuple[Any, Step] | None:
    """First operation that makes a number that is not finite of finite ones."""
    found: list[tuple[Any, Step]] = []

    def finite(values: Sequence[Any]) -> bool:
        return all(
            bool(jnp.isfinite(value).all())
            for value in map(jnp.asarray, values)
            if jnp.issubdtype(value.dtype, jnp.inexact)
        )

    def hook(step: Step, inputs: Sequence[Any], results: Sequence[Any]) -> Any:
        if not found and not finite(results) and finite(inputs):
            found.append((inputs, step))
        return results

    evaluate(closed, arguments, hook, source)
    return found[0] if found else None

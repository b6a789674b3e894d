"""Reads from a jaxpr what the loss does and where its gradient ends."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from costfn_doctor._source import Source
from costfn_doctor._subject import Frozen
from costfn_doctor._trace import Cut, Op, Site, Trace

from ._interpreter import Step, evaluate

STEPS = {"round", "floor", "ceil", "sign"}
SUMS = {"add", "sub", "neg", "add_any", "reshape", "broadcast_in_dim", "squeeze"}
SUMS |= {"slice", "transpose", "concatenate", "copy", "expand_dims", "gather"}
LOOK_UPS = {"gather", "dynamic_slice"}


class Tracer:
    """Evaluates a jaxpr and records it; each result has a number."""

    def __init__(self, closed: Any, source: Source) -> None:
        self.closed, self.source = closed, source

    def record(self, arguments: Sequence[Any], live: Sequence[bool]) -> Trace:
        """The trace of one evaluation on real numbers."""
        trace = Trace()
        numbers: dict[int, int] = {}
        kept: list[Any] = []
        alive: set[int] = set()

        def number(value: Any) -> int:
            if id(value) not in numbers:
                numbers[id(value)] = len(kept)
                kept.append(value)
            return numbers[id(value)]

        given = [jnp.array(value) for value in arguments]
        for value, is_live in zip(given, live, strict=True):
            if is_live:
                alive.add(number(value))
        trace.prediction = number(given[0])
        trace.target = tuple(number(value) for value in given[1:])

        def hook(step: Step, inputs: Sequence[Any], results: Sequence[Any]) -> Any:
            results = [_distinct(result, inputs) for result in results]
            arrays = [value for value in inputs if isinstance(value, jax.Array)]
            reads = tuple(map(number, arrays))
            flows = not alive.isdisjoint(reads)
            op = Op(
                step.name,
                step.at,
                reads,
                tuple(map(number, results)),
                Site(step.at, step.name, step.path),
                flows,
                additive=step.name in SUMS,
                looks_up=step.name in LOOK_UPS and arrays[0].ndim >= 2,
                selects=step.name == "select_n",
                divides=step.name == "div",
                values=[_double(result) for result in results],
            )
            trace.ops.append(op)
            if flows:
                cause = cause_of(step, inputs, results)
                if cause is None:
                    alive.update(op.outputs)
                elif op.site is not None:
                    cut = trace.cuts.setdefault(op.site, Cut(op.site, cause))
                    cut.recorded.append(list(results))
                    cut.inputs += op.inputs
                    cut.outputs += op.outputs
            return results

        (result, *_) = evaluate(self.closed, given, hook, self.source)
        trace.result = number(result)
        return trace

    def replayed(self, arguments: Sequence[Any], frozen: Frozen) -> Any:
        """Result with recorded numbers at the frozen sites."""
        held = {site.path: values[0] for site, values in frozen.items() if values}

        def hook(step: Step, inputs: Sequence[Any], results: Sequence[Any]) -> Any:
            return held.get(step.path, results)

        return evaluate(self.closed, arguments, hook, self.source)[0]


def _distinct(result: Any, inputs: Sequence[Any]) -> Any:
    """A result with an identity of its own, though it may be an input unchanged."""
    return jnp.array(result) if any(result is value for value in inputs) else result


def _double(value: Any) -> Any:
    if jnp.issubdtype(value.dtype, jax.dtypes.extended):
        return np.zeros(0)
    return np.asarray(value, dtype=float)


def cause_of(step: Step, inputs: Sequence[Any], results: Sequence[Any]) -> str | None:
    """Why no gradient passes an operation, or None if one does."""
    if step.name == "stop_gradient":
        return "DETACH"
    if step.name in STEPS:
        return "PIECEWISE_CONST"
    if any(jnp.issubdtype(value.dtype, jnp.inexact) for value in results):
        return None
    if step.name == "convert_element_type":
        return "INT_CAST"
    boolean = results[0].dtype == jnp.bool_
    return "HARD_THRESHOLD" if boolean else "INDEX_OP"


def first_bad(
    closed: Any, arguments: Sequence[Any], source: Source
) -> tuple[Any, Step] | None:
    """First operation that makes numbers that are not finite of finite ones."""
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

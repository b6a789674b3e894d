"""Shapes such as (N, 1) and (N,) that broadcast to (N, N) by accident."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from torch import Tensor

from .._method.report import Finding, Severity, finding
from .._method.thresholds import BROADCAST_CHANGES
from .._method.trace import Array
from . import operations
from .calls import Call
from .evaluation import Evaluation, Evaluator


def broadcasts(
    evaluator: Evaluator, found: Evaluation, prediction: Array, target: Any
) -> Iterator[Finding]:
    """Calls whose two operands have as many entries, but make a larger result.

    The loss is run again with both operands in one shape: a different value is the
    evidence. A rule by shapes alone made most of the false errors on other libraries,
    because all pairs of scores are often compared on purpose.
    """
    trace = found.tracer.trace
    of_prediction = trace.reached([trace.prediction])
    of_target = trace.reached(trace.target)
    shaped: set[int] = set()
    for call in found.tracer.calls:
        op = call.op
        # The shape of an index says nothing about the purpose of the shape.
        data = op.inputs[:1] if call.name in operations.GATHERS else op.inputs
        if _makes_axes(call) or not shaped.isdisjoint(data):
            shaped.update(op.outputs)
        pair = _operands(call)
        if pair is None or not (of_prediction | of_target).issuperset(op.inputs):
            continue
        severity: Severity | None = "error"
        if not shaped.isdisjoint(op.inputs):
            numbers = [found.tracer.number(operand) for operand in pair]
            sides = [(n in of_prediction, n in of_target) for n in numbers]
            severity = _severity_if_shaped(call, sides)
        joint = _larger_shape(call, *pair)
        if severity is None or joint is None:
            continue
        aligned = evaluator.evaluate(prediction, target, aligned=op.site).run.value
        value = found.run.value
        change = abs(aligned - value)
        if math.isfinite(change) and change > BROADCAST_CHANGES * abs(value):
            shapes = " against ".join(str(tuple(operand.shape)) for operand in pair)
            yield finding(
                severity,
                "BROADCAST",
                f"{shapes} becomes {joint} in {call.name}",
                call.at,
                evidence={"loss": value, "in one shape": aligned},
            )


def _severity_if_shaped(call: Call, sides: list[tuple[bool, bool]]) -> Severity | None:
    """Severity where the code itself made an axis of an operand, perhaps on purpose.

    Nothing is reported unless prediction meets target, for all pairs of predictions
    are a common idea. In a loss of torch it is an error: that compares entry by entry.
    """
    if sorted(sides) != [(False, True), (True, False)]:
        return None
    return "error" if call.op.is_loss else "warning"


def _operands(call: Call) -> tuple[Tensor, Tensor] | None:
    pair = [*call.args, call.kwargs.get("target")][:2]
    if len(pair) == 2 and all(isinstance(part, Tensor) for part in pair):
        return pair[0], pair[1]
    return None


def _larger_shape(call: Call, a: Tensor, b: Tensor) -> tuple[int, ...] | None:
    """Shape to which operands of as many entries and unlike ranks broadcast."""
    if a.dim() == b.dim() or a.numel() != b.numel() or a.numel() < 2:
        return None
    try:
        joint = tuple(np.broadcast_shapes(a.shape, b.shape))
    except ValueError:
        return None
    result = call.result
    used = isinstance(result, Tensor) and tuple(result.shape) in (joint, ())
    return joint if used and math.prod(joint) > a.numel() else None


def _makes_axes(call: Call) -> bool:
    """Whether a call makes axes on purpose."""
    if call.name in operations.SHAPING or call.kwargs.get("keepdim"):
        return True
    if call.name in ("view", "reshape"):
        return isinstance(call.result, Tensor) and call.result.dim() >= 2
    if call.name == "__getitem__":
        index = call.args[1] if isinstance(call.args[1], tuple) else (call.args[1],)
        return any(part is None for part in index)
    return False

"""Softmax or sigmoid of what already went through one of them."""

from collections.abc import Iterator
from typing import Any

from torch import Tensor

from .._method.inputs import simplex_axis
from .._method.report import Finding, Severity, finding
from .._method.thresholds import (
    LARGEST_NORMALISED,
    NEAR_ONE,
    NEAR_ZERO,
    SMALLEST_SCALE,
    WIDE_SPREAD,
)
from .._method.trace import Array
from . import operations
from .calls import Call
from .evaluation import Evaluation, Evaluator

GIVEN = "given"
"""Origin of probabilities that the caller passed as the prediction."""


def double_activations(
    evaluator: Evaluator, found: Evaluation, prediction: Array
) -> Iterator[Finding]:
    """Calls that apply an activation to values that already went through one.

    Each value that comes from an activation carries the name of it, through views
    and clamps. A function of the user's own counts as a softmax if its rows sum to
    one.
    """
    trace = found.tracer.trace
    origins: dict[int, str] = {}
    rows = evaluator.kind is None and simplex_axis(prediction) is not None
    if evaluator.kind == "prob" or rows:
        origins[trace.prediction] = GIVEN
    for call in found.tracer.calls:
        op = call.op
        if not op.inputs:
            continue
        origin = origins.get(op.inputs[0])
        if origin and op.live and _activates(call.name):
            yield _doubled(call, origin, certain=evaluator.kind == "prob")
        name = call.name if call.name in operations.SQUASHES else None
        if name is None and origin and call.name in operations.VIEWS | {"clamp"}:
            name = origin
        if name is None and op.live and _has_normalised_rows(call.result):
            name = call.name
        if name is not None:
            origins |= dict.fromkeys(op.outputs, name)


def _activates(name: str) -> bool:
    return (
        name in operations.SQUASHES | operations.LOG_SQUASHES | operations.TAKES_LOGITS
    )


def _doubled(call: Call, origin: str, *, certain: bool) -> Finding:
    value = operations.tensors_in((call.args, call.kwargs))[0].detach()
    severity: Severity = "error"
    what = f"what already went through {origin}"
    if origin == GIVEN:
        severity = "error" if certain else "warning"
        what = "the prediction, which are probabilities"
    return finding(
        severity,
        "DOUBLE_ACTIVATION",
        f"{call.name} is applied to {what}",
        call.at,
        evidence={"smallest input": float(value.min()), "largest": float(value.max())},
    )


def squashed_logits(
    evaluator: Evaluator, found: Evaluation, prediction: Array, target: Any
) -> Iterator[Finding]:
    """Losses of logits whose input stays between 0 and 1 for any prediction.

    The loss runs once more with predictions so large that a sigmoid comes near both 0
    and 1. A similarity such as exp(-d) comes near 0 alone, and is no error.
    """
    if prediction.min() >= 0 and prediction.max() <= 1:
        return
    spread = max(float(prediction.std()), SMALLEST_SCALE)
    far = evaluator.evaluate(prediction * (WIDE_SPREAD / spread), target, record=True)
    derived = found.tracer.trace.reached([found.tracer.trace.prediction])
    for call, other in zip(found.tracer.calls, far.tracer.calls, strict=False):
        op = call.op
        if call.name not in operations.TAKES_LOGITS or call.name != other.name:
            continue
        values = [operations.tensors_in((c.args, c.kwargs))[0] for c in (call, other)]
        values = [value.detach() for value in values]
        low = min(float(value.min()) for value in values)
        high = max(float(value.max()) for value in values)
        wide = values[1]
        both_ends = float(wide.min()) < NEAR_ZERO and float(wide.max()) > NEAR_ONE
        if op.live and op.inputs[0] in derived and low >= 0 and high <= 1 and both_ends:
            yield finding(
                "error",
                "DOUBLE_ACTIVATION",
                f"{call.name} expects logits, but gets numbers between 0 and 1",
                call.at,
                evidence={"smallest input": low, "largest": high},
            )


def _has_normalised_rows(result: Any) -> bool:
    """Whether each row of a result holds a distribution, as after a softmax."""
    if not isinstance(result, Tensor) or operations.is_wrapped(result):
        return False
    if result.dim() < 2 or not result.is_floating_point():
        return False
    if not 1 < result.numel() <= LARGEST_NORMALISED:
        return False
    array = result.detach().double().cpu().numpy()
    strict = ((array > 0) & (array < 1)).all()
    return bool(strict) and simplex_axis(array, start=1) is not None

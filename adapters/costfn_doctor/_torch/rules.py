"""Rules about single calls, by where their arguments come from."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from .._method.inputs import simplex_axis
from .._method.report import Finding, Severity, finding
from .._method.trace import Array
from . import operations
from .tracer import Call

if TYPE_CHECKING:
    from .subject import Evaluation, TorchSubject


def findings(subject: TorchSubject, prediction: Array, target: Any) -> list[Finding]:
    """Findings of every rule on one recorded run."""
    found = subject.evaluate(prediction, target, record=True)
    return [
        *_grad_mode(subject, found, prediction, target),
        *_broadcasts(subject, found, prediction, target),
        *_activations(subject, found, prediction),
        *_bounded(subject, found, prediction, target),
        *_input_kinds(found),
        *_swapped(found),
    ]


def _grad_mode(
    subject: TorchSubject, found: Evaluation, prediction: Any, target: Any
) -> Iterator[Finding]:
    """Gradients are still switched on when the loss returns."""
    if not found.grad_mode:
        at = subject.line_that_changes("grad mode", prediction, target)
        text = "the loss returns with gradients switched off for everything after it"
        yield finding("error", "NO_GRAD", text, at)


def _operands(call: Call) -> tuple[Tensor, Tensor] | None:
    pair = [*call.args, call.kwargs.get("target")][:2]
    if len(pair) == 2 and all(isinstance(part, Tensor) for part in pair):
        return pair[0], pair[1]
    return None


def _broadcasts(
    subject: TorchSubject, found: Evaluation, prediction: Any, target: Any
) -> Iterator[Finding]:
    """Two operands of as many entries and unlike ranks make a larger result.

    The loss is run again with both in one shape: if its value differs, that is the
    evidence. Where the code itself shaped an operand it may be on purpose, as all
    pairs of scores are: then it is an error in a loss of torch, a guess between
    prediction and target, and nothing where both are of one of the two.
    """
    tracer = found.tracer
    of_prediction = tracer.trace.reached([tracer.trace.prediction])
    of_target = tracer.trace.reached(tracer.trace.target)
    derived = of_prediction | of_target
    shaped: set[int] = set()
    for call in tracer.calls:
        op = call.op
        # The shape of an index says nothing of a purpose.
        data = op.inputs[:1] if call.name in operations.GATHERS else op.inputs
        if _shapes(call) or not shaped.isdisjoint(data):
            shaped.update(op.outputs)
        pair = _operands(call)
        if pair is None:
            continue
        a, b = pair
        severity: Severity = "error"
        if not shaped.isdisjoint(op.inputs):
            sides = [
                (n in of_prediction, n in of_target) for n in map(tracer.number, pair)
            ]
            if sorted(sides) != [(False, True), (True, False)]:
                continue
            severity = "error" if op.compares else "warning"
        if a.dim() == b.dim() or a.numel() != b.numel() or a.numel() < 2:
            continue
        try:
            joint = np.broadcast_shapes(a.shape, b.shape)
        except ValueError:
            continue
        enlarged = math.prod(joint) > a.numel()
        made = isinstance(call.result, Tensor) and tuple(call.result.shape) in (
            joint,
            (),
        )
        if not (enlarged and made and derived.issuperset(op.inputs)):
            continue
        other = subject.evaluate(prediction, target, aligned=op.site).run
        change = abs(other.value - found.run.value)
        if math.isfinite(change) and change > 1e-6 * abs(found.run.value):
            shapes = f"{tuple(a.shape)} against {tuple(b.shape)}"
            evidence = {"loss": found.run.value, "in one shape": other.value}
            yield finding(
                severity,
                "BROADCAST",
                f"{shapes} becomes {tuple(joint)} in {call.name}",
                call.at,
                evidence=evidence,
            )


def _shapes(call: Call) -> bool:
    """Whether a call makes axes on purpose."""
    if call.name in operations.SHAPING or call.kwargs.get("keepdim"):
        return True
    if call.name in ("view", "reshape"):
        return isinstance(call.result, Tensor) and call.result.dim() >= 2
    if call.name == "__getitem__":
        index = call.args[1] if isinstance(call.args[1], tuple) else (call.args[1],)
        return any(part is None for part in index)
    return False


def _activations(
    subject: TorchSubject, found: Evaluation, prediction: Any
) -> Iterator[Finding]:
    """What went through softmax or sigmoid goes through another."""
    trace = found.tracer.trace
    squashed: dict[int, str] = {}
    rows = subject.kind is None and simplex_axis(prediction) is not None
    if subject.kind == "prob" or rows:
        squashed[trace.prediction] = "given"
    for call in found.tracer.calls:
        op = call.op
        if not op.inputs:
            continue
        origin = squashed.get(op.inputs[0])
        again = call.name in operations.SQUASHES | operations.LOG_SQUASHES
        if origin and op.live and (again or call.name in operations.TAKES_LOGITS):
            value = operations.tensors_in((call.args, call.kwargs))[0].detach()
            told = origin != "given" or subject.kind == "prob"
            severity: Severity = "error" if told else "warning"
            low, high = float(value.min()), float(value.max())
            what = (
                "the prediction, which are probabilities"
                if origin == "given"
                else (f"what already went through {origin}")
            )
            yield finding(
                severity,
                "DOUBLE_ACTIVATION",
                f"{call.name} is applied to {what}",
                call.at,
                evidence={"smallest input": low, "largest": high},
            )
        name = call.name if call.name in operations.SQUASHES else None
        if name is None and origin and call.name in operations.VIEWS | {"clamp"}:
            name = origin
        if name is None and op.live and _normalised(call.result):
            name = call.name
        if name is not None:
            squashed |= dict.fromkeys(op.outputs, name)


def _bounded(
    subject: TorchSubject, found: Evaluation, prediction: Any, target: Any
) -> Iterator[Finding]:
    """What a loss of logits is given stays between 0 and 1 for any prediction."""
    if prediction.min() >= 0 and prediction.max() <= 1:
        return
    wide = prediction * (30 / max(float(prediction.std()), 1e-6))
    far = subject.evaluate(wide, target, record=True)
    derived = found.tracer.trace.reached([found.tracer.trace.prediction])
    for call, other in zip(found.tracer.calls, far.tracer.calls, strict=False):
        op = call.op
        if call.name not in operations.TAKES_LOGITS or call.name != other.name:
            continue
        values = [operations.tensors_in((c.args, c.kwargs))[0] for c in (call, other)]
        values = [value.detach() for value in values]
        low = min(float(value.min()) for value in values)
        high = max(float(value.max()) for value in values)
        # Both ends are reached by an activation, one by a similarity such as exp(-d).
        ends = float(values[1].min()) < 0.01 and float(values[1].max()) > 0.99
        if op.live and op.inputs[0] in derived and low >= 0 and high <= 1 and ends:
            yield finding(
                "error",
                "DOUBLE_ACTIVATION",
                f"{call.name} expects logits and is given numbers between 0 and 1",
                call.at,
                evidence={"smallest input": low, "largest": high},
            )


def _normalised(result: Any) -> bool:
    """Whether a result holds a distribution in each row, as a softmax would."""
    if (
        not isinstance(result, Tensor)
        or result.dim() < 2
        or operations.is_wrapped(result)
    ):
        return False
    if not result.is_floating_point() or not 1 < result.numel() <= 4096:
        return False
    array = result.detach().double().cpu().numpy()
    strict = ((array > 0) & (array < 1)).all()
    return bool(strict) and simplex_axis(array, start=1) is not None


def _input_kinds(found: Evaluation) -> Iterator[Finding]:
    """kl_div and nll_loss are given log-probabilities."""
    for call in found.tracer.calls:
        if call.name not in operations.TAKES_LOG_PROBS:
            continue
        tensors = operations.tensors_in((call.args, call.kwargs))
        value = tensors[0].detach()
        high = float(value.max()) if value.numel() else 0.0
        if high > 1e-5:
            text = f"{call.name} expects log-probabilities, which are at most 0"
            evidence = {"smallest input": float(value.min()), "largest": high}
            yield finding("error", "WRONG_INPUT_KIND", text, call.at, evidence=evidence)
        elif call.name == "kl_div" and len(tensors) > 1:
            low = float(tensors[1].detach().min())
            if low < -1e-5 and not call.kwargs.get("log_target"):
                text = "kl_div expects probabilities as its target, unless log_target"
                evidence = {"smallest target": low}
                yield finding(
                    "error", "WRONG_INPUT_KIND", text, call.at, evidence=evidence
                )


def _swapped(found: Evaluation) -> Iterator[Finding]:
    """The prediction is not given as the target of an asymmetric loss."""
    derived = found.tracer.trace.reached([found.tracer.trace.prediction])
    for call in found.tracer.calls:
        if call.name not in operations.ASYMMETRIC:
            continue
        given = call.args[0] if call.args else call.kwargs.get("input")
        truth = call.args[1] if len(call.args) > 1 else call.kwargs.get("target")
        if not isinstance(given, Tensor) or not isinstance(truth, Tensor):
            continue
        if operations.is_live(truth) and found.tracer.number(given) not in derived:
            # A KL divergence is meant in either order.
            severity: Severity = "warning" if call.name == "kl_div" else "error"
            text = f"{call.name} receives the prediction as its target"
            yield finding(severity, "ARG_SWAP", text, call.at)

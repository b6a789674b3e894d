"""Findings about single calls of torch, by where their arguments come from."""

from collections.abc import Iterator
from typing import Any

from torch import Tensor

from .._method.report import Finding, Severity, finding
from .._method.thresholds import LOG_PROB_ROUNDING
from .._method.trace import Array
from . import operations
from .activations import double_activations, squashed_logits
from .broadcasts import broadcasts
from .evaluation import Evaluation, Evaluator


def findings(evaluator: Evaluator, prediction: Array, target: Any) -> list[Finding]:
    """Findings of every rule on one recorded run."""
    found = evaluator.evaluate(prediction, target, record=True)
    return [
        *_grad_mode(evaluator, found, prediction, target),
        *broadcasts(evaluator, found, prediction, target),
        *double_activations(evaluator, found, prediction),
        *squashed_logits(evaluator, found, prediction, target),
        *_log_probabilities(found),
        *_swapped(found),
    ]


def _grad_mode(
    evaluator: Evaluator, found: Evaluation, prediction: Array, target: Any
) -> Iterator[Finding]:
    """Gradients are still switched on when the loss returns."""
    if not found.grad_mode:
        at = evaluator.line_that_changes("grad mode", prediction, target)
        text = "the loss switches gradients off, for everything that follows it too"
        yield finding("error", "NO_GRAD", text, at)


def _log_probabilities(found: Evaluation) -> Iterator[Finding]:
    """kl_div and nll_loss are given log-probabilities."""
    for call in found.tracer.calls:
        if call.name not in operations.TAKES_LOG_PROBS:
            continue
        tensors = operations.tensors_in((call.args, call.kwargs))
        value = tensors[0].detach()
        high = float(value.max()) if value.numel() else 0.0
        if high > LOG_PROB_ROUNDING:
            text = f"{call.name} expects log-probabilities, which are at most 0"
            evidence = {"smallest input": float(value.min()), "largest": high}
            yield finding("error", "WRONG_INPUT_KIND", text, call.at, evidence=evidence)
        elif call.name == "kl_div" and len(tensors) > 1:
            low = float(tensors[1].detach().min())
            if low < -LOG_PROB_ROUNDING and not call.kwargs.get("log_target"):
                text = "kl_div expects probabilities as its target, unless log_target"
                evidence = {"smallest target": low}
                yield finding(
                    "error", "WRONG_INPUT_KIND", text, call.at, evidence=evidence
                )


def _swapped(found: Evaluation) -> Iterator[Finding]:
    """The prediction is not given as the target of a loss that is not symmetric."""
    derived = found.tracer.trace.reached([found.tracer.trace.prediction])
    for call in found.tracer.calls:
        if call.name not in operations.ASYMMETRIC:
            continue
        given = call.args[0] if call.args else call.kwargs.get("input")
        truth = call.args[1] if len(call.args) > 1 else call.kwargs.get("target")
        if not isinstance(given, Tensor) or not isinstance(truth, Tensor):
            continue
        if operations.is_live(truth) and found.tracer.number(given) not in derived:
            # Either direction of a KL divergence may be intended.
            severity: Severity = "warning" if call.name == "kl_div" else "error"
            text = f"{call.name} receives the prediction as its target"
            yield finding(severity, "ARG_SWAP", text, call.at)

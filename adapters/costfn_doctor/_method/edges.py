"""Extreme inputs that training can reach, where a derivative may not be finite."""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from .examination import Examination
from .inputs import Inputs, is_binary, is_positive, is_real, one_hot, simplex_axis
from .report import Severity, finding
from .subject import NonFinite, Run
from .thresholds import (
    COLUMNS_HAVE_DOMAINS,
    LARGE_LOGITS,
    NARROW_FROM,
    USUAL_LARGE_LOGIT,
)
from .trace import Array


class Edge(NamedTuple):
    """An extreme input: its name in the report, the input, and how likely it is.

    A far one may lie outside the domain of the loss. What fails there is a warning.
    """

    name: str
    prediction: Array
    target: Any
    far: bool = False


class Domain:
    """What the numbers of a prediction tell about the inputs that the loss takes."""

    def __init__(self, inputs: Inputs) -> None:
        p = inputs.prediction
        self.positive = inputs.kind == "real" and is_positive(p)
        # A column that is always positive may be a variance beside a mean.
        rows = p.ndim > 1 and len(p) >= COLUMNS_HAVE_DOMAINS
        self.mixed = rows and bool((p.min(0) > 0).any())
        # As after tanh, where 1 itself is never reached.
        self.narrow = p.size >= NARROW_FROM and bool(abs(p).max() < 1)


def edges(inputs: Inputs) -> Iterator[Edge]:
    """Extreme inputs; those that training is sure to reach come first."""
    p, t = inputs.prediction, inputs.target
    domain = Domain(inputs)
    yield Edge("the example as given", p, t)
    if is_real(t) and t.shape == p.shape:
        yield Edge("a perfect prediction", t.astype(float), t)
    if inputs.kind == "prob":
        yield from _probabilities(inputs)
    elif inputs.kind == "logprob":
        axis = simplex_axis(np.exp(p)) or -1
        yield Edge("uniform predictions", np.full_like(p, -np.log(p.shape[axis])), t)
    else:
        yield from _constants(inputs, domain)
    yield from _equal_entries(inputs, domain)
    yield from _large(inputs, domain)
    yield from _targets(inputs)


def _constants(inputs: Inputs, domain: Domain) -> Iterator[Edge]:
    p, t = inputs.prediction, inputs.target
    level = float(p.mean()) if domain.positive else 0.0
    yield Edge("a constant prediction", np.full_like(p, level), t, domain.mixed)
    if domain.positive:
        yield Edge("predictions of zero", np.zeros_like(p), t, far=True)
    else:
        signs = np.where(p > 0, 1.0, -1.0)
        far = domain.mixed or domain.narrow
        yield Edge("entries of exactly 1 and -1", signs, t, far)


def _equal_entries(inputs: Inputs, domain: Domain) -> Iterator[Edge]:
    p, t = inputs.prediction, inputs.target
    if p.ndim and len(p) > 1:
        twice = p.copy()
        twice[1] = twice[0]
        yield Edge("two equal samples", twice, t)
    if p.ndim > 1 and inputs.kind in ("real", "logits"):
        same = np.broadcast_to(p[..., :1], p.shape)
        yield Edge("rows of equal entries", same, t, domain.mixed)


def _large(inputs: Inputs, domain: Domain) -> Iterator[Edge]:
    p, t = inputs.prediction, inputs.target
    if inputs.kind not in ("real", "logits") or domain.positive:
        return
    signs = np.where(p > 0, 1.0, -1.0)
    for size in LARGE_LOGITS:
        far = size > USUAL_LARGE_LOGIT or domain.mixed or domain.narrow
        yield Edge(f"predictions of {size} and -{size}", size * signs, t, far)
        yield Edge(f"predictions of -{size} and {size}", -size * signs, t, far)


def _probabilities(inputs: Inputs) -> Iterator[Edge]:
    p, t = inputs.prediction, inputs.target
    axis = simplex_axis(p)
    if axis is not None:
        top = one_hot(p.argmax(axis), p.shape[axis], axis)
        yield Edge("probabilities of exactly 0 and 1", top, t)
        yield Edge("uniform predictions", np.full_like(p, 1 / p.shape[axis]), t)
        return
    yield Edge("a constant prediction", np.full_like(p, 0.5), t)
    hard = (p > 0.5).astype(float)
    yield Edge("probabilities of exactly 0 and 1", hard, t)
    yield Edge("probabilities of exactly 1 and 0", 1 - hard, t)
    if is_binary(t) and t.shape == p.shape:
        yield Edge("wrong probabilities of exactly 0 and 1", 1.0 - t, t)
    yield Edge("probabilities of zero", np.zeros_like(p), t)


def _targets(inputs: Inputs) -> Iterator[Edge]:
    p, t = inputs.prediction, inputs.target
    if not isinstance(t, np.ndarray) or not t.size:
        return
    if is_real(t):
        far = bool((t > 0).all())
        zero = t.copy()
        zero.flat[0] = 0
        yield Edge("a target that contains 0", p, zero, far)
        if not is_binary(t):
            yield Edge("targets all zero", p, np.zeros_like(t), far=True)
    if is_binary(t) and inputs.kind == "prob" and t.shape == p.shape:
        yield Edge("an empty target, predicted correctly", np.zeros_like(p), t * 0)
    if is_binary(t):
        yield Edge("targets all zero", p, np.zeros_like(t), far=True)
        yield Edge("targets all one", p, np.ones_like(t), far=True)
    elif t.dtype.kind in "iu":
        yield Edge("a batch of one class", p, np.full_like(t, t.flat[0]), far=True)
    if t.dtype.kind in "iu" and t.ndim == 1:
        counts = np.unique(t, return_counts=True)[1]
        # If every label occurs equally often, samples may be views of the same thing,
        # and then no label is ever alone.
        paired = bool(counts.min() > 1 and counts.min() == counts.max())
        top = t.max()
        single = np.where(t == top, t.min(), t)
        single[0] = top
        yield Edge("a class with one sample", p, single, paired)


def check_edges(exam: Examination) -> None:
    """Look for NaN and infinity at extreme inputs, and for the line that makes them."""
    tried = failed = 0
    for edge in edges(exam.inputs):
        run = exam.run(edge.prediction, edge.target)
        if run.failure is not None:
            failed += 1
            continue
        tried += 1
        if run.finite:
            continue
        place = exam.subject.non_finite(edge.prediction, edge.target)
        exam.spend()
        if place is not None:
            _report(exam, edge, run, place)
    if failed:
        text = f"{failed} extreme inputs for which the loss raises an error"
        exam.not_checked.append(text)
    if tried and not _reported_causes(exam):
        exam.checked.append(f"finite at {tried} extreme inputs")


def _reported_causes(exam: Examination) -> set[str]:
    """Causes of numbers that are not finite among the findings."""
    causes = {found.cause for found in exam.findings}
    return {cause for cause in causes if cause.startswith(("NAN", "OVER"))}


def _report(exam: Examination, edge: Edge, run: Run, place: NonFinite) -> None:
    cause = _cause(place, math.isfinite(run.value))
    before = _reported_causes(exam)
    if cause in before or (edge.far and before):
        return
    severity: Severity = "warning" if edge.far else "error"
    if math.isfinite(run.value):
        what = f"the gradient is not finite for {edge.name} (loss {run.value:.4g})"
    else:
        what = f"the loss is {run.value} for {edge.name}"
    where = "backward" if place.backward else "forward"
    text = f"{what}; {place.operation} is the first ({where} pass)"
    exam.findings.append(finding(severity, cause, text, place.at))


def _cause(place: NonFinite, finite_value: bool) -> str:
    if finite_value and (place.masked or (place.zero_gradient and place.nan)):
        return "NAN_WHERE"
    if place.divides_by_zero:
        return "NAN_DIV0"
    grows = any(name in place.operation for name in ("exp", "pow", "cosh", "sinh"))
    if grows and place.large and not place.nan and not place.backward:
        return "OVERFLOW"
    return "NAN_SINGULAR"

"""Inputs that training reaches and where a derivative may not be finite."""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from .causes import CAUSES
from .examination import Examination
from .inputs import Inputs, is_binary, is_real, one_hot, simplex_axis
from .report import Severity, finding
from .subject import NonFinite, Run
from .trace import Array


class Edge(NamedTuple):
    """An input at the border of the ordinary."""

    name: str
    prediction: Array
    target: Any
    far: bool = False


def edges(inputs: Inputs) -> Iterator[Edge]:
    """Inputs at the edge, those that training surely reaches first."""
    yield Edge("the example as given", inputs.prediction, inputs.target)
    yield from _of_prediction(inputs)
    yield from _of_target(inputs)


def _of_prediction(inputs: Inputs) -> Iterator[Edge]:
    p, t, kind = inputs.prediction, inputs.target, inputs.kind
    positive = kind == "real" and p.size > 3 and p.min() > 0
    # Columns of another domain, such as a variance beside a mean; or a tanh's range.
    mixed = p.ndim > 1 and len(p) >= 10 and bool((p.min(0) > 0).any())
    narrow = p.size >= 32 and abs(p).max() < 1
    if is_real(t) and t.shape == p.shape:
        yield Edge("a perfect prediction", t.astype(float), t)
    if kind == "prob":
        yield from _of_probabilities(inputs)
    elif kind == "logprob":
        axis = simplex_axis(np.exp(p)) or -1
        yield Edge("uniform predictions", np.full_like(p, -np.log(p.shape[axis])), t)
    else:
        level = float(p.mean()) if positive else 0.0
        yield Edge("a constant prediction", np.full_like(p, level), t, mixed)
        if positive:
            yield Edge("predictions of zero", np.zeros_like(p), t, far=True)
        else:
            signs = np.where(p > 0, 1.0, -1.0)
            yield Edge("entries of exactly 1 and -1", signs, t, mixed or narrow)
    if p.ndim and len(p) > 1:
        q = p.copy()
        q[1] = q[0]
        yield Edge("two equal samples", q, t)
    if p.ndim > 1 and kind in ("real", "logits"):
        same = np.broadcast_to(p[..., :1], p.shape)
        yield Edge("rows of equal entries", same, t, mixed)
    if kind in ("real", "logits") and not positive:
        signs = np.where(p > 0, 1.0, -1.0)
        for size in (30, 100):
            far = size > 30 or mixed or narrow
            yield Edge(f"predictions of {size} and -{size}", size * signs, t, far)
            yield Edge(f"predictions of -{size} and {size}", -size * signs, t, far)


def _of_probabilities(inputs: Inputs) -> Iterator[Edge]:
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
        yield Edge("certain and wrong probabilities", 1.0 - t, t)
    yield Edge("probabilities of zero", np.zeros_like(p), t)


def _of_target(inputs: Inputs) -> Iterator[Edge]:
    p, t = inputs.prediction, inputs.target
    if not isinstance(t, np.ndarray) or not t.size:
        return
    if is_real(t):
        far = bool((t > 0).all())
        zero = t.copy()
        zero.flat[0] = 0
        yield Edge("a target of 0 in it", p, zero, far)
        if not is_binary(t):
            yield Edge("targets all zero", p, np.zeros_like(t), far=True)
    if is_binary(t) and inputs.kind == "prob" and t.shape == p.shape:
        yield Edge("an empty target, rightly predicted", np.zeros_like(p), t * 0)
    if is_binary(t):
        yield Edge("targets all zero", p, np.zeros_like(t), far=True)
        yield Edge("targets all one", p, np.ones_like(t), far=True)
    elif t.dtype.kind in "iu":
        yield Edge("a batch of one class", p, np.full_like(t, t.flat[0]), far=True)
    if t.dtype.kind in "iu" and t.ndim == 1:
        counts = np.unique(t, return_counts=True)[1]
        # As of two views of each sample, where none can be alone.
        paired = bool(counts.min() > 1 and counts.min() == counts.max())
        top = t.max()
        single = np.where(t == top, t.min(), t)
        single[0] = top
        yield Edge("a class with one sample", p, single, paired)


def check_edges(exam: Examination) -> None:
    """NaN and infinity at the edges, and the line where they begin."""
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
        exam.not_checked.append(f"{failed} edges at which the loss raises an error")
    if tried and not _causes(exam):
        exam.checked.append(f"finite at {tried} edges")


def _causes(exam: Examination) -> set[str]:
    """Causes that were found of numbers that are not finite."""
    causes = {found.cause for found in exam.findings}
    return {cause for cause in causes if cause.startswith(("NAN", "OVER"))}


def _report(exam: Examination, edge: Edge, run: Run, place: NonFinite) -> None:
    cause = _cause(place, math.isfinite(run.value))
    before = _causes(exam)
    if cause in before or (edge.far and before):
        return
    severity: Severity = "warning" if edge.far else "error"
    if math.isfinite(run.value):
        what = f"the gradient is not finite for {edge.name} (loss {run.value:.4g})"
    else:
        what = f"the loss is {run.value} for {edge.name}"
    where = "backward" if place.backward else "forward"
    exam.findings.append(
        finding(
            severity,
            cause,
            f"{what}: it begins in {place.operation} ({where})",
            place.at,
            mend=CAUSES[cause].mend,
        )
    )


def _cause(place: NonFinite, finite_value: bool) -> str:
    if finite_value and (place.masked or (place.zero_gradient and place.nan)):
        return "NAN_WHERE"
    if place.divides_by_zero:
        return "NAN_DIV0"
    grows = any(name in place.operation for name in ("exp", "pow", "cosh", "sinh"))
    if grows and place.large and not place.nan and not place.backward:
        return "OVERFLOW"
    return "NAN_SINGULAR"

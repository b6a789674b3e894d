"""Does the gradient point to better predictions, and is there always one?"""

import math

import numpy as np

from .examination import Examination
from .inputs import RIGHT, class_axis, is_binary
from .report import Severity, finding
from .trace import Array

SURE = 25.0


def check_direction(exam: Examination) -> None:
    """Right predictions cost less than wrong ones, and the gradient knows it."""
    pair = exam.inputs.right_and_wrong()
    if pair is None or not exam.trains or not exam.values:
        return
    right, wrong = pair
    inputs = exam.inputs
    size = 1.0 if inputs.kind == "prob" or not inputs.classifies else RIGHT
    size = 1.0 if inputs.ideal is not None else size
    good, bad = exam.value(size * right), exam.value(size * wrong)
    if not (math.isfinite(good) and math.isfinite(bad)):
        return
    low, high = min(exam.values), max(exam.values)
    tolerance = 5 * exam.tolerance
    upside_down = good > high + tolerance and bad < low - tolerance
    if not inputs.classifies:
        # Far from the target is where a reward for being wrong shows.
        upside_down = good > high + tolerance and bad < good - tolerance
    pushes = _pushes(exam)
    if upside_down and (pushes is None or pushes < 1e-3 or not inputs.classifies):
        text = f"right predictions cost {good:.4g}, wrong ones {bad:.4g}"
    elif pushes is not None and pushes <= 1e-4 and not good < low:
        text = "the gradient does not tell positives from negatives"
    else:
        exam.checked.append(f"right costs {good:.3g}, wrong {bad:.3g}")
        return
    told = inputs.told or inputs.ideal is not None
    severity: Severity = "error" if told else "warning"
    exam.findings.append(
        finding(
            severity,
            "WRONG_SIGN",
            text,
            exam.base.trace.last_line(),
            evidence={"right": good, "as given": exam.base.value, "wrong": bad},
        )
    )


def _pushes(exam: Examination) -> float | None:
    """How much more descent raises the scores of the true class than the others.

    The lead of the true class over the rest, relative to the push itself, at the
    prediction where it is largest; None where the target shows no classes.
    """
    p, t = exam.inputs.prediction, exam.inputs.target
    axis = class_axis(p, t)
    if axis is not None:
        true = np.moveaxis(np.eye(p.shape[axis], dtype=bool)[t], -1, axis)
    elif is_binary(t) and t.shape == p.shape:
        true = t > 0.5
    else:
        return None
    leads = []
    for gradient in exam.gradients[:4]:
        up = -gradient
        if np.isfinite(up).all() and (up != 0).any():
            a, b = float(up[true].mean()), float(up[~true].mean())
            leads.append((a - b) / max(abs(a), abs(b), 1e-30))
    return max(leads) if leads else None


def check_saturation(exam: Examination) -> None:
    """A prediction that is wrong gets a gradient, however sure it is."""
    pair = exam.inputs.right_and_wrong()
    if pair is None or not exam.trains or exam.base.gradient is None:
        return
    before = len(exam.findings)
    right, wrong = pair
    usual = float(abs(exam.base.gradient).max())
    if exam.inputs.classifies and exam.inputs.kind in ("logits", "real"):
        _sure_and_wrong(exam, right, wrong, usual)
    if len(exam.findings) == before:
        _flat(exam, RIGHT * right if exam.inputs.kind == "logits" else right)


def _sure_and_wrong(
    exam: Examination, right: Array, wrong: Array, usual: float
) -> None:
    """All wrong and sure of it: does any gradient remain?"""
    far = exam.run(SURE * wrong)
    best = exam.value(SURE * right)
    if far.gradient is None or not math.isfinite(far.value):
        return
    left = float(abs(far.gradient).max()) / max(usual, 1e-30)
    if far.value - best <= 0.01 * max(exam.scale, 1e-6) or left > 1e-5:
        exam.checked.append(f"sure and wrong keeps {left:.2g} of the gradient")
        return
    if not additive(exam):
        exam.checked.append(
            "sure and wrong loses the gradient, as overlap and rank losses do"
        )
        return
    at = exam.subject.vanishing(SURE * wrong, exam.inputs.target)
    exam.findings.append(
        finding(
            "warning",
            "SATURATION",
            "predictions that are wrong and sure get no gradient",
            at,
            evidence={"gradient there": left * usual, "as given": usual},
        )
    )


def additive(exam: Examination) -> bool:
    """Whether the loss is a sum over labelled places: no two of them interact."""
    p, t = exam.inputs.prediction, exam.inputs.target
    axis = class_axis(p, t)
    places = p.shape if axis is None else np.delete(p.shape, axis)
    if np.prod(places) < 2:
        return True
    chosen = np.random.default_rng(3).random(places) < 0.5
    chosen.flat[:2] = True, False
    chosen = chosen if axis is None else np.expand_dims(chosen, axis)
    pair = exam.inputs.right_and_wrong()
    for other in (exam.samples[0], *(pair or ())):
        one, two = np.where(chosen, other, p), np.where(chosen, p, other)
        whole = exam.value(other) + exam.base.value
        change = abs(exam.value(one) + exam.value(two) - whole)
        if not change <= max(1e-4 * exam.movement, 2 * exam.tolerance):
            return False
    return True


def _flat(exam: Examination, better: Array) -> None:
    """Entries without gradient that would lower the loss at their right value."""
    p, gradient = exam.inputs.prediction, exam.base.gradient
    assert gradient is not None
    zero = gradient == 0
    share = float(zero.mean())
    if share <= 0.05:
        return
    there = exam.value(np.where(zero, better, p))
    near = exam.value(np.where(zero, p + 1e-3 * (better - p), p))
    gain = exam.base.value - there
    still = abs(near - exam.base.value) <= 1e-7 * max(exam.scale, 1.0)
    if still and gain > 0.01 * max(abs(exam.base.value), exam.tolerance):
        at = exam.subject.vanishing(p, exam.inputs.target)
        exam.findings.append(
            finding(
                "warning",
                "SATURATION",
                f"{share:.0%} of the prediction has no gradient and would gain by one",
                at,
                evidence={"loss": exam.base.value, "with those right": there},
            )
        )

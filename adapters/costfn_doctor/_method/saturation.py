"""Do wrong predictions get a gradient, however confident they are?"""

import math

import numpy as np

from .examination import Examination
from .inputs import class_axis
from .report import finding
from .thresholds import (
    ADDS_UP,
    CONFIDENT_LOGIT,
    FLAT_SHARE,
    FLAT_STEP,
    FULL_GRADIENT,
    GRADIENT_LEFT,
    RIGHT_LOGIT,
    SMALLEST_PUSH,
    SMALLEST_SCALE,
    STANDS_STILL,
    WORTH_GAINING,
)
from .trace import Array


def check_saturation(exam: Examination) -> None:
    """Wrong predictions get a gradient, however confident they are."""
    pair = exam.inputs.right_and_wrong()
    if pair is None or not exam.trains or exam.base.gradient is None:
        return
    before = len(exam.findings)
    right, wrong = pair
    usual = float(abs(exam.base.gradient).max())
    if exam.inputs.classifies and exam.inputs.kind in ("logits", "real"):
        _check_confident_mistakes(exam, right, wrong, usual)
    if len(exam.findings) == before:
        better = RIGHT_LOGIT * right if exam.inputs.kind == "logits" else right
        _check_flat_entries(exam, better)


def _check_confident_mistakes(
    exam: Examination, right: Array, wrong: Array, usual: float
) -> None:
    """If every prediction is wrong and confident: is any gradient left?"""
    far = exam.run(CONFIDENT_LOGIT * wrong)
    best = exam.value(CONFIDENT_LOGIT * right)
    if far.gradient is None or not math.isfinite(far.value):
        return
    left = float(abs(far.gradient).max()) / max(usual, SMALLEST_PUSH)
    gain = far.value - best
    if gain <= WORTH_GAINING * max(exam.scale, SMALLEST_SCALE) or left > GRADIENT_LEFT:
        share = "the full" if left > FULL_GRADIENT else f"{100 * left:.2g} % of the"
        exam.checked.append(f"confident mistakes keep {share} gradient")
        return
    if not is_additive(exam):
        exam.checked.append(
            "confident mistakes lose the gradient, as in overlap and rank losses"
        )
        return
    at = exam.subject.vanishing(CONFIDENT_LOGIT * wrong, exam.inputs.target)
    exam.findings.append(
        finding(
            "warning",
            "SATURATION",
            "predictions that are wrong and confident get no gradient",
            at,
            evidence={"gradient there": left * usual, "gradient as given": usual},
        )
    )


def is_additive(exam: Examination) -> bool:
    """Whether the loss is a sum over places of the target that do not interact.

    Overlap and rank losses do interact: their gradient vanishes when everything is
    wrong, but comes back when a part is right. To test it, exchange half of the
    places for those of another prediction, then the other half: in a sum the two
    changes together are the change of exchanging all.
    """
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
        rest = abs(exam.value(one) + exam.value(two) - whole)
        if not rest <= max(ADDS_UP * exam.movement, 2 * exam.tolerance):
            return False
    return True


def _check_flat_entries(exam: Examination, better: Array) -> None:
    """Report entries without gradient whose right value would lower the loss.

    A hinge is flat only where nothing is left to gain. A clamp is flat where much is.
    """
    p, gradient = exam.inputs.prediction, exam.base.gradient
    assert gradient is not None
    flat = gradient == 0
    share = float(flat.mean())
    if share <= FLAT_SHARE:
        return
    there = exam.value(np.where(flat, better, p))
    near = exam.value(np.where(flat, p + FLAT_STEP * (better - p), p))
    gain = exam.base.value - there
    still = abs(near - exam.base.value) <= STANDS_STILL * max(exam.scale, 1.0)
    if still and gain > WORTH_GAINING * max(abs(exam.base.value), exam.tolerance):
        at = exam.subject.vanishing(p, exam.inputs.target)
        exam.findings.append(
            finding(
                "warning",
                "SATURATION",
                f"{share:.0%} of the prediction gets no gradient, though better "
                "values there would lower the loss",
                at,
                evidence={"loss": exam.base.value, "with those right": there},
            )
        )

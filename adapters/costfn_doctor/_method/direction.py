"""Does a lower loss mean better predictions?"""

import math

import numpy as np

from .examination import Examination
from .inputs import class_axis, is_binary
from .report import Severity, finding
from .thresholds import (
    GRADIENTS_LOOKED_AT,
    MOVES,
    NO_LEAD,
    RIGHT_LOGIT,
    SLIGHT_LEAD,
    SMALLEST_PUSH,
)


def check_direction(exam: Examination) -> None:
    """Compare the loss of a right and of a wrong prediction, and ask the gradient.

    A loss is upside down if right predictions give more than every prediction tried
    and wrong ones less. The gradient must agree before this is reported: margins
    and regularisers can make one right prediction expensive.
    """
    losses = _right_and_wrong(exam)
    if losses is None:
        return
    right, wrong = losses
    lead = _lead(exam)
    classifies = exam.inputs.classifies
    agrees = lead is None or lead < SLIGHT_LEAD or not classifies
    if _is_upside_down(exam, right, wrong) and agrees:
        text = f"the loss is {right:.4g} when right and {wrong:.4g} when wrong"
    elif lead is not None and lead <= NO_LEAD and not right < min(exam.values):
        text = "the gradient does not tell positives from negatives"
    else:
        exam.checked.append(f"loss {right:.3g} when right, {wrong:.3g} when wrong")
        return
    stated = exam.inputs.kind_given or exam.inputs.ideal is not None
    severity: Severity = "error" if stated else "warning"
    exam.findings.append(
        finding(
            severity,
            "WRONG_SIGN",
            text,
            exam.base.trace.last_line(),
            evidence={"right": right, "as given": exam.base.value, "wrong": wrong},
        )
    )


def _right_and_wrong(exam: Examination) -> tuple[float, float] | None:
    """The loss of a right and of a wrong prediction, where both are finite."""
    inputs = exam.inputs
    pair = inputs.right_and_wrong()
    if pair is None or not exam.trains or not exam.values:
        return None
    scaled = inputs.kind != "prob" and inputs.classifies and inputs.ideal is None
    size = RIGHT_LOGIT if scaled else 1.0
    right, wrong = (exam.value(size * prediction) for prediction in pair)
    return (right, wrong) if math.isfinite(right) and math.isfinite(wrong) else None


def _is_upside_down(exam: Examination, right: float, wrong: float) -> bool:
    # In regression it is enough that the wrong prediction costs less than the right
    # one: a bounded reward for being wrong may show only far from the target.
    least = min(exam.values) if exam.inputs.classifies else right
    tolerance = MOVES * exam.tolerance
    return right > max(exam.values) + tolerance and wrong < least - tolerance


def _lead(exam: Examination) -> float | None:
    """How much more a descent step raises the true scores than the other scores.

    1 if it raises the scores of the true class alone, -1 if the others alone. The
    largest over the predictions tried; None where the target shows no classes.
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
    for gradient in exam.gradients[:GRADIENTS_LOOKED_AT]:
        up = -gradient
        if np.isfinite(up).all() and (up != 0).any():
            a, b = float(up[true].mean()), float(up[~true].mean())
            leads.append((a - b) / max(abs(a), abs(b), SMALLEST_PUSH))
    return max(leads) if leads else None

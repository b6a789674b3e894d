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
    pair = exam.inputs.right_and_wrong()
    if pair is None or not exam.trains or not exam.values:
        return
    right, wrong = pair
    inputs = exam.inputs
    scaled = inputs.kind != "prob" and inputs.classifies and inputs.ideal is None
    size = RIGHT_LOGIT if scaled else 1.0
    good, bad = exam.value(size * right), exam.value(size * wrong)
    if not (math.isfinite(good) and math.isfinite(bad)):
        return
    low, high = min(exam.values), max(exam.values)
    tolerance = MOVES * exam.tolerance
    # In regression it is enough that the wrong prediction costs less than the right
    # one: a bounded reward for being wrong may show only far from the target.
    least = low if inputs.classifies else good
    upside_down = good > high + tolerance and bad < least - tolerance
    lead = _lead(exam)
    if upside_down and (lead is None or lead < SLIGHT_LEAD or not inputs.classifies):
        text = f"the loss is {good:.4g} when right and {bad:.4g} when wrong"
    elif lead is not None and lead <= NO_LEAD and not good < low:
        text = "the gradient does not tell positives from negatives"
    else:
        exam.checked.append(f"loss {good:.3g} when right, {bad:.3g} when wrong")
        return
    stated = inputs.kind_given or inputs.ideal is not None
    severity: Severity = "error" if stated else "warning"
    exam.findings.append(
        finding(
            severity,
            "WRONG_SIGN",
            text,
            exam.base.trace.last_line(),
            evidence={"right": good, "as given": exam.base.value, "wrong": bad},
        )
    )


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

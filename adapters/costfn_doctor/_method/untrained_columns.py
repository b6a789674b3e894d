"""Columns of the prediction that the loss reads and that never get a gradient."""

import numpy as np

from .examination import Examination
from .flow import cause_of
from .report import finding
from .thresholds import EXCHANGES, MOST_COLUMNS


def check_untrained_columns(exam: Examination) -> None:
    """Find a column that changes the loss and never gets a gradient.

    A gate that is thresholded is one: the other columns train and hide it.
    """
    base = exam.base.gradient
    if base is None or base.ndim < 2 or not exam.trains:
        return
    never = np.ones(base.shape, bool)
    for gradient in exam.gradients:
        never &= gradient == 0
    for axis in range(1, base.ndim):
        columns = base.shape[axis] if 1 < base.shape[axis] <= MOST_COLUMNS else 0
        for index in range(columns):
            if never.take(index, axis).all() and _reports(exam, axis, index):
                return


def _reports(exam: Examination, axis: int, index: int) -> bool:
    """Report the cut on which the column depends most, if the column matters."""
    column = [slice(None)] * exam.inputs.prediction.ndim
    column[axis] = slice(index, index + 1)
    where = tuple(column)
    cuts = exam.base.trace.cuts
    worst, largest, moved = None, exam.tolerance, 0.0
    for sample in exam.samples[:EXCHANGES]:
        mixed = exam.inputs.prediction.copy()
        mixed[where] = sample[where]
        free = exam.value(mixed)
        moved = max(moved, abs(free - exam.base.value))
        for site in exam.active_cuts:
            effect = abs(exam.value(mixed, {site: cuts[site].recorded}) - free)
            if effect > largest:
                worst, largest = cuts[site], effect
    if moved <= exam.tolerance or worst is None:
        return False
    cause = cause_of(worst)
    exam.findings.append(
        finding(
            # A detach may be intended: two losses may share out the columns.
            "information" if cause in ("DETACH", "NO_GRAD") else "error",
            cause,
            f"index {index} along axis {axis} of the prediction changes the loss, "
            "but never gets a gradient",
            worst.place,
            evidence={"movement of the loss": moved, "gradient": 0.0},
            chain=worst.chain,
        )
    )
    return True

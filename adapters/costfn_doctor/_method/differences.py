"""Finite differences against the gradient of the framework."""

import math
from dataclasses import dataclass

import numpy as np

from .examination import Examination
from .report import finding
from .subject import Frozen
from .thresholds import (
    DIFFERENCE_POINTS,
    FINE_STEPS,
    LEFT_OUT,
    POINTS_THAT_DISAGREE,
    SLOPE_ERROR_COARSE,
    SLOPE_ERROR_FINE,
    SMALLEST_SLOPE,
    STEPS_AGREE_COARSE,
    STEPS_AGREE_FINE,
    WIDE_STEPS,
)
from .trace import Array


@dataclass(frozen=True)
class Slope:
    """Slope of the loss along a direction, by differences and by the gradient."""

    differences: float
    gradient: float
    precise: bool

    @property
    def error(self) -> float:
        """Difference of the two, relative to the larger."""
        size = max(abs(self.differences), abs(self.gradient), SMALLEST_SLOPE)
        return abs(self.differences - self.gradient) / size

    @property
    def allowed(self) -> float:
        """The error that rounding and curvature can make."""
        return SLOPE_ERROR_FINE if self.precise else SLOPE_ERROR_COARSE


def check_differences(exam: Examination) -> None:
    """The gradient is the slope of the loss, when every cut is frozen in both.

    A detached weight makes a correct gradient differ from the plain slope, because
    the slope follows the weight too. With the cuts frozen the two must be equal: what
    still differs is a backward pass written by hand.
    """
    if not exam.trains:
        return
    worst, unexplained, count = 0.0, [], 0
    explained: Slope | None = None
    points = [exam.inputs.prediction, *exam.samples[: DIFFERENCE_POINTS - 1]]
    for k, point in enumerate(points):
        slopes = _slopes(exam, point, k)
        if slopes is None:
            continue
        count += 1
        free, frozen = slopes
        worst = max(worst, frozen.error)
        if frozen.error > frozen.allowed:
            unexplained.append(frozen)
        elif free.error > LEFT_OUT * free.allowed:
            explained = free
    if len(unexplained) >= POINTS_THAT_DISAGREE:
        _report(exam, unexplained, count)
    elif count:
        exam.checked.append(
            f"finite differences agree at {count} points (error {worst:.1g})"
        )
    if explained is not None and not exam.findings:
        text = "the gradient leaves out a detached part, as it seems on purpose"
        at = next((site.at for site in exam.active_cuts), None)
        evidence = {
            "slope of the value": explained.differences,
            "slope by the gradient": explained.gradient,
        }
        exam.findings.append(
            finding("information", "STRAIGHT_THROUGH", text, at, evidence=evidence)
        )


def _slopes(exam: Examination, point: Array, k: int) -> tuple[Slope, Slope] | None:
    """Slopes of the loss as it is, and with its cuts frozen; None if unreliable."""
    traced = bool(exam.active_cuts)
    double = exam.run(point, double=True, traced=traced)
    precise = double.failure is None and double.gradient is not None
    run = double if precise else exam.run(point, traced=traced)
    if run.gradient is None or not run.finite:
        return None
    direction = np.random.default_rng(k).normal(size=point.shape)
    by_gradient = float(np.sum(run.gradient * direction))
    frozen = {site: cut.recorded for site, cut in run.trace.cuts.items()}
    found = []
    for held in ({}, frozen) if frozen else ({},):
        slope = _difference(exam, point, direction, held, precise)
        if slope is None:
            return None
        found.append(Slope(slope[0], by_gradient, slope[1]))
    return found[0], found[-1]


def _difference(
    exam: Examination, point: Array, direction: Array, frozen: Frozen, precise: bool
) -> tuple[float, bool] | None:
    """Slope by central differences, if two successive step sizes agree on it.

    Small steps come first, in double precision. A loss that computes in single
    precision inside is too noisy for them: their slopes disagree, and wide steps
    follow. The second result says whether small steps found the slope.
    """
    fine_steps = FINE_STEPS if precise else ()
    last = None
    for step in (*fine_steps, *WIDE_STEPS):
        fine = step in fine_steps
        h = step * exam.inputs.spread
        ends = [
            exam.run(
                point + sign * h * direction,
                double=precise,
                frozen=frozen,
                gradient=False,
            ).value
            for sign in (1, -1)
        ]
        slope = (ends[0] - ends[1]) / (2 * h)
        if not math.isfinite(slope):
            return None
        if last is not None:
            size = max(abs(slope), abs(last), SMALLEST_SLOPE)
            agree = STEPS_AGREE_FINE if fine else STEPS_AGREE_COARSE
            if abs(slope - last) <= agree * size:
                return slope, fine
        last = slope
    return None


def _report(exam: Examination, slopes: list[Slope], count: int) -> None:
    """Name the backward pass written by hand, or say at least that slopes differ."""
    found = exam.subject.backward_findings(exam.inputs.prediction, exam.inputs.target)
    if found:
        exam.findings.extend(found)
        return
    worst = max(slopes, key=lambda slope: slope.error)
    text = f"the gradient is not the slope of the loss at {len(slopes)} of "
    exam.findings.append(
        finding(
            "warning",
            "WRONG_BACKWARD",
            f"{text}{count} points",
            evidence={
                "slope by differences": worst.differences,
                "slope by the gradient": worst.gradient,
            },
        )
    )

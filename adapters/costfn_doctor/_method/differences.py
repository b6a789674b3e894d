"""Finite differences against automatic differentiation."""

import math
from dataclasses import dataclass

import numpy as np

from .examination import Examination
from .report import finding
from .subject import Frozen
from .trace import Array

POINTS = 4


@dataclass(frozen=True)
class Slope:
    """Slope of the loss at a point along a direction, by both ways."""

    differences: float
    automatic: float
    precise: bool

    @property
    def error(self) -> float:
        """Difference relative to the larger."""
        size = max(abs(self.differences), abs(self.automatic), 1e-7)
        return abs(self.differences - self.automatic) / size

    @property
    def allowed(self) -> float:
        """The error that rounding and curvature may make."""
        return 2e-3 if self.precise else 5e-2


def check_differences(exam: Examination) -> None:
    """The gradient is that of the loss, with all cuts frozen in both."""
    if not exam.trains:
        return
    worst, unexplained, count = 0.0, [], 0
    explained: Slope | None = None
    for k, point in enumerate([exam.inputs.prediction, *exam.samples[: POINTS - 1]]):
        slopes = _slopes(exam, point, k)
        if slopes is None:
            continue
        count += 1
        free, frozen = slopes
        worst = max(worst, frozen.error)
        if frozen.error > frozen.allowed:
            unexplained.append(frozen)
        elif free.error > 10 * free.allowed:
            explained = free
    if len(unexplained) >= 2:
        _report(exam, unexplained, count)
    elif count:
        exam.checked.append(
            f"finite differences agree at {count} points (error {worst:.1g})"
        )
    if explained is not None and not exam.findings:
        text = "the gradient leaves out what is detached, as it seems on purpose"
        at = next((site.at for site in exam.active), None)
        evidence = {
            "slope of the value": explained.differences,
            "of the gradient": explained.automatic,
        }
        exam.findings.append(
            finding("information", "STRAIGHT_THROUGH", text, at, evidence=evidence)
        )


def _slopes(exam: Examination, point: Array, k: int) -> tuple[Slope, Slope] | None:
    """Slopes of the loss as it is and with its cuts frozen; None if unreliable."""
    traced = bool(exam.active)
    double = exam.run(point, double=True, traced=traced)
    precise = double.failure is None and double.gradient is not None
    run = double if precise else exam.run(point, traced=traced)
    if run.gradient is None or not run.finite:
        return None
    direction = np.random.default_rng(k).normal(size=point.shape)
    automatic = float(np.sum(run.gradient * direction))
    frozen = {site: cut.recorded for site, cut in run.trace.cuts.items()}
    found = []
    for held in ({}, frozen) if frozen else ({},):
        slope = _difference(exam, point, direction, held, precise)
        if slope is None:
            return None
        found.append(Slope(slope[0], automatic, slope[1]))
    return found[0], found[-1]


def _difference(
    exam: Examination, point: Array, direction: Array, frozen: Frozen, precise: bool
) -> tuple[float, bool] | None:
    """Slope by central differences, where two step sizes agree on it.

    Small steps come first, in double precision; wide ones where the loss itself
    computes in single precision. Says too whether it was found by small ones.
    """
    small = (1e-4, 1e-5, 1e-6) if precise else ()
    last = None
    for step in (*small, 1e-1, 3e-2, 1e-2):
        exact = step in small
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
            size = max(abs(slope), abs(last), 1e-7)
            if abs(slope - last) <= (3e-4 if exact else 1e-2) * size:
                return slope, exact
        last = slope
    return None


def _report(exam: Examination, slopes: list[Slope], count: int) -> None:
    """Name the hand-written backward, or at least say that there is a difference."""
    found = exam.subject.backward_findings(exam.inputs.prediction, exam.inputs.target)
    if found:
        exam.findings.extend(found)
        return
    worst = max(slopes, key=lambda slope: slope.error)
    text = f"the gradient is not that of the loss at {len(slopes)} of {count} points"
    exam.findings.append(
        finding(
            "warning",
            "WRONG_BACKWARD",
            text,
            None,
            evidence={
                "slope by differences": worst.differences,
                "by autograd": worst.automatic,
            },
        )
    )

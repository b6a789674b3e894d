"""Does every softmax run along the classes?"""

import numpy as np

from .examination import Examination
from .inputs import class_axis, is_binary
from .report import finding
from .thresholds import AXIS_POINTS, LOG_ROUNDING, ROWS_SUM_TO_ONE, SUMS_TO_ONE
from .trace import Array, Op, Trace


def check_axis(exam: Examination) -> None:
    """No softmax runs along the batch, or along another axis than the classes.

    A suspect must sum to one along the wrong axis at every prediction tried. If some
    operation normalises along the classes, another axis is meant as a weight, as in
    attention, and nothing is reported.
    """
    axis = _expected_axis(exam)
    if axis is None:
        return
    shape = exam.inputs.prediction.shape
    suspects: dict[int, Op] | None = None
    for point in [exam.inputs.prediction, *exam.samples[: AXIS_POINTS - 1]]:
        trace = exam.recorded(point).trace
        if any(op.live and _normalises(op, shape, axis) for op in trace.ops):
            return
        here = _suspects(trace, shape, axis)
        suspects = {
            index: op
            for index, op in (here if suspects is None else suspects).items()
            if index in here
        }
    if suspects:
        _report(exam, next(iter(suspects.values())), axis)


def _expected_axis(exam: Examination) -> int | None:
    """Axis of the classes, if the target shows it."""
    p, t = exam.inputs.prediction, exam.inputs.target
    if p.ndim < 2 or min(p.shape) < 2:
        return None
    axis = class_axis(p, t)
    if axis is None and _holds_distributions(t, p):
        axis = 1
    return axis


def _suspects(trace: Trace, shape: tuple[int, ...], axis: int) -> dict[int, Op]:
    """Operations on the prediction that normalise along another axis, by index."""
    derived = trace.reached([trace.prediction])
    found = {}
    for index, op in enumerate(trace.ops):
        if not op.live or not op.values or derived.isdisjoint(op.outputs):
            continue
        value = op.values[0]
        if value.shape != shape or _sums_to_one(value, axis):
            continue
        if any(_sums_to_one(value, other) for other in range(value.ndim)):
            found[index] = op
    return found


def _report(exam: Examination, op: Op, axis: int) -> None:
    assert op.values is not None
    value = op.values[0]
    along = next(other for other in range(value.ndim) if _sums_to_one(value, other))
    probs = value if value.min() >= 0 else np.exp(value)
    what = (
        "the batch axis" if along == 0 else f"axis {along}, not the class axis {axis}"
    )
    exam.findings.append(
        finding(
            "error",
            "WRONG_DIM",
            f"{op.name} normalises along {what}",
            op.at,
            evidence={
                f"sum along axis {along}": float(probs.sum(along).flat[0]),
                f"sum along axis {axis}": float(probs.sum(axis).flat[0]),
            },
        )
    )


def _normalises(op: Op, shape: tuple[int, ...], axis: int) -> bool:
    """Whether an operation normalises along the axis of the classes."""
    if op.name == "cross_entropy":
        return True
    value = op.values[0] if op.values else None
    return value is not None and value.shape == shape and _sums_to_one(value, axis)


def _holds_distributions(target: object, prediction: Array) -> bool:
    """Whether the target holds a distribution over the classes of each sample."""
    return (
        isinstance(target, np.ndarray)
        and target.shape == prediction.shape
        and target.dtype.kind == "f"
        and not (is_binary(target) and prediction.shape[1] == 1)
        and target.min() >= 0
        and bool(np.allclose(target.sum(1), 1, atol=ROWS_SUM_TO_ONE))
    )


def _sums_to_one(value: Array, axis: int) -> bool:
    """Whether probabilities, or their logarithms, sum to one along an axis."""
    if value.shape[axis] < 2 or not np.isfinite(value).all():
        return False
    if value.min() >= 0:
        return bool(np.allclose(value.sum(axis), 1, atol=SUMS_TO_ONE))
    if value.max() <= LOG_ROUNDING:
        return bool(np.allclose(np.exp(value).sum(axis), 1, atol=SUMS_TO_ONE))
    return False

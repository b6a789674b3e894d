"""What the recorded numbers of a run show."""

import numpy as np

from .examination import Examination
from .inputs import class_axis, is_binary
from .report import finding
from .subject import NonFinite
from .trace import Array, Op, Trace


def first_non_finite(
    trace: Trace, prediction: Array, target: object
) -> tuple[Op, NonFinite] | None:
    """First operation that makes a number that is not finite of finite ones."""
    values: dict[int, Array] = {trace.prediction: prediction}
    if isinstance(target, np.ndarray) and len(trace.target) == 1:
        values[trace.target[0]] = target
    bad: set[int] = set()
    for op in trace.ops:
        given = [values[value] for value in op.inputs if value in values]
        clean = not op.infinite and bad.isdisjoint(op.inputs)
        for number, value in zip(op.outputs, op.values or (), strict=False):
            values[number] = value
            if value.dtype.kind == "f" and not np.isfinite(value).all():
                bad.add(number)
                if clean and all(np.isfinite(part).all() for part in given):
                    empty = any(part.size == 0 for part in given)
                    zero = empty or (op.divides and _zero_divisor(op, given))
                    return op, NonFinite(
                        op.at,
                        op.name,
                        False,
                        divides_by_zero=zero,
                        nan=bool(np.isnan(value).any()),
                        large=any(part.size and abs(part).max() > 1 for part in given),
                    )
    return None


def _zero_divisor(op: Op, given: list[Array]) -> bool:
    if op.name in ("mean", "std", "var"):
        return True
    return bool(given) and bool((given[-1] == 0).any())


def check_axis(exam: Examination) -> None:
    """No softmax runs along the batch, or along another axis than the classes."""
    p, t = exam.inputs.prediction, exam.inputs.target
    axis = class_axis(p, t)
    if axis is None and not (p.ndim > 1 and _distributions(t, p)):
        return
    axis = 1 if axis is None else axis
    if p.ndim < 2 or min(p.shape) < 2:
        return
    suspects: dict[int, Op] = {}
    for k, point in enumerate([p, *exam.samples[:2]]):
        trace = exam.run(point, record=True, gradient=False).trace
        if any(op.live and _proper(op, p.shape, axis) for op in trace.ops):
            return  # what runs along another axis is then a weight, as of attention
        derived = trace.reached([trace.prediction])
        here = {
            index: op
            for index, op in enumerate(trace.ops)
            if op.live
            and op.values
            and derived.intersection(op.outputs)
            and op.values[0].shape == p.shape
            and any(_sums_to_one(op.values[0], other) for other in range(p.ndim))
            and not _sums_to_one(op.values[0], axis)
        }
        suspects = here if k == 0 else {i: o for i, o in suspects.items() if i in here}
    if not suspects:
        return
    op = next(iter(suspects.values()))
    assert op.values is not None
    value = op.values[0]
    along = next(other for other in range(p.ndim) if _sums_to_one(value, other))
    size = value if value.min() >= 0 else np.exp(value)
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
                f"sum along axis {along}": float(size.sum(along).flat[0]),
                f"along axis {axis}": float(size.sum(axis).flat[0]),
            },
        )
    )


def _proper(op: Op, shape: tuple[int, ...], axis: int) -> bool:
    """Whether an operation normalises along the axis of the classes."""
    if op.name == "cross_entropy":
        return True
    value = op.values[0] if op.values else None
    return value is not None and value.shape == shape and _sums_to_one(value, axis)


def _distributions(target: object, prediction: Array) -> bool:
    """Whether the target holds a distribution over the classes of each sample."""
    return (
        isinstance(target, np.ndarray)
        and target.shape == prediction.shape
        and target.dtype.kind == "f"
        and not (is_binary(target) and prediction.shape[1] == 1)
        and target.min() >= 0
        and bool(np.allclose(target.sum(1), 1, atol=1e-3))
    )


def _sums_to_one(value: Array, axis: int) -> bool:
    """Whether probabilities or their logarithms sum to one along an axis."""
    if value.shape[axis] < 2 or not np.isfinite(value).all():
        return False
    if value.min() >= 0:
        return bool(np.allclose(value.sum(axis), 1, atol=1e-4))
    if value.max() <= 1e-6:
        return bool(np.allclose(np.exp(value).sum(axis), 1, atol=1e-4))
    return False

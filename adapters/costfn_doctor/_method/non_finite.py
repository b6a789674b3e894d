"""The operation at which the numbers of a recorded run stop being finite."""

import numpy as np

from .subject import NonFinite
from .thresholds import LARGE_INPUT
from .trace import Array, Op, Trace

HIDDEN_DIVISIONS = ("mean", "std", "var")
"""They divide by a count, which is 0 for an empty mask or one sample."""


def first_non_finite(
    trace: Trace, prediction: Array, target: object
) -> tuple[Op, NonFinite] | None:
    """First operation that makes a number that is not finite of finite ones.

    An operation that was given an infinity on purpose, as a mask of -inf before a
    softmax, is no fault.
    """
    values: dict[int, Array] = {trace.prediction: prediction}
    if isinstance(target, np.ndarray) and len(trace.target) == 1:
        values[trace.target[0]] = target
    not_finite: set[int] = set()
    for op in trace.ops:
        given = [values[value] for value in op.inputs if value in values]
        clean = not op.given_infinity and not_finite.isdisjoint(op.inputs)
        for number, value in zip(op.outputs, op.values or (), strict=False):
            values[number] = value
            if value.dtype.kind == "f" and not np.isfinite(value).all():
                not_finite.add(number)
                if clean and all(np.isfinite(part).all() for part in given):
                    return op, _described(op, given, value)
    return None


def _described(op: Op, given: list[Array], value: Array) -> NonFinite:
    empty = any(part.size == 0 for part in given)
    return NonFinite(
        op.at,
        op.name,
        backward=False,
        divides_by_zero=empty or (op.divides and _has_zero_divisor(op, given)),
        nan=bool(np.isnan(value).any()),
        large=any(part.size and abs(part).max() > LARGE_INPUT for part in given),
    )


def _has_zero_divisor(op: Op, given: list[Array]) -> bool:
    if op.name in HIDDEN_DIVISIONS:
        return True
    return bool(given) and bool((given[-1] == 0).any())

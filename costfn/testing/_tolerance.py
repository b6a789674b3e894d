"""How far two results may be apart: `C eps (|reference| + condition + scale)`.

`C` is 16 for a value, 32 for a gradient and 64 for second derivatives; twice that
where neither of the two is more exact than the other. `eps` is that of the dtype,
`condition` the change of the result for a relative change of the scores, `scale` the
largest gradient at scores of 0: rounding is measured against what the loss is made of,
so that one rule serves all dtypes and losses, and a relative error of 2e-5 in a
derivative is seen in float32.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ._side import EPS, DType
from ._strategies import Array
from ._trial import BreachError, Trial, generic, shown

# Of finite differences: small enough for a loss with a slope of 100, large enough for
# what rounding leaves of the quotient.
STEP = 2.0**-14


class Quantity(NamedTuple):
    """One thing to compare."""

    constant: int
    compute: Callable[[Trial], Array]


VALUE = Quantity(16, Trial.losses)
GRADIENT = Quantity(32, Trial.gradient)
CURVATURE = Quantity(64, Trial.curvature)


def tolerance(trial: Trial, quantity: Quantity, reference: Array, eps: float) -> Array:
    """`C eps (|reference| + condition + scale)`, of a trial in float64."""
    rest = _condition(trial, quantity) + _scale(trial)
    return quantity.constant * eps * (abs(reference) + rest)


def _condition(trial: Trial, quantity: Quantity) -> float:
    scores = trial.scores
    change = np.where(generic(scores.shape) < 0, -STEP, STEP) * scores
    up = quantity.compute(trial.with_scores(scores + change))
    down = quantity.compute(trial.with_scores(scores - change))
    return _largest(up - down) / (2 * STEP)


def _scale(trial: Trial) -> float:
    at_zero = trial.with_scores(np.zeros_like(trial.scores)).gradient()
    return max(_largest(at_zero), 1 / max(trial.size, 1))


def _largest(values: Array) -> float:
    return float(np.max(np.abs(values), initial=0.0, where=np.isfinite(values)))


def compare(
    trial: Trial,
    quantity: Quantity,
    actual: tuple[str, Array],
    expected: tuple[str, Array],
    dtype: DType = "float64",
) -> None:
    """Checks two results, each with a name; the trial is in float64.

    In another dtype the expected one is exact. NaN agrees with NaN.
    """
    eps = EPS[dtype] if dtype != "float64" else 2 * EPS[dtype]
    found, wanted = actual[1], expected[1]
    if np.array_equal(found, wanted, equal_nan=True):
        return
    if found.shape == wanted.shape:
        allowed = tolerance(trial, quantity, wanted, eps)
        same = found == wanted  # infinite ones, whose difference is NaN
        with np.errstate(invalid="ignore"):
            close = same | (abs(found - wanted) <= allowed)
        if (close | (np.isnan(found) & np.isnan(wanted))).all():
            return
    raise BreachError(
        f"{actual[0]} is\n{shown(found)}\nbut {expected[0]} is\n{shown(wanted)}"
    )

"""How much two results may differ: `C eps (|reference| + condition + scale)`.

`C` is 16 for a value, 32 for a gradient and 64 for a second derivative, and twice that
where neither result is more exact than the other. `eps` is that of the dtype.
`condition` is the change of the result for a relative change of the scores. `scale` is
the largest gradient at scores of 0.

So rounding is measured against the size of the numbers that the loss adds and
subtracts, and one rule serves all dtypes and losses. In float32 it finds a relative
error of 2e-5 in a derivative.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ._backend import EPS, DType
from ._strategies import Array
from ._trial import BreachError, Trial, as_text, fixed_numbers

# The step of finite differences: small enough for a loss with a slope of 100, large
# enough for the quotient to keep enough digits.
STEP = 2.0**-14


class Quantity(NamedTuple):
    """A quantity to compare: `constant` is the `C` of its tolerance."""

    constant: int
    compute: Callable[[Trial], Array]


VALUE = Quantity(16, Trial.losses)
GRADIENT = Quantity(32, Trial.gradient)
CURVATURE = Quantity(64, Trial.curvature)


def tolerance(trial: Trial, quantity: Quantity, reference: Array, eps: float) -> Array:
    """`C eps (|reference| + condition + scale)`, for a trial in float64."""
    rest = _condition(trial, quantity) + scale_of(trial)
    return quantity.constant * eps * (abs(reference) + rest)


def _condition(trial: Trial, quantity: Quantity) -> float:
    def at(trial: Trial) -> float:
        scores = trial.scores
        change = np.where(fixed_numbers(scores.shape) < 0, -STEP, STEP) * scores
        up = quantity.compute(trial.with_scores(scores + change))
        down = quantity.compute(trial.with_scores(scores - change))
        with np.errstate(invalid="ignore"):  # infinity minus infinity
            return _largest(up - down) / (2 * STEP)

    try:
        return at(trial)
    except Exception:  # scores at the end of a range, such as [0, 1]: move inside
        return at(trial.nudged())


def scale_of(trial: Trial) -> float:
    """The largest gradient at scores of 0, or at these scores if the loss refuses 0."""
    try:
        found = trial.with_scores(np.zeros_like(trial.scores)).gradient()
    except Exception:
        found = trial.gradient()
    return max(_largest(found), 1 / max(trial.size, 1))


def _largest(values: Array) -> float:
    return float(np.max(np.abs(values), initial=0.0, where=np.isfinite(values)))


def compare(
    trial: Trial,
    quantity: Quantity,
    actual: tuple[str, Array],
    expected: tuple[str, Array],
    dtype: DType = "float64",
    eps: float | None = None,
) -> None:
    """Checks that two results agree; each comes with a name for the error message.

    The trial is in float64. If `dtype` is another, `expected` counts as exact. NaN
    agrees with NaN.
    """
    if eps is None:
        eps = EPS[dtype] if dtype != "float64" else 2 * EPS[trial.working_dtype]
    found, wanted = actual[1], expected[1]
    if np.array_equal(found, wanted, equal_nan=True):
        return
    explanation = ""
    if found.shape == wanted.shape:
        allowed = tolerance(trial, quantity, wanted, eps)
        with np.errstate(invalid="ignore"):  # infinity minus infinity
            difference = np.where(found == wanted, 0, abs(found - wanted))
        difference = np.where(np.isnan(found) & np.isnan(wanted), 0, difference)
        if (difference <= allowed).all():
            return
        excess = np.where(np.isnan(difference), np.inf, difference - allowed)
        worst = np.argmax(excess)
        explanation = (
            f"\nThey differ by {difference.flat[worst]:.3g}; rounding explains at most "
            f"{np.broadcast_to(allowed, difference.shape).flat[worst]:.3g}."
        )
    one, other = _distinct_texts(found, wanted)
    raise BreachError(
        f"{actual[0]} is\n{one}\nbut {expected[0]} is\n{other}{explanation}"
    )


def _distinct_texts(one: Array, other: Array) -> tuple[str, str]:
    """Two arrays as text, with enough digits to see the difference."""
    for digits in (6, 9, 12, 17):
        pair = as_text(one, digits), as_text(other, digits)
        if pair[0] != pair[1]:
            break
    return pair

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

from ._backend import EPS, DType
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
    rest = _condition(trial, quantity) + scale_of(trial)
    return quantity.constant * eps * (abs(reference) + rest)


def _condition(trial: Trial, quantity: Quantity) -> float:
    def at(trial: Trial) -> float:
        scores = trial.scores
        change = np.where(generic(scores.shape) < 0, -STEP, STEP) * scores
        up = quantity.compute(trial.with_scores(scores + change))
        down = quantity.compute(trial.with_scores(scores - change))
        with np.errstate(invalid="ignore"):  # of infinite ones
            return _largest(up - down) / (2 * STEP)

    try:
        return at(trial)
    except Exception:  # the loss refuses scores just beyond these, as of [0, 1]
        return at(trial.nudged())


def scale_of(trial: Trial) -> float:
    """The largest gradient at scores of 0, or here if the loss refuses 0."""
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
    """Checks two results, each with a name; the trial is in float64.

    In another dtype the expected one is exact. NaN agrees with NaN.
    """
    if eps is None:
        eps = EPS[dtype] if dtype != "float64" else 2 * EPS[trial.arithmetic]
    found, wanted = actual[1], expected[1]
    if np.array_equal(found, wanted, equal_nan=True):
        return
    told = ""
    if found.shape == wanted.shape:
        allowed = tolerance(trial, quantity, wanted, eps)
        with np.errstate(invalid="ignore"):  # of infinite ones
            apart = np.where(found == wanted, 0, abs(found - wanted))
        apart = np.where(np.isnan(found) & np.isnan(wanted), 0, apart)
        if (apart <= allowed).all():
            return
        worst = np.argmax(np.where(np.isnan(apart), np.inf, apart - allowed))
        told = (
            f"\nThey differ by {apart.flat[worst]:.3g}, and rounding would make it "
            f"{np.broadcast_to(allowed, apart.shape).flat[worst]:.3g} at most."
        )
    one, other = _told_apart(found, wanted)
    raise BreachError(f"{actual[0]} is\n{one}\nbut {expected[0]} is\n{other}{told}")


def _told_apart(one: Array, other: Array) -> tuple[str, str]:
    """Two arrays in as many digits as it takes to see that they differ."""
    for digits in (6, 9, 12, 17):
        pair = shown(one, digits), shown(other, digits)
        if pair[0] != pair[1]:
            break
    return pair

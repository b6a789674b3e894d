"""Clauses on the dtypes of a loss: which one comes back, and how exact it is."""

from dataclasses import replace

import numpy as np

from ._side import HUGE, DType
from ._tolerance import GRADIENT, VALUE, Quantity, compare
from ._trial import BreachError, Trial

HALF: tuple[DType, ...] = ("bfloat16", "float16")
MANY = 256  # examples over which a sum kept in half precision goes astray
# A loss of moderate size is held to a quarter of the usual tolerance in half precision.
# There an honest loss is off by one or two roundings, and 16 of bfloat16 are 12 %.
CLOSER = 4


def dtype(trial: Trial) -> None:
    """The loss has the dtype of the scores, and computes in no lesser one."""
    types: tuple[DType, ...] = ("float16", "bfloat16", "float32", "float64")
    for each in types:
        at = trial.with_dtype(each)
        found = at.side.dtype(at.output("loss", at.loss))
        if found != each:
            raise BreachError(f"scores of {each} give a loss of {found}")
    if trial.arithmetic != "float64":
        raise BreachError(
            "scores of float64 give the loss of scores rounded to "
            f"{trial.arithmetic}: something inside is cast to it"
        )


def arithmetic_of(trial: Trial) -> DType:
    """What the loss computes in where the scores are of float64."""
    at = trial.nudged()
    output = at.output("loss", at.loss)
    if at.side.dtype(output) in ("float32", *HALF):
        return "float32"
    less = at.scores.astype(np.float32).astype(np.float64)
    value, slope = at.side.array(output), at.gradient()
    with np.errstate(invalid="ignore"):
        change = abs((slope * (at.scores - less)).sum())
        moves = change > 2.0**-40 * (1 + abs(value).sum())
    same = np.array_equal(value, at.with_scores(less).losses())
    return "float32" if moves and same else "float64"


def precision(trial: Trial) -> None:
    """Loss and gradient in float32, bfloat16, float16 are those of float64, rounded."""
    _check_rounding(trial, "float32", VALUE, GRADIENT)
    closer = [q._replace(constant=q.constant // CLOSER) for q in (VALUE, GRADIENT)]
    for each in HALF:
        _check_rounding(trial, each, VALUE, GRADIENT)
        for moderate in _moderate(trial):
            _check_rounding(moderate, each, *closer)


def _moderate(trial: Trial) -> list[Trial]:
    """The batch with scores of 1 at most, and many examples if they make one loss."""
    if not trial.size:
        return []
    size = abs(trial.scores).max()
    if trial.task != "regression" and size > 1:
        trial = trial.with_scores(trial.scores / size)
    if trial.per_sample:
        return [trial]
    return [trial, trial.picked(np.arange(MANY) % trial.size)]


def _check_rounding(trial: Trial, dtype: DType, *quantities: Quantity) -> None:
    rounded = trial.with_dtype(dtype)
    exact = replace(rounded, dtype="float64")
    for name, quantity in zip(("loss", "gradient"), quantities, strict=True):
        found, expected = quantity.compute(rounded), quantity.compute(exact)
        fits = abs(expected) <= HUGE[dtype]
        of_how_many = f" of {trial.size} examples" if trial.size == MANY else ""
        compare(
            exact,
            quantity,
            (f"the {name}{of_how_many} in {dtype}", np.where(fits, found, 0)),
            ("in float64", np.where(fits, expected, 0)),
            dtype,
        )

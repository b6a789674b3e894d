"""Clauses on the dtypes of a loss: which one comes back, and how exact it is."""

from dataclasses import replace

import numpy as np

from ._backend import HUGE, DType
from ._tolerance import GRADIENT, VALUE, Quantity, compare
from ._trial import BreachError, Trial

HALF: tuple[DType, ...] = ("bfloat16", "float16")
MANY = 1024  # examples, over which a sum kept in bfloat16 comes to a stop
# In half precision a loss at small scores is held to a quarter of the usual tolerance.
# There it is off by a rounding or two, and 16 roundings of bfloat16 are 12 %.
CLOSER = 4


def dtype(trial: Trial) -> None:
    """The loss has the dtype of the scores, and computes in no lesser one."""
    types: tuple[DType, ...] = ("float16", "bfloat16", "float32", "float64")
    for each in types:
        at = trial.with_dtype(each)
        found = at.backend.dtype(at.output("loss", at.loss))
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
    if at.backend.dtype(output) in ("float32", *HALF):
        return "float32"
    less = at.scores.astype(np.float32).astype(np.float64)
    value, slope = at.backend.array(output), at.gradient()
    with np.errstate(invalid="ignore"):
        change = abs((slope * (at.scores - less)).sum())
        moves = change > 2.0**-40 * (1 + abs(value).sum())
    same = np.array_equal(value, at.with_scores(less).losses())
    return "float32" if moves and same else "float64"


def precision(trial: Trial) -> None:
    """Loss and gradient in float32, bfloat16, float16 are those of float64, rounded."""
    types: tuple[DType, ...] = ("float32", *HALF)
    for each in types:
        _check_rounding(trial, each, "loss", VALUE)
        _check_rounding(trial, each, "gradient", GRADIENT)
    closer = VALUE._replace(constant=VALUE.constant // CLOSER)
    for moderate in _moderate(trial):
        for each in HALF:
            # By the scale of the few: that of a mean of many is next to nothing.
            _check_rounding(moderate, each, "loss", closer, _moderate(trial)[0])


def _moderate(trial: Trial) -> list[Trial]:
    """The batch with small scores, and many examples if they make one loss."""
    if not trial.size:
        return []
    size = abs(trial.scores).max()
    if trial.task == "regression":
        # The same errors about 0: there the rounding of the scores counts for nothing.
        about_0 = trial.with_scores(np.zeros_like(trial.scores))
        if trial.arguments[1].shape == trial.scores.shape:
            about_0 = about_0.with_target(trial.arguments[1] - trial.scores)
        trial = about_0 if about_0.is_taken() else trial
    elif size > 1:
        trial = trial.with_scores(trial.scores / size)
    if trial.per_sample or trial.groups:  # many pairs would be too many
        return [trial]
    return [trial, trial.picked(np.arange(MANY) % trial.size)]


def _check_rounding(
    trial: Trial,
    dtype: DType,
    name: str,
    quantity: Quantity,
    measure: Trial | None = None,
) -> None:
    rounded = trial.with_dtype(dtype)
    exact = replace(rounded, dtype="float64")
    found, expected = quantity.compute(rounded), quantity.compute(exact)
    fits = abs(expected) <= HUGE[dtype]
    many = f" of {trial.size} examples" if trial.size == MANY else ""
    measure = exact if measure is None else measure.with_dtype(dtype)
    compare(
        replace(measure, dtype="float64"),
        quantity,
        (f"the {name}{many} in {dtype}", np.where(fits, found, 0)),
        ("in float64", np.where(fits, expected, 0)),
        dtype,
    )

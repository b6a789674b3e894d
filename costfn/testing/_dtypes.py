"""Clauses on dtypes: which one the loss returns, and how exact the loss is in each."""

from dataclasses import replace

import numpy as np

from ._backend import HUGE, DType
from ._tolerance import GRADIENT, VALUE, Quantity, compare
from ._trial import BreachError, Trial

HALF: tuple[DType, ...] = ("bfloat16", "float16")
# Examples. A running sum of 1024 terms in bfloat16 stops growing: each new term is
# smaller than half the spacing of the sum.
LARGE_BATCH = 1024
# At small scores the tolerance for half precision is divided by this. There a good loss
# is off by one or two roundings, and the usual 16 roundings of bfloat16 would be 12 %.
TIGHTER = 4


def dtype(trial: Trial) -> None:
    """The loss has the dtype of the scores, and computes in that or a wider one."""
    types: tuple[DType, ...] = ("float16", "bfloat16", "float32", "float64")
    for each in types:
        at = trial.with_dtype(each)
        found = at.backend.dtype(at.output("loss", at.loss))
        if found != each:
            raise BreachError(f"scores of {each} give a loss of {found}")
    if trial.working_dtype != "float64":
        raise BreachError(
            "the loss of float64 scores equals the loss of scores rounded to "
            f"{trial.working_dtype}, so something inside is cast to that dtype"
        )


def working_dtype_of(trial: Trial) -> DType:
    """The dtype in which the loss really computes when the scores are float64.

    It is float32 if rounding the scores to float32 does not change the loss, although
    the gradient says that it should.
    """
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
    """Loss and gradient in narrower dtypes are those of float64, rounded."""
    types: tuple[DType, ...] = ("float32", *HALF)
    for each in types:
        _check_rounding(trial, each, "loss", VALUE)
        _check_rounding(trial, each, "gradient", GRADIENT)
    closer = VALUE._replace(constant=VALUE.constant // TIGHTER)
    for moderate in _moderate(trial):
        for each in HALF:
            # The scale comes from the small batch: the gradients of a mean over many
            # examples are almost 0.
            _check_rounding(moderate, each, "loss", closer, _moderate(trial)[0])


def _moderate(trial: Trial) -> list[Trial]:
    """The batch at small scores; and a large batch of them, for a loss of the batch."""
    if not trial.size:
        return []
    size = abs(trial.scores).max()
    if trial.task == "regression":
        # The same errors, but with predictions of 0, which every dtype holds exactly.
        at_0 = trial.with_scores(np.zeros_like(trial.scores))
        if trial.arguments[1].shape == trial.scores.shape:
            at_0 = at_0.with_target(trial.arguments[1] - trial.scores)
        trial = at_0 if at_0.is_accepted() else trial
    elif size > 1:
        trial = trial.with_scores(trial.scores / size)
    # A loss of pairs compares all examples with all, which takes too long for many.
    if trial.per_sample or trial.labels_are_groups:
        return [trial]
    return [trial, trial.selected(np.arange(LARGE_BATCH) % trial.size)]


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
    many = f" of {trial.size} examples" if trial.size == LARGE_BATCH else ""
    measure = exact if measure is None else measure.with_dtype(dtype)
    compare(
        replace(measure, dtype="float64"),
        quantity,
        (f"the {name}{many} in {dtype}", np.where(fits, found, 0)),
        (f"the {name}{many} in float64", np.where(fits, expected, 0)),
        dtype,
    )

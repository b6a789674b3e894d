"""Clauses on what a loss returns: its form, and whether it can be relied on."""

from dataclasses import replace

import numpy as np

from ._batches import SATURATED
from ._side import HUGE, DType
from ._tolerance import GRADIENT, VALUE, compare
from ._trial import BreachError, InapplicableError, Trial, shown


def shape(trial: Trial) -> None:
    """The loss is one floating-point number per example, or one for the batch."""
    with trial.side.setting(trial.dtype):
        value = trial.loss()(*trial.tensors())
        if trial.side.dtype(value) is None:
            got = getattr(value, "dtype", type(value).__name__)
            raise BreachError(f"the loss must be a floating-point tensor, got {got}")
        found = tuple(value.shape)
    wanted: list[tuple[int, ...]] = [(trial.size,)] if trial.per_sample else [()]
    same = [x.shape for x in trial.arguments[1:2] if x.shape == trial.scores.shape]
    if trial.per_sample:
        wanted += same
    if found not in wanted:
        names = " or ".join(map(str, wanted))
        raise BreachError(f"the loss must have the shape {names}, got {found}")


def dtype(trial: Trial) -> None:
    """The loss has the dtype of the scores: float16, bfloat16, float32, float64."""
    types: tuple[DType, ...] = ("float16", "bfloat16", "float32", "float64")
    for each in types:
        at = trial.with_dtype(each)
        found = at.side.dtype(at.output("loss", at.loss))
        if found != each:
            raise BreachError(f"scores of {each} give a loss of {found}")


def pure(trial: Trial) -> None:
    """The loss leaves its arguments alone, and is the same when called twice."""
    with trial.side.setting(trial.dtype):
        loss, tensors = trial.loss(), trial.tensors()
        first, second = (trial.side.array(loss(*tensors)) for _ in range(2))
        after = [trial.side.array(tensor) for tensor in tensors]
    for i, (was, now) in enumerate(zip(trial.arguments, after, strict=True)):
        if not np.array_equal(was, now):
            raise BreachError(f"argument {i} was {shown(was)} and is now {shown(now)}")
    if not np.array_equal(first, second, equal_nan=True):
        raise BreachError(f"called twice it gave {shown(first)}, then {shown(second)}")


def finite(trial: Trial) -> None:
    """Loss and gradient are finite for every batch, in float64 and float32."""
    _check_finite(trial)
    _check_finite(replace(trial, dtype="float32"))


def saturation(trial: Trial) -> None:
    """Loss and gradient are finite in float32 at scores of ±30, ±88 and ±10000."""
    for end in SATURATED:
        scores = np.where(trial.scores < 0, -end, end)
        _check_finite(replace(trial.with_scores(scores), dtype="float32"))


def _check_finite(trial: Trial) -> None:
    for name, values in (
        ("loss", trial.losses()),
        ("gradient", trial.gradient()),
    ):
        if not np.isfinite(values).all():
            raise BreachError(
                f"in {trial.dtype} the {name} is {shown(values)} at scores of "
                f"{shown(trial.scores)}"
            )


def precision(trial: Trial) -> None:
    """Loss and gradient in float32, bfloat16, float16 are those of float64, rounded."""
    types: tuple[DType, ...] = ("float32", "bfloat16", "float16")
    for each in types:
        rounded = trial.with_dtype(each)
        exact = replace(rounded, dtype="float64")
        for name, quantity in (("loss", VALUE), ("gradient", GRADIENT)):
            found, expected = quantity.compute(rounded), quantity.compute(exact)
            fits = abs(expected) <= HUGE[each]
            compare(
                exact,
                quantity,
                (f"the {name} in {each}", np.where(fits, found, 0)),
                ("in float64", np.where(fits, expected, 0)),
                each,
            )


def alive(trial: Trial) -> None:
    """A gradient reaches the scores somewhere."""
    if not trial.gradient().any():
        raise BreachError("the gradient is 0 for every batch that was tried")


def bad_labels(trial: Trial) -> None:
    """A label out of range is refused or makes the loss NaN, in its gradient too."""
    target = trial.arguments[1] if trial.arguments[1:] else np.zeros(())
    classes = trial.scores.shape[-1]
    if target.dtype.kind not in "iu" or target.ndim != trial.scores.ndim - 1:
        raise InapplicableError("the target holds no labels")
    if not target.size:
        return
    for bad in (-1, classes, -100):
        wrong = target.copy()
        wrong[0] = bad
        others = trial.arguments[2:]
        _check_refusal(replace(trial, arguments=(trial.scores, wrong, *others)), bad)


def _check_refusal(trial: Trial, bad: int) -> None:
    # JAX sees a label as it is, but not inside `jit`, where `losses` are.
    for losses_of, where in ((Trial.eager_losses, ""), (Trial.losses, " when traced")):
        try:
            losses = losses_of(trial)
        except Exception:
            continue  # refused
        first = losses[0] if trial.per_sample else losses
        if not np.isnan(first).all():
            raise BreachError(f"label {bad} gives a loss of {shown(first)}{where}")
        row = trial.gradient()[0]
        if not np.isnan(row).any():
            raise BreachError(
                f"label {bad} gives a loss of NaN, but a gradient of {shown(row)}"
            )

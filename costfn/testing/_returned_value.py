"""Clauses on what a loss returns: its form, and whether it can be relied on."""

from dataclasses import replace

import numpy as np

from ._batches import SATURATED
from ._learning import check_labels
from ._trial import BreachError, InapplicableError, Trial, shown


def shape(trial: Trial) -> None:
    """The loss is one floating-point number per example, or one for the batch."""
    with trial.backend.setting(trial.dtype):
        value = trial.loss()(*trial.tensors())
        if trial.backend.dtype(value) is None:
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


def pure(trial: Trial) -> None:
    """The loss leaves its arguments alone, and is the same when called twice."""
    with trial.backend.setting(trial.dtype):
        loss, tensors = trial.loss(), trial.tensors()
        first, second = (trial.backend.array(loss(*tensors)) for _ in range(2))
        after = [trial.backend.array(tensor) for tensor in tensors]
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
        at = replace(trial.with_scores(scores), dtype="float32")
        # Logits may be any number; predictions may have bounds, and refusing is right.
        if trial.task not in ("multiclass", "soft") and trial.is_taken():
            _check_bounds(at)
        _check_finite(at)


def _check_bounds(trial: Trial) -> None:
    try:
        trial.losses()
    except (ValueError, RuntimeError) as error:
        said = str(error).splitlines()[0]
        raise InapplicableError(
            f"the loss refuses scores of {shown(trial.scores)} ({said})"
        ) from None


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


def bad_labels(trial: Trial) -> None:
    """A label out of range is refused or makes the loss NaN, in its gradient too."""
    check_labels(trial)
    if not trial.size:
        return
    for bad in (-1, trial.scores.shape[-1], -100):
        wrong = trial.arguments[1].copy()
        wrong[0] = bad
        _check_refusal(trial.with_target(wrong), bad)


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

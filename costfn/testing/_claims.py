"""Clauses on what may be claimed of a loss, checked where the caller claims it."""

from dataclasses import replace

import numpy as np

from ._side import EPS
from ._strategies import Array
from ._tolerance import VALUE, compare, tolerance
from ._trial import BreachError, Trial, shown

CERTAIN = 1000.0  # a softmax or sigmoid of it is exactly 1
SHIFT = 3.0
STEPS = (0.125, 0.5, 1.0)


def non_negative(trial: Trial) -> None:
    """The loss is never below 0, but for rounding."""
    losses = trial.losses()
    if not (losses >= -_rounding(trial, losses)).all():
        raise BreachError(f"the loss is {shown(losses)}")


def zero_at_perfect(trial: Trial) -> None:
    """The loss is 0 where the prediction is certain and right, but for rounding."""
    trial, towards = _truth(trial)
    scores = CERTAIN * np.where(towards > 0, 1, -1)
    if trial.task == "regression":
        scores = trial.arguments[1]
    perfect = trial.with_scores(scores)
    losses = perfect.losses()
    if not (abs(losses) <= _rounding(perfect, losses)).all():
        raise BreachError(f"the loss is {shown(losses)} at scores of {shown(scores)}")


def shift_invariant(trial: Trial) -> None:
    """The same number added to all scores of an example changes nothing."""
    compare(
        trial,
        VALUE,
        (
            f"the loss at scores {SHIFT} higher",
            trial.with_scores(trial.scores + SHIFT).losses(),
        ),
        ("before", trial.losses()),
    )


def lower_is_better(trial: Trial) -> None:
    """Scores moved towards the truth never raise the loss, but for rounding."""
    trial, towards = _truth(trial)
    before = trial.losses()
    for step in STEPS:
        better = trial.with_scores(trial.scores + step * towards)
        after = better.losses()
        if not (after <= before + _rounding(trial, before)).all():
            raise BreachError(
                f"the loss rises from {shown(before)} to {shown(after)} as the scores "
                f"go from {shown(trial.scores)} to {shown(better.scores)}"
            )


def _rounding(trial: Trial, losses: Array) -> Array:
    return tolerance(trial, VALUE, losses, 2 * EPS["float64"])


def _truth(trial: Trial) -> tuple[Trial, Array]:
    """A trial whose target is certain, and the way from its scores to the truth."""
    scores, target, *others = trial.arguments
    if trial.task == "regression":
        return trial, target - scores
    if trial.task == "multiclass":
        return trial, np.eye(scores.shape[-1])[target]
    if trial.task == "soft":
        target = np.eye(target.shape[-1])[target.argmax(-1)]
        trial = replace(trial, arguments=(scores, target, *others))
    return trial, 2.0 * target - 1

"""Clauses on what may be claimed of a loss, checked where the caller claims it."""

from dataclasses import replace

import numpy as np

from ._backend import EPS
from ._strategies import Array
from ._tolerance import VALUE, compare, scale_of, tolerance
from ._trial import BreachError, InapplicableError, Trial, UnfitError, shown

CERTAIN = 1000.0  # a softmax or sigmoid of it is exactly 1
SHIFT = 3.0
STEPS = (0.125, 0.5, 1.0)
WRONG = (4.0, 8.0, 16.0, 32.0)  # scores that leave the truth e^-8, e^-16, ... of 1
LEFT = 1e-3  # of the gradient at scores of 0: what counts as alive


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


def alive_when_wrong(trial: Trial) -> None:
    """Predictions that are wrong and certain keep their gradient."""
    trial, towards = _truth(trial)
    usual = scale_of(trial)
    for size in WRONG:
        if trial.task == "regression":
            scores = trial.arguments[1] - size * np.where(towards < 0, -1, 1)
        elif trial.task in ("multiclass", "soft"):
            other = np.roll(towards, 1, axis=-1)
            scores = size * (2 * other - 1)
        else:
            scores = -size * towards
        at = trial.with_scores(scores)
        left = abs(at.gradient()).reshape(trial.size, -1).max(-1, initial=0)
        if trial.size and not (left >= LEFT * usual).all():
            raise BreachError(
                f"the largest gradient of each example is {shown(left)} at scores of "
                f"{shown(scores)}, wrong all of them; at scores of 0 it is "
                f"{usual:.3g}"
            )


def mean_of_examples(trial: Trial) -> None:
    """The loss of a batch is the mean of the losses of its examples alone."""
    if trial.per_sample:
        raise InapplicableError("one loss per example")
    if not trial.size:
        raise UnfitError("it is empty")
    alone = [trial.picked(np.s_[i : i + 1]).losses() for i in range(trial.size)]
    compare(
        trial,
        VALUE,
        ("the loss of the batch", trial.losses()),
        (f"the mean of {shown(np.array(alone))}", np.asarray(np.mean(alone))),
    )


def repetition_invariant(trial: Trial) -> None:
    """A batch that holds each example twice has the same loss."""
    if trial.per_sample:
        raise InapplicableError("one loss per example")
    twice = trial.picked(np.tile(np.arange(trial.size), 2))
    compare(
        trial,
        VALUE,
        ("the loss of a batch of each example twice", twice.losses()),
        ("of each once", trial.losses()),
    )


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


def _rounding(trial: Trial, losses: Array) -> Array:
    return tolerance(trial, VALUE, losses, 2 * EPS[trial.arithmetic])

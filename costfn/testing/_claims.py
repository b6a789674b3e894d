"""Clauses that are checked only if the caller claims them for the loss."""

from dataclasses import replace

import numpy as np

from ._backend import EPS
from ._strategies import Array
from ._tolerance import VALUE, compare, scale_of, tolerance
from ._trial import BreachError, InapplicableError, Trial, UnfitError, as_text

CERTAIN = 1000.0  # the softmax or sigmoid of this score is exactly 1
SHIFT = 3.0
STEPS = (0.125, 0.5, 1.0)
# With the sign of the wrong class: the truth keeps a probability of e^-8, e^-16, ...
WRONG_SCORES = (4.0, 8.0, 16.0, 32.0)
# A gradient counts as alive from this share of the gradient at scores of 0.
ALIVE_SHARE = 1e-3


def non_negative(trial: Trial) -> None:
    """The loss is never below 0, except by rounding."""
    losses = trial.losses()
    if not (losses >= -_rounding(trial, losses)).all():
        raise BreachError(f"the loss is {as_text(losses)}")


def zero_at_perfect(trial: Trial) -> None:
    """The loss is 0 where the prediction is certain and correct, except by rounding."""
    trial, towards = _truth(trial)
    scores = CERTAIN * np.where(towards > 0, 1, -1)
    if trial.task == "regression":
        scores = trial.arguments[1]
    perfect = trial.with_scores(scores)
    losses = perfect.losses()
    if not (abs(losses) <= _rounding(perfect, losses)).all():
        raise BreachError(
            f"the loss is {as_text(losses)} at scores of {as_text(scores)}"
        )


def shift_invariant(trial: Trial) -> None:
    """Adding the same number to all scores of an example changes nothing."""
    compare(
        trial,
        VALUE,
        (
            f"the loss after adding {SHIFT} to all scores",
            trial.with_scores(trial.scores + SHIFT).losses(),
        ),
        ("the loss before", trial.losses()),
    )


def lower_is_better(trial: Trial) -> None:
    """Moving the scores towards the truth never raises the loss, except by rounding."""
    trial, towards = _truth(trial)
    before = trial.losses()
    for step in STEPS:
        better = trial.with_scores(trial.scores + step * towards)
        after = better.losses()
        if not (after <= before + _rounding(trial, before)).all():
            raise BreachError(
                f"the loss rises from {as_text(before)} to {as_text(after)} when the "
                f"scores move towards the truth, from {as_text(trial.scores)} to "
                f"{as_text(better.scores)}"
            )


def alive_when_wrong(trial: Trial) -> None:
    """Confident mistakes keep their gradient."""
    trial, towards = _truth(trial)
    usual = scale_of(trial)
    for size in WRONG_SCORES:
        if trial.task == "regression":
            scores = trial.arguments[1] - size * np.where(towards < 0, -1, 1)
        elif trial.task in ("multiclass", "soft"):
            other = np.roll(towards, 1, axis=-1)
            scores = size * (2 * other - 1)
        else:
            scores = -size * towards
        at = trial.with_scores(scores)
        left = abs(at.gradient()).reshape(trial.size, -1).max(-1, initial=0)
        if trial.size and not (left >= ALIVE_SHARE * usual).all():
            raise BreachError(
                f"the largest gradient of each example is {as_text(left)} at scores of "
                f"{as_text(scores)}, where every prediction is wrong; at scores of 0 "
                f"it is {usual:.3g}"
            )


def mean_of_examples(trial: Trial) -> None:
    """The loss of a batch is the mean of the losses of its single examples."""
    if trial.per_sample:
        raise InapplicableError("one loss per example")
    if not trial.size:
        raise UnfitError("it is empty")
    alone = [trial.selected(np.s_[i : i + 1]).losses() for i in range(trial.size)]
    compare(
        trial,
        VALUE,
        ("the loss of the batch", trial.losses()),
        (
            f"the mean of its examples' losses {as_text(np.array(alone))}",
            np.asarray(np.mean(alone)),
        ),
    )


def repetition_invariant(trial: Trial) -> None:
    """A batch that holds each example twice has the same loss."""
    if trial.per_sample:
        raise InapplicableError("one loss per example")
    twice = trial.selected(np.tile(np.arange(trial.size), 2))
    compare(
        trial,
        VALUE,
        ("the loss of a batch with each example twice", twice.losses()),
        ("the loss with each example once", trial.losses()),
    )


def _truth(trial: Trial) -> tuple[Trial, Array]:
    """A trial with certain targets, and the direction from its scores to the truth."""
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
    return tolerance(trial, VALUE, losses, 2 * EPS[trial.working_dtype])

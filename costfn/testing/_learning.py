"""Clauses on learning: there is a gradient, for every class, from the right target."""

from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np

from ._backend import EPS
from ._strategies import Array
from ._tolerance import GRADIENT, VALUE, tolerance
from ._trial import BreachError, InapplicableError, Trial, UnfitError, as_text


def alive(trial: Trial) -> None:
    """The gradient is not 0 for at least one batch."""
    if not trial.gradient().any():
        raise BreachError("the gradient is 0 for every batch that was tried")


def paired(trial: Trial) -> None:
    """The loss depends on which example has which target."""
    if not trial.arguments[1:] or trial.in_dims[1] != 0:
        raise InapplicableError("there is no target for each example")
    target = trial.arguments[1]
    if trial.size < 2 or (target == target[:1]).all():
        raise UnfitError("no batch has two different targets")
    at = trial.nudged()
    for turn in range(1, trial.size):
        if not same_for(at, np.roll(target, turn, axis=0)):
            return
    raise BreachError(
        f"the loss is {as_text(at.losses())} in whatever order the targets "
        f"{as_text(target)} are given, and its gradient stays the same too: the loss "
        "does not use the target, or compares all scores with all targets, as shapes "
        "(n, 1) and (n,) broadcast"
    )


def same_for(trial: Trial, target: Array) -> bool:
    """Whether loss and gradient are the same for another target, up to rounding."""
    other = trial.with_target(target)
    eps = 2 * EPS[trial.working_dtype]
    for quantity in (VALUE, GRADIENT):
        one, two = quantity.compute(trial), quantity.compute(other)
        allowed = tolerance(trial, quantity, one, eps)
        with np.errstate(invalid="ignore"):
            if not (abs(one - two) <= allowed).all():
                return False
    return True


def every_class(trials: Sequence[Trial]) -> None:
    """Examples of every class and scores of every class get a gradient."""
    first = trials[0]
    if first.task == "regression" or not first.arguments[1:]:
        raise InapplicableError("the target holds no classes")
    if first.task == "multiclass":
        check_labels(first)
    for classes in sorted({trial.scores.shape[1:] for trial in trials}):
        of_these = [t for t in trials if t.scores.shape[1:] == classes and t.size]
        _check_classes(of_these)


def _check_classes(trials: Sequence[Trial]) -> None:
    examples: dict[str, tuple[bool, Trial]] = {}
    scores: dict[str, tuple[bool, Trial]] = {}
    for turned in chain.from_iterable(map(_with_classes_rotated, trials)):
        try:
            moved = turned.gradient() != 0
        except Exception:  # the loss refuses a label that the rotation made
            continue
        for found, parts in ((examples, _examples(turned)), (scores, _scores(turned))):
            for name, where in parts:
                before = found.get(name, (False, turned))
                found[name] = (before[0] or bool(moved[where].any()), before[1])
        done = all(learns for learns, _ in (*examples.values(), *scores.values()))
        if done and (len(examples) >= len(scores) or turned.task == "multilabel"):
            return
    for what, found in (("the examples", examples), ("the scores", scores)):
        for name, (learns, trial) in found.items():
            if not learns:
                raise BreachError(
                    f"{what} of {name} get a gradient of 0 in every batch",
                    trial.arguments,
                )


def _with_classes_rotated(trial: Trial) -> Iterator[Trial]:
    """The batch, then the same batch with the classes renamed in turn."""
    yield trial
    if trial.scores.ndim < 2:
        return
    classes = trial.scores.shape[-1]
    for turn in range(1, classes):
        target = trial.arguments[1]
        if trial.task == "multiclass":
            target = (target + turn) % classes
        else:
            target = np.roll(target, turn, axis=-1)
        yield trial.with_scores(np.roll(trial.scores, turn, -1)).with_target(target)


def _examples(trial: Trial) -> Iterator[tuple[str, Array]]:
    """The name of each class, and a mask of its examples."""
    target = trial.arguments[1]
    if trial.task == "soft":
        target = target.argmax(-1)
    for label in np.unique(target):
        yield f"class {int(label)}", target == label


def _scores(trial: Trial) -> Iterator[tuple[str, Array]]:
    """The name of each class, and a mask of its scores."""
    columns = trial.scores.shape[-1] if trial.scores.ndim > 1 else 0
    for column in range(columns):
        where = np.zeros(trial.scores.shape, bool)
        where[..., column] = True
        yield f"class {column}", where


def check_labels(trial: Trial) -> None:
    """Leaves a clause out if the target does not hold the class of each example."""
    target = trial.arguments[1] if trial.arguments[1:] else np.zeros(())
    if target.dtype.kind not in "iu" or target.ndim != trial.scores.ndim - 1:
        raise InapplicableError("the target holds no labels")
    if trial.labels_are_groups:
        raise InapplicableError("the labels are names of groups")

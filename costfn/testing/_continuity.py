"""The clause `continuous`: between two batches the loss changes as its gradient says.

The loss is followed along a straight path from one batch of scores to another. At a
jump, as an argmax makes it, the loss changes by more than its slopes explain. Bisection
tells a jump from a kink or a curve: halving an interval halves what a kink or a curve
leaves unexplained, but not a jump.
"""

import heapq
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ._strategies import Array
from ._tolerance import scale_of
from ._trial import BreachError, Trial, UnfitError, as_text, fixed_numbers

PARTS = 8  # intervals of a path at the start
# The width, relative to the path, at which halving stops. It is about the square root
# of the precision of float64: the two scores still differ in half of their digits.
NARROW = 2.0**-27
LEVELS = 10  # halvings after which a kink or a curve leaves almost nothing unexplained
JUMP = 2.0**-13  # the smallest reported jump, relative to the loss and its scale
BUDGET = 80  # halvings on one path, each of which evaluates the loss once


class Point(NamedTuple):
    """A position on the path, the loss there, and its slope along the path."""

    where: float
    loss: float
    slope: float


class Interval(NamedTuple):
    """An interval of the path, and the change of the loss that its slopes leave.

    Attributes:
        order: The unexplained change with a minus, so that a heap has the worst first.
        start: One end.
        end: The other end.
        history: The unexplained change of the intervals it was cut from, and its own.
    """

    order: float
    start: Point
    end: Point
    history: tuple[float, ...]

    @property
    def unexplained(self) -> float:
        """The change of the loss that the slopes at both ends do not explain."""
        return -self.order


def continuous(trial: Trial) -> None:
    """Between any two scores the loss changes as its gradient says, without a jump."""
    at = trial.nudged()
    paths = [end - at.scores for end in _ends(at)]
    paths = [path for path in paths if path.any()]
    if not paths:
        raise UnfitError("there are no other scores to move to")
    for path in paths:
        _check_path(at, path)


def _ends(trial: Trial) -> Iterator[Array]:
    """Other scores that the loss accepts, for which it may take another branch."""
    scores = trial.scores
    yield scores.ravel()[::-1].reshape(scores.shape)
    if trial.task == "regression":
        target = trial.arguments[1]
        if target.shape == scores.shape:
            yield target + (fixed_numbers(scores.shape, start=3) / 128)
    elif trial.with_scores(-scores).is_accepted():
        yield -scores


def _check_path(trial: Trial, path: Array) -> None:
    """Halves the interval with the largest unexplained change until it is a jump."""
    start = trial.scores

    def at(where: float) -> Point:
        here = trial.with_scores(start + where * path)
        slope = (here.gradient() * path).sum()
        return Point(where, float(here.losses().sum()), float(slope))

    def between(one: Point, two: Point, history: tuple[float, ...]) -> Interval:
        explained = (two.where - one.where) * (one.slope + two.slope) / 2
        unexplained = abs(two.loss - one.loss - explained)
        return Interval(-unexplained, one, two, (*history, unexplained))

    try:
        points = [at(i / PARTS) for i in range(PARTS + 1)]
    except Exception:
        return  # the loss refuses scores on this path
    if not np.isfinite([p[1:] for p in points]).all():
        return
    enough = JUMP * (max(abs(p.loss) for p in points) + scale_of(trial))
    queue = [between(*pair, ()) for pair in pairwise(points)]
    heapq.heapify(queue)
    for _ in range(BUDGET):
        worst = heapq.heappop(queue)
        if worst.unexplained <= enough or not np.isfinite(worst.unexplained):
            return
        one, two, history = worst.start, worst.end, worst.history
        if two.where - one.where <= NARROW:
            # A jump is the same after any number of halvings; a steep curve is not.
            if worst.unexplained > history[-1 - LEVELS] / 2:
                _report(start, path, one, two)
            continue
        middle = at((one.where + two.where) / 2)
        heapq.heappush(queue, between(one, middle, history))
        heapq.heappush(queue, between(middle, two, history))


def _report(start: Array, path: Array, one: Point, two: Point) -> None:
    here, step = start + one.where * path, (two.where - one.where) * path
    raise BreachError(
        f"the loss jumps from {one.loss:.9g} to {two.loss:.9g} when the scores "
        f"{as_text(here, 9)} change by {as_text(step, 2)}, and its gradient does not "
        "show it"
    )

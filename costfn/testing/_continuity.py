"""A clause on the way between two batches: the loss changes as its gradient says."""

import heapq
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ._strategies import Array
from ._tolerance import scale_of
from ._trial import BreachError, Trial, UnfitError, generic, shown

PARTS = 8  # of a way, to begin with
NARROW = 2.0**-27  # of a way: here only a jump is left
LEVELS = 10  # of halving, by which a kink or a curve has all but gone
JUMP = 2.0**-13  # of the loss and its scale: what is called a jump
BUDGET = 80  # intervals that are halved on a way


class Point(NamedTuple):
    """A place on the way, with the loss there and its slope along the way."""

    where: float
    loss: float
    slope: float


class Interval(NamedTuple):
    """What the slopes at both ends leave unexplained of the change; worst first."""

    order: float
    start: Point
    end: Point
    before: tuple[float, ...]

    @property
    def defect(self) -> float:
        return -self.order


def continuous(trial: Trial) -> None:
    """Between any two scores the loss changes as its gradient says, without a jump."""
    at = trial.nudged()
    ways = [end - at.scores for end in _ends(at)]
    ways = [way for way in ways if way.any()]
    if not ways:
        raise UnfitError("no way to other scores")
    for way in ways:
        _walk(at, way)


def _ends(trial: Trial) -> Iterator[Array]:
    """Other scores that the loss takes, for which it may decide otherwise."""
    scores = trial.scores
    yield scores.ravel()[::-1].reshape(scores.shape)
    if trial.task == "regression":
        target = trial.arguments[1]
        if target.shape == scores.shape:
            yield target + (generic(scores.shape, start=3) / 128)
    elif trial.with_scores(-scores).is_taken():
        yield -scores


def _walk(trial: Trial, way: Array) -> None:
    """Halves where the loss is least explained, until a jump is left or nothing."""
    start = trial.scores

    def at(where: float) -> Point:
        here = trial.with_scores(start + where * way)
        slope = (here.gradient() * way).sum()
        return Point(where, float(here.losses().sum()), float(slope))

    def between(one: Point, two: Point, before: tuple[float, ...]) -> Interval:
        explained = (two.where - one.where) * (one.slope + two.slope) / 2
        defect = abs(two.loss - one.loss - explained)
        return Interval(-defect, one, two, (*before, defect))

    try:
        points = [at(i / PARTS) for i in range(PARTS + 1)]
    except Exception:
        return  # the way leads where the loss refuses the scores
    if not np.isfinite([p[1:] for p in points]).all():
        return
    enough = JUMP * (max(abs(p.loss) for p in points) + scale_of(trial))
    queue = [between(*pair, ()) for pair in pairwise(points)]
    heapq.heapify(queue)
    for _ in range(BUDGET):
        worst = heapq.heappop(queue)
        if worst.defect <= enough or not np.isfinite(worst.defect):
            return
        one, two, before = worst.start, worst.end, worst.before
        if two.where - one.where <= NARROW:
            if worst.defect > before[-1 - LEVELS] / 2:
                _report(start, way, one, two)
            continue
        middle = at((one.where + two.where) / 2)
        heapq.heappush(queue, between(one, middle, before))
        heapq.heappush(queue, between(middle, two, before))


def _report(start: Array, way: Array, one: Point, two: Point) -> None:
    here, on = start + one.where * way, (two.where - one.where) * way
    raise BreachError(
        f"the loss jumps from {one.loss:.9g} to {two.loss:.9g} between scores of "
        f"{shown(here, 9)} and those {shown(on, 2)} further, and its gradient knows "
        "nothing of it"
    )

"""The state of one examination: the runs, the clock, the findings."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from .inputs import Inputs
from .report import Finding
from .subject import Frozen, Run, Subject
from .thresholds import (
    FEWEST_SAMPLES,
    MOVES,
    RIGHT_LOGIT,
    ROUNDING,
    SAMPLES,
    SMALLEST_SCALE,
)
from .trace import Array, Site

OFTEN_RIGHT = 2
"""Place of the sample that is often right among the others."""


class OutOfTimeError(Exception):
    """The time budget is spent."""


@dataclass
class Examination:
    """Runs a loss and keeps what is found, within a budget of seconds."""

    subject: Subject
    inputs: Inputs
    budget: float
    stochastic: bool = False
    findings: list[Finding] = field(default_factory=list)
    checked: list[str] = field(default_factory=list)
    not_checked: list[str] = field(default_factory=list)
    start: float = field(default_factory=time.perf_counter)

    @property
    def seconds(self) -> float:
        """Time since the start."""
        return time.perf_counter() - self.start

    def spend(self) -> None:
        """Stop the current check, if the budget is spent."""
        if self.seconds > self.budget:
            raise OutOfTimeError

    def run(self, prediction: Array, target: Any = None, **options: Any) -> Run:
        """Evaluate the loss on a prediction, with the given target by default."""
        self.spend()
        target = self.inputs.target if target is None else target
        needed = bool(options.get("frozen") or options.get("record"))
        return self.subject.run(prediction, target, **{"traced": needed, **options})

    def recorded(self, prediction: Array, target: Any = None, **options: Any) -> Run:
        """Evaluate the loss without gradient and record the numbers of every step."""
        return self.run(prediction, target, record=True, gradient=False, **options)

    def value(self, prediction: Array, frozen: Frozen | None = None) -> float:
        """Value of the loss alone."""
        return self.run(prediction, gradient=False, frozen=frozen).value

    def perform(
        self, name: str, check: Callable[["Examination"], None], *, always: bool
    ) -> None:
        """Perform a check, or note that there was no time for it."""
        try:
            if not always:
                self.spend()
            check(self)
        except OutOfTimeError:
            self.not_checked.append(f"{name} (budget of {self.budget:g} s spent)")

    @cached_property
    def base(self) -> Run:
        """The run on the inputs as they were given."""
        return self.subject.run(self.inputs.prediction, self.inputs.target)

    @cached_property
    def samples(self) -> list[Array]:
        """Other predictions like the one given; among logits one that is often right.

        With many classes random guesses are rarely right, so an accuracy would not
        change between random predictions. Hence one sample has every second row right.
        """
        found = [self.inputs.sample(k) for k in range(SAMPLES)]
        pair = self.inputs.right_and_wrong() if self.inputs.classifies else None
        if pair is not None and self.inputs.kind in ("logits", "real"):
            often = self.inputs.prediction.copy()
            often[::2] = RIGHT_LOGIT * pair[0][::2]
            found.insert(OFTEN_RIGHT, often)
        return found

    @cached_property
    def runs(self) -> list[Run]:
        """The runs on the other predictions: as many as the budget allows.

        A minimum is run in any case, because the verdict on the gradient needs it.
        """
        runs: list[Run] = []
        for sample in self.samples:
            if len(runs) < FEWEST_SAMPLES or self.seconds < self.budget:
                runs.append(self.subject.run(sample, self.inputs.target))
        return runs

    @cached_property
    def values(self) -> list[float]:
        """Finite values of the loss on all of them."""
        runs = [self.base, *self.runs]
        return [r.value for r in runs if r.evaluated and math.isfinite(r.value)]

    @property
    def scale(self) -> float:
        """Largest of the values, ignoring their signs."""
        return max((abs(value) for value in self.values), default=0.0)

    @property
    def tolerance(self) -> float:
        """Largest change of the loss that may be rounding."""
        return ROUNDING * max(self.scale, SMALLEST_SCALE)

    @property
    def movement(self) -> float:
        """Difference between the largest and the smallest value of the loss."""
        return max(self.values) - min(self.values) if self.values else 0.0

    @property
    def moves(self) -> bool:
        """Whether the loss changes with the prediction, by more than rounding."""
        return self.movement > MOVES * self.tolerance

    @cached_property
    def gradients(self) -> list[Array]:
        """The gradients that exist, at all predictions tried."""
        runs = [self.base, *self.runs]
        return [run.gradient for run in runs if run.gradient is not None]

    @property
    def trains(self) -> bool:
        """Whether a gradient other than zero reaches the prediction."""
        return any(bool((gradient != 0).any()) for gradient in self.gradients)

    @cached_property
    def effects(self) -> dict[Site, float]:
        """For each cut, how much the loss changes when this cut alone is frozen."""
        return {site: self._effect(site) for site in self.base.trace.cuts}

    def _effect(self, site: Site) -> float:
        """Largest change of the loss at other predictions with a site frozen."""
        frozen = {site: self.base.trace.cuts[site].recorded}
        largest = 0.0
        for sample, free in zip(self.samples, self.runs, strict=False):
            run = self.run(sample, gradient=False, frozen=frozen)
            if free.evaluated and not run.evaluated:
                return math.inf
            change = abs(run.value - free.value)
            largest = max(largest, change if math.isfinite(change) else 0.0)
        return largest

    @property
    def active_cuts(self) -> list[Site]:
        """Cuts on which the value of the loss depends, in their order."""
        return [site for site, by in self.effects.items() if by > self.tolerance]

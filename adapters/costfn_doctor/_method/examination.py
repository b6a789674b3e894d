"""The state of one examination: runs, the clock, findings."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from .inputs import RIGHT, Inputs
from .report import Finding
from .subject import Frozen, Run, Subject
from .trace import Array, Site

SAMPLES = 5
OFTEN_RIGHT = 2  # place of the sample that is often right


class OutOfTimeError(Exception):
    """The budget is spent."""


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
        """Stop the check that runs, if the budget is spent."""
        if self.seconds > self.budget:
            raise OutOfTimeError

    def run(self, prediction: Array, target: Any = None, **options: Any) -> Run:
        """Evaluate the loss on a prediction, and the given target by default."""
        self.spend()
        target = self.inputs.target if target is None else target
        needed = bool(options.get("frozen") or options.get("record"))
        return self.subject.run(prediction, target, **{"traced": needed, **options})

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
        """The run on the inputs as they are given."""
        return self.subject.run(self.inputs.prediction, self.inputs.target)

    @cached_property
    def samples(self) -> list[Array]:
        """Other predictions like the one given; of classes one that is often right."""
        found = [self.inputs.sample(k) for k in range(SAMPLES)]
        pair = self.inputs.right_and_wrong() if self.inputs.classifies else None
        if pair is not None and self.inputs.kind in ("logits", "real"):
            often = self.inputs.prediction.copy()
            # Chance is right too seldom for an accuracy to move, of many classes.
            often[::2] = RIGHT * pair[0][::2]
            found.insert(OFTEN_RIGHT, often)
        return found

    @cached_property
    def runs(self) -> list[Run]:
        """The runs on the other predictions: as many as time allows, at least two."""
        runs: list[Run] = []
        for sample in self.samples:
            if len(runs) < 2 or self.seconds < self.budget:
                runs.append(self.subject.run(sample, self.inputs.target))
        return runs

    @cached_property
    def values(self) -> list[float]:
        """Finite values of the loss on all of them."""
        runs = [self.base, *self.runs]
        return [r.value for r in runs if r.evaluated and math.isfinite(r.value)]

    @property
    def scale(self) -> float:
        """Largest of the values."""
        return max([abs(value) for value in self.values] + [1e-12])

    @property
    def tolerance(self) -> float:
        """A change of the loss that is no more than rounding."""
        return 2e-6 * max(self.scale, 1e-6)

    @property
    def movement(self) -> float:
        """How far the loss moves with the prediction."""
        return max(self.values) - min(self.values) if self.values else 0.0

    @property
    def moves(self) -> bool:
        """Whether the loss moves with the prediction, beyond rounding."""
        return self.movement > 5 * self.tolerance

    @cached_property
    def gradients(self) -> list[Array]:
        """The gradients that there are, at all predictions tried."""
        runs = [self.base, *self.runs]
        return [run.gradient for run in runs if run.gradient is not None]

    @property
    def trains(self) -> bool:
        """Whether a gradient that is not zero reaches the prediction."""
        return any(bool((gradient != 0).any()) for gradient in self.gradients)

    @cached_property
    def effects(self) -> dict[Site, float]:
        """Of each cut the change of the loss when it alone is frozen."""
        return {site: self.effect({site}) for site in self.base.trace.cuts}

    def effect(self, sites: set[Site]) -> float:
        """Largest change of the loss at other predictions, with sites frozen."""
        cuts = self.base.trace.cuts
        frozen = {site: cuts[site].recorded for site in sites}
        largest = 0.0
        for sample, free in zip(self.samples, self.runs, strict=False):
            run = self.run(sample, gradient=False, frozen=frozen)
            if free.evaluated and not run.evaluated:
                return math.inf
            change = abs(run.value - free.value)
            largest = max(largest, change if math.isfinite(change) else 0.0)
        return largest

    @property
    def active(self) -> list[Site]:
        """Cuts that the value of the loss goes through, in their order."""
        return [site for site, by in self.effects.items() if by > self.tolerance]

    def along(self, gradient: Array, direction: Array) -> float:
        """Derivative along a direction."""
        return float(np.sum(gradient * direction))

"""What the doctor asks of a framework: run the loss, freeze, trace."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np

from .report import Finding
from .source import Location, Source
from .trace import Array, Site, Trace

Frozen = Mapping[Site, list[Any]]


@dataclass(frozen=True)
class Failure:
    """An error that the loss or its backward pass raised."""

    error: BaseException
    at: Location | None
    phase: str


@dataclass
class Run:
    """One evaluation of the loss."""

    value: float = float("nan")
    gradient: Array | None = None
    connected: bool = False
    leaf: bool = False
    returned: str = "a scalar"
    shape: tuple[int, ...] = ()
    failure: Failure | None = None
    trace: Trace = field(default_factory=Trace)

    @property
    def finite(self) -> bool:
        """Whether the value is finite, and the gradient if there is one."""
        fine = self.gradient is None or bool(np.isfinite(self.gradient).all())
        return fine and math.isfinite(self.value)

    @property
    def evaluated(self) -> bool:
        """Whether the loss has a value, its backward pass may have failed."""
        return self.failure is None or self.failure.phase == "backward"


class NonFinite(NamedTuple):
    """Where a value or a gradient first stops being finite."""

    at: Location | None
    operation: str
    backward: bool
    zero_gradient: bool = False
    divides_by_zero: bool = False
    nan: bool = False
    masked: bool = False
    large: bool = False


class Subject(Protocol):
    """A loss in its framework."""

    name: str
    source: Source

    def run(
        self,
        prediction: Array,
        target: Any,
        *,
        gradient: bool = True,
        frozen: Frozen | None = None,
        double: bool = False,
        seed: int = 0,
        traced: bool = True,
        record: bool = False,
    ) -> Run:
        """Evaluate the loss, with the recorded results at the frozen sites."""

    def rules(self, prediction: Array, target: Any) -> list[Finding]:
        """Findings about single calls of the framework's functions."""

    def explain(self, run: Run) -> Finding:
        """Finding for a run that failed."""

    def non_finite(self, prediction: Array, target: Any) -> NonFinite | None:
        """First place where the value or the gradient is not finite."""

    def vanishing(self, prediction: Array, target: Any) -> Location | None:
        """Line where most of the gradient is lost on its way back."""

    def line_that_changes(
        self, what: str, prediction: Array, target: Any
    ) -> Location | None:
        """Line whose execution changes the random state or the caller's tensors."""

    def backward_findings(self, prediction: Array, target: Any) -> list[Finding]:
        """Findings about hand-written backward passes, each tested alone."""

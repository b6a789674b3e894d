"""What the doctor asks of a framework: run the loss, freeze lines, trace."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np

from .report import Finding
from .source import Location, Source
from .trace import Array, Site, Trace

Frozen = Mapping[Site, list[Any]]
"""Sites to freeze, each with the results to return: one for each time it runs."""
SCALAR = "a scalar"


@dataclass(frozen=True)
class Failure:
    """An error that the loss or its backward pass raised."""

    error: BaseException
    at: Location | None
    phase: str


@dataclass
class Run:
    """One evaluation of the loss.

    Attributes:
        value: The loss; the sum, if it returned one per example.
        gradient: Of the prediction; None if there is none.
        connected: A graph leads from the loss to the prediction.
        new_leaf: The loss requires a gradient, but no graph leads to the prediction.
        returned: What the loss returned, in words.
        shape: Of the tensor that it returned.
        failure: The error, if it raised one.
        trace: The operations that it performed.
    """

    value: float = float("nan")
    gradient: Array | None = None
    connected: bool = False
    new_leaf: bool = False
    returned: str = SCALAR
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
        """Whether the loss has a value; its backward pass may have failed."""
        return self.failure is None or self.failure.phase == "backward"


class NonFinite(NamedTuple):
    """Where a value or a gradient first stops being finite.

    Attributes:
        at: Line of the user's code.
        operation: The operation that made the number.
        backward: It was its derivative.
        zero_gradient: It multiplied a gradient of 0, in values thrown away later.
        divides_by_zero: It divided by 0.
        nan: It made NaN, and not infinity alone.
        masked: A `where` or a mask throws its result away later.
        large: One of its inputs was larger than 1.
    """

    at: Location | None
    operation: str
    backward: bool
    zero_gradient: bool = False
    divides_by_zero: bool = False
    nan: bool = False
    masked: bool = False
    large: bool = False


class Subject(Protocol):
    """A loss under examination, run by its framework."""

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
        """Line that changes the random state or the caller's tensors."""

    def line_that_returns(self, prediction: Array, target: Any) -> Location | None:
        """Line at which the loss returns."""

    def backward_findings(self, prediction: Array, target: Any) -> list[Finding]:
        """Findings about backward passes written by hand, each tested alone."""

"""What one run of a loss did: its operations, and where its graph was cut."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .source import Location
from .thresholds import SAME_ABSOLUTE, SAME_RELATIVE

Array = NDArray[Any]


@dataclass(frozen=True)
class Site:
    """A place that can be frozen: an operation at a line of the user's code."""

    at: Location | None
    operation: str
    path: tuple[int, ...] = ()


@dataclass
class Op:
    """One operation of a run; each value of the run has a number.

    Attributes:
        name: As the framework calls the operation.
        at: Line of the user's code that called it.
        inputs: Numbers of the values that it read.
        outputs: Numbers of the values that it made.
        site: Where it can be frozen.
        live: A gradient could flow through one of its inputs.
        additive: It is a sum, a difference, a change of sign or a view.
        enables_grad: It makes a value require a gradient.
        reads_table: It looks numbers up in a table by an index.
        is_loss: It is a loss of the framework itself.
        discards: It throws values away, as `where` or a mask does.
        divides: It divides by one of its inputs.
        given_infinity: It was given an infinite Python number on purpose.
        values: Numbers in its outputs, if the run was recorded.
    """

    name: str
    at: Location | None
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    site: Site | None = None
    live: bool = False
    additive: bool = False
    enables_grad: bool = False
    reads_table: bool = False
    is_loss: bool = False
    discards: bool = False
    divides: bool = False
    given_infinity: bool = False
    values: list[Array] | None = None


@dataclass
class Cut:
    """A site where a value that has a gradient makes one that has none.

    Attributes:
        site: The operation and its line.
        cause: Why no gradient passes.
        recorded: Its results, one for each time that the line ran.
        inputs: Numbers of the values that it read.
        outputs: Numbers of the values that it made.
        steps: What happens to the value afterwards: cause, line, operation.
        at: Line that switched gradients off, if that is the reason.
    """

    site: Site
    cause: str
    recorded: list[Any] = field(default_factory=list)
    inputs: list[int] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)
    steps: list[tuple[str, Location | None, str]] = field(default_factory=list)
    at: Location | None = None

    @property
    def place(self) -> Location | None:
        """The line to show: the site, or where gradients were switched off."""
        return self.site.at if self.at is None else self.at

    @property
    def chain(self) -> list[str]:
        """The later steps of the value, each with its line."""
        return list(dict.fromkeys(f"{what} at {at}" for _, at, what in self.steps))


@dataclass
class Trace:
    """The operations of a run in their order, and the cuts by their site.

    Attributes:
        ops: All operations.
        cuts: Each cut, by its site.
        prediction: Number of the prediction.
        target: Numbers of the tensors in the target.
        result: Number of the loss.
        writes: For "prediction" and "target" the first line that writes into it.
        changed: For the same two how many entries the loss changed.
        overwritten: In-place writes: line, and name of the node that was overwritten.
    """

    ops: list[Op] = field(default_factory=list)
    cuts: dict[Site, Cut] = field(default_factory=dict)
    prediction: int = 0
    target: tuple[int, ...] = ()
    result: int = -1
    writes: dict[str, Location | None] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    overwritten: list[tuple[Location | None, str]] = field(default_factory=list)

    def reached(self, start: Sequence[int]) -> set[int]:
        """Values that are made of those at the start, which are included."""
        found = set(start)
        for op in self.ops:
            if not found.isdisjoint(op.inputs):
                found.update(op.outputs)
        return found

    def made_of(self, start: int) -> set[int]:
        """Values that a value is made of, itself included."""
        found = {start}
        for op in reversed(self.ops):
            if not found.isdisjoint(op.outputs):
                found.update(op.inputs)
        return found

    def needed(self) -> set[int]:
        """Values that the result is made of."""
        return self.made_of(self.result)

    def dropped(self, start: Sequence[int]) -> Location | None:
        """Last line that makes of these values something that the result ignores."""
        found, needed, last = set(start), self.needed(), None
        for op in self.ops:
            if not found.isdisjoint(op.inputs):
                found.update(op.outputs)
                if op.outputs and needed.isdisjoint(op.outputs) and op.at is not None:
                    last = op.at
        return last

    def taken_for_prediction(self) -> Location | None:
        """Line that made what the last loss of the framework took as its input."""
        last = next((op for op in reversed(self.ops) if op.is_loss), None)
        made = {out: op.at for op in self.ops for out in op.outputs}
        return None if last is None else made.get(last.inputs[0])

    def last_line(self) -> Location | None:
        """Line that made the result."""
        for op in reversed(self.ops):
            if self.result in op.outputs and op.at is not None:
                return op.at
        return next((op.at for op in reversed(self.ops) if op.at is not None), None)

    def recorded_values(self) -> dict[int, Array]:
        """The numbers of each value of a recorded run."""
        return {
            number: value
            for op in self.ops
            for number, value in zip(op.outputs, op.values or (), strict=False)
        }


Equal = Callable[[Array, Array], bool]


def equal(a: Array, b: Array) -> bool:
    """Whether two arrays are equal up to rounding."""
    return a.shape == b.shape and bool(
        np.allclose(a, b, rtol=SAME_RELATIVE, atol=SAME_ABSOLUTE, equal_nan=True)
    )


def equal_in_any_order(a: Array, b: Array) -> bool:
    """Whether two arrays hold the same entries, in whatever order."""
    return a.shape == b.shape and equal(np.sort(a, axis=None), np.sort(b, axis=None))


def _compared(
    one: Trace, other: Trace, same: Equal, changed: Sequence[int]
) -> Iterator[tuple[Op, bool, bool]]:
    """Each operation of two recorded runs: were its inputs, its outputs the same?"""
    values = dict.fromkeys(changed, False)
    for a, b in zip(one.ops, other.ops, strict=False):
        if a.name != b.name or a.values is None or b.values is None:
            return
        inputs = all(values.get(number, True) for number in a.inputs)
        outputs = len(a.values) == len(b.values) and all(map(same, a.values, b.values))
        values.update(dict.fromkeys(a.outputs, outputs))
        yield a, inputs, outputs


def first_difference(one: Trace, other: Trace, same: Equal = equal) -> Op | None:
    """First operation that makes different values of inputs that are the same."""
    for op, inputs, outputs in _compared(one, other, same, ()):
        if inputs and not outputs:
            return op
    return None


def last_absorption(one: Trace, other: Trace, changed: Sequence[int]) -> Op | None:
    """Last operation on the way to the result that makes different inputs the same.

    Args:
        one: A recorded run.
        other: A recorded run of the same loss with other inputs.
        changed: Numbers of the inputs that differ.
    """
    needed = one.needed()
    found = None
    for op, inputs, outputs in _compared(one, other, equal, changed):
        if outputs and not inputs and op.values and not needed.isdisjoint(op.outputs):
            found = op
    return found

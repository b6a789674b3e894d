"""What one run of a loss did: its operations, and where its graph was cut."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .source import Location

Array = NDArray[Any]


@dataclass(frozen=True)
class Site:
    """A place that can be frozen: an operation at a line of the user's code."""

    at: Location | None
    operation: str
    path: tuple[int, ...] = ()


@dataclass
class Op:
    """One operation of a run; numbers stand for the values that flow.

    `additive` operations are sums, differences, signs and views; one that `masks`
    switches gradients on for a value; one that `looks_up` reads a table of
    numbers; one that `compares` is a loss of the framework's own; one that `selects`
    throws values away, as where; one that is `infinite` was given an infinity.
    """

    name: str
    at: Location | None
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    site: Site | None = None
    live: bool = False
    additive: bool = False
    masks: bool = False
    looks_up: bool = False
    compares: bool = False
    selects: bool = False
    divides: bool = False
    infinite: bool = False
    values: list[Array] | None = None


@dataclass
class Cut:
    """A site where a value that has a gradient makes one that has none."""

    site: Site
    cause: str
    recorded: list[Any] = field(default_factory=list)
    inputs: list[int] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)
    steps: list[tuple[str, Location | None, str]] = field(default_factory=list)
    at: Location | None = None

    @property
    def place(self) -> Location | None:
        """The line to show: of the site, or where gradients were switched off."""
        return self.site.at if self.at is None else self.at

    @property
    def chain(self) -> list[str]:
        """The later steps of the value, each with its line."""
        return list(dict.fromkeys(f"{what} at {at}" for _, at, what in self.steps))


@dataclass
class Trace:
    """The operations of a run in their order, and the cuts by their site."""

    ops: list[Op] = field(default_factory=list)
    cuts: dict[Site, Cut] = field(default_factory=dict)
    prediction: int = 0
    target: tuple[int, ...] = ()
    result: int = -1
    writes: dict[str, Location | None] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    overwritten: list[tuple[Location | None, str]] = field(default_factory=list)

    def needed(self) -> set[int]:
        """Values that the result is made of."""
        found = {self.result}
        for op in reversed(self.ops):
            if not found.isdisjoint(op.outputs):
                found.update(op.inputs)
        return found

    def reached(self, start: Sequence[int]) -> set[int]:
        """Values that are made of those at the start."""
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

    def dropped(self, start: Sequence[int]) -> Location | None:
        """Last line that reads these values for something the result never sees."""
        found, needed, last = set(start), self.needed(), None
        for op in self.ops:
            if not found.isdisjoint(op.inputs):
                found.update(op.outputs)
                if op.outputs and needed.isdisjoint(op.outputs) and op.at is not None:
                    last = op.at
        return last

    def stands_in(self) -> Location | None:
        """Line that made what the last operation takes for a prediction."""
        last = next((op for op in reversed(self.ops) if op.compares), None)
        made = {out: op.at for op in self.ops for out in op.outputs}
        return None if last is None else made.get(last.inputs[0])

    def last_line(self) -> Location | None:
        """Line that made the result."""
        for op in reversed(self.ops):
            if self.result in op.outputs and op.at is not None:
                return op.at
        return next((op.at for op in reversed(self.ops) if op.at is not None), None)


def first_difference(
    one: Trace,
    other: Trace,
    *,
    same: "Same",
    changed: Sequence[int] = (),
    absorbed: bool = False,
) -> Op | None:
    """First operation where two recorded runs part, or where they meet again.

    Args:
        one: A run with recorded values.
        other: Another run of the same loss.
        changed: Values that the two runs were given differently.
        same: Whether two values count as equal.
        absorbed: Find instead the last operation on the way to the result that is
            given different values and makes equal ones of them.

    Returns:
        The operation in the first run, or None if there is none.
    """
    values = dict.fromkeys(changed, False)
    needed = one.needed()
    found = None
    for a, b in zip(one.ops, other.ops, strict=False):
        if a.name != b.name or a.values is None or b.values is None:
            break
        equal = len(a.values) == len(b.values) and all(map(same, a.values, b.values))
        moved = any(not values.get(value, True) for value in a.inputs)
        for value in a.outputs:
            values[value] = equal
        if absorbed:
            if moved and equal and a.values and not needed.isdisjoint(a.outputs):
                found = a
        elif not equal and not moved:
            return a
    return found


class Same:
    """Equality of arrays up to rounding."""

    def __init__(self, *, any_order: bool = False) -> None:
        self.any_order = any_order

    def __call__(self, a: Array, b: Array) -> bool:
        """Whether the arrays are equal, in any order of entries if so wanted."""
        if a.shape != b.shape:
            return False
        if self.any_order:
            a, b = np.sort(a, axis=None), np.sort(b, axis=None)
        return bool(np.allclose(a, b, rtol=1e-4, atol=1e-6, equal_nan=True))

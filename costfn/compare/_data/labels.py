"""The classes of the examples, matched by value and not by spelling."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .._errors import listed


@dataclass(frozen=True)
class Classes:
    """The class of each example.

    Attributes:
        labels: One per example.
        notes: Which spellings were read as one class, in sentences.
    """

    labels: list[str]
    notes: list[str]


def value_of(name: str) -> float | str:
    """What a class name stands for: a number, or text without regard to its case."""
    try:
        return float(name)
    except ValueError:
        return " ".join(name.casefold().split())


def read_labels(cells: Iterable[str]) -> Classes:
    """The classes in one spelling each, the most frequent one.

    `1` and `1.0` are one class, and `yes` and `Yes`.
    """
    cells = [cell.strip() for cell in cells]
    spellings: dict[float | str, Counter[str]] = {}
    for cell, count in Counter(cells).items():
        spellings.setdefault(value_of(cell), Counter())[cell] = count
    chosen = {value: _of_number(seen) for value, seen in spellings.items()}
    notes = [
        f"Read as one class, {chosen[value]!r}: {listed(sorted(seen))}."
        for value, seen in spellings.items()
        if len(seen) > 1
    ]
    return Classes([chosen[value_of(cell)] for cell in cells], notes)


def _of_number(seen: Counter[str]) -> str:
    """The most frequent spelling; of a whole number the shortest."""
    name = max(seen, key=lambda spelling: (seen[spelling], -len(spelling)))
    value = value_of(name)
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return name


def matched(name: str, classes: Sequence[str]) -> str:
    """The class that a name means: by spelling, else by value; else the name itself."""
    if name in classes:
        return name
    same = [one for one in classes if value_of(one) == value_of(name)]
    return same[0] if len(same) == 1 else name

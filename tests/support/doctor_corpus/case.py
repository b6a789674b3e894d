"""One labelled loss, and the registry of all."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Case:
    """A loss, re-expressed from where people met it, with the right diagnosis.

    `causes` are the accepted ones; `culprit` is a part of the line at fault, with
    "||" between those that are accepted. `make` returns the loss and a function
    that gives a prediction and a target for a seed.
    """

    id: str
    source: str
    make: Callable[[], tuple[Any, Callable[..., Any]]]
    broken: bool
    causes: frozenset[str]
    culprit: str
    note: str
    framework: str
    options: dict[str, Any]


REGISTRY: dict[str, Case] = {}


def case(
    id,
    source,
    broken,
    causes=(),
    culprit="",
    note="",
    framework="torch",
    **options,
):
    """Register the function below as a case."""

    def add(make):
        assert id not in REGISTRY
        REGISTRY[id] = Case(
            id,
            source,
            make,
            broken,
            frozenset(causes),
            culprit,
            note,
            framework,
            options,
        )
        return make

    return add

"""The report on a loss, and the error for a broken contract."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from textwrap import indent
from typing import Any

from ._clauses import CLAUSES
from ._reproduction import reproduction
from ._trial import BreachError


@dataclass(frozen=True)
class Report:
    """The result of `assert_loss_contract`.

    Attributes:
        kept: The clauses that the loss keeps.
        left_out: The clauses that were not checked, and why.
    """

    kept: tuple[str, ...]
    left_out: dict[str, str]

    def __str__(self) -> str:
        """Two lines: the clauses kept, and the clauses left out."""
        left_out = "; ".join(f"{name}: {why}" for name, why in self.left_out.items())
        return f"kept: {', '.join(self.kept) or 'none'}\nleft out: {left_out or 'none'}"


class LossContractError(AssertionError):
    """A loss breaks its contract.

    Attributes:
        broken: For each broken clause, how the loss breaks it.
        report: The clauses that it keeps, and those that were not checked.
    """

    def __init__(self, message: str, broken: dict[str, str], report: Report) -> None:
        super().__init__(message)
        self.broken = broken
        self.report = report


def failure(
    loss: object,
    options: Mapping[str, Any],
    broken: Mapping[str, BreachError],
    report: Report,
) -> LossContractError:
    """The error, with a call that reproduces it for each clause."""
    name = name_of(loss)
    clauses = "clause" if len(broken) == 1 else "clauses"
    parts = [f"`{name}` breaks the {clauses} {', '.join(broken)}"]
    for clause, breach in broken.items():
        parts += ["", f"{clause}: {CLAUSES[clause]}", indent(str(breach), "    ")]
        if breach.arguments:
            call = reproduction(loss, breach.arguments, options)
            parts += [
                "  The smallest batch found. To reproduce:",
                indent(call, "    "),
            ]
    parts += ["", str(report)]
    return LossContractError(
        "\n".join(parts), {name: str(how) for name, how in broken.items()}, report
    )


def name_of(loss: object) -> str:
    """The name of a function, or of the class of an object."""
    while isinstance(loss, partial):
        loss = loss.func
    return str(getattr(loss, "__name__", type(loss).__name__))

"""Cost matrices with names for rows and columns, from a file or a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

import costfn

from ._data import read_cells
from ._data.labels import matched
from ._errors import InputError, listed, shown

DECISION_WORDS = {"decision", "decisions", "decided", "predicted", "prediction"}
"""In the corner of a cost file: the first column would name the decisions."""


@dataclass(frozen=True)
class NamedCost:
    """Costs `matrix[true, decision]` with the names of their axes.

    Attributes:
        classes: Names of the K true classes, in the order of the rows.
        decisions: Names of the D decisions: the classes in the same order, then
            further actions, such as "abstain".
        matrix: The costs, shape `(K, D)`, in the user's unit; where they differ between
            examples, their means.
        each: The costs of each example, `(examples, K, D)`, where they differ, or None.
    """

    classes: tuple[str, ...]
    decisions: tuple[str, ...]
    matrix: NDArray[np.float64]
    each: NDArray[np.float64] | None = None

    def scaled(self, rows: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
        """The costs scaled for training, `(K, D)`, or `(rows, K, D)` of some examples.

        The least cost of each row is subtracted, because no decision can avoid it. The
        rest is divided by its mean over the wrong decisions, so that the unit of the
        costs does not act as a learning rate. The best decisions stay the same.
        """
        avoidable = self.matrix - self.matrix.min(axis=-1, keepdims=True)
        unit = avoidable[_wrong(self.matrix)].mean()
        if rows is None or self.each is None:
            return np.asarray(avoidable / unit)
        chosen = self.each[rows]
        return np.asarray((chosen - chosen.min(axis=-1, keepdims=True)) / unit)

    def of(
        self,
        examples: NDArray[np.int64],
        truth: NDArray[np.int64],
        decisions: NDArray[np.int64],
    ) -> NDArray[np.float64]:
        """What each decision costs, by the number of the example in the data."""
        if self.each is None:
            return np.asarray(self.matrix[truth, decisions])
        return np.asarray(self.each[examples, truth, decisions])


def _wrong(matrix: NDArray[np.float64]) -> NDArray[np.bool_]:
    wrong: NDArray[np.bool_] = np.eye(*matrix.shape) == 0
    return wrong


def read_cost(
    path: Path, *, separator: str = ",", encoding: str = "utf-8"
) -> pd.DataFrame:
    """A cost file: true classes down the first column, decisions along the header.

    Raises:
        InputError: If the file cannot be read, or says in its corner that the first
            column names the decisions.
    """
    if not path.exists():
        raise InputError(f"cost must be a file that exists, got '{path}'")
    header, *rows = read_cells(path, separator=separator, encoding=encoding)
    if header[0].lower() in DECISION_WORDS:
        raise InputError(
            f"{path} must have the true classes down the first column and the decisions"
            f" along the header, but its corner says {shown(header[0])}: transpose it, "
            "and write 'truth' there"
        )
    return pd.DataFrame(
        [row[1:] for row in rows],
        index=[row[0] for row in rows],
        columns=header[1:],
        dtype=object,
    )


def from_gains(gains: pd.DataFrame) -> pd.DataFrame:
    """Costs from gains: what is lost against the best decision of the same truth.

    Raises:
        InputError: If a gain is not a finite number.
    """
    cells = [
        [
            _parsed(cell, row, column, "gain")
            for cell, column in zip(line, gains.columns, strict=True)
        ]
        for line, row in zip(gains.to_numpy(dtype=object), gains.index, strict=True)
    ]
    costs = costfn.costs.from_utility(np.array(cells, dtype=np.float64))
    return pd.DataFrame(np.asarray(costs), index=gains.index, columns=gains.columns)


def name_cost(
    cost: Any,
    classes: Sequence[str],
    amounts: Mapping[str, NDArray[np.float64]] | None = None,
) -> NamedCost:
    """Checks a cost matrix against the classes of the data, and names its axes.

    Args:
        cost: A table whose index names the true classes and whose columns name the
            decisions, in any order; or an array whose rows and first columns
            follow `classes`; or None for a cost of 1 per mistake. Further columns
            are actions. A cell may name an amount, alone or as `0.5 * amount`.
        classes: The classes of the data.
        amounts: What differs between the examples, each `(examples,)`, by name.

    Returns:
        The costs. Classes are in the order of the rows of `cost`.

    Raises:
        InputError: If the names do not match, or a cost is not a number of at least 0.
    """
    if cost is None:
        cost = 1.0 - np.eye(len(classes))
    table = cost if isinstance(cost, pd.DataFrame) else _named(cost, classes)
    rows = [matched(str(name).strip(), classes) for name in table.index]
    columns = [matched(str(name).strip(), classes) for name in table.columns]
    _check_names(rows, columns, classes)
    order = rows + [name for name in columns if name not in rows]
    cells = table.to_numpy(dtype=object)[:, [columns.index(name) for name in order]]
    known = amounts or {}
    entries = [
        [
            _entry(cell, row, column, known)
            for cell, column in zip(line, order, strict=True)
        ]
        for line, row in zip(cells, rows, strict=True)
    ]
    means = np.array([[np.mean(entry) for entry in line] for line in entries])
    each = None
    if any(np.ndim(entry) for line in entries for entry in line):
        number = next(len(values) for values in known.values())
        each = np.stack(
            [
                np.stack([np.broadcast_to(entry, (number,)) for entry in line], -1)
                for line in entries
            ],
            -2,
        )
    _check_useful(means)
    return NamedCost(tuple(rows), tuple(order), means, each)


def _check_useful(matrix: NDArray[np.float64]) -> None:
    avoidable = matrix - matrix.min(axis=1, keepdims=True)
    if not avoidable.any():
        raise InputError(
            "cost must make some decision cheaper than another, got equal costs in "
            "every row"
        )
    if not avoidable[_wrong(matrix)].any():
        raise InputError(
            "cost must make mistakes cost something, but every wrong decision is as "
            "cheap as can be and the right ones cost more. Is it a table of gains? Use "
            "--gains, or costfn.costs.from_utility"
        )


def _named(given: Any, classes: Sequence[str]) -> pd.DataFrame:
    cost, rows = np.asarray(given), len(classes)
    if cost.ndim != 2 or cost.shape[0] != rows or cost.shape[1] < rows:
        raise InputError(
            f"cost must be of shape ({rows}, {rows} or more), one row per true class "
            f"and one column per decision, got {cost.shape}; the classes are "
            f"{listed(classes)}"
        )
    actions = [f"action {index + 1}" for index in range(cost.shape[1] - rows)]
    return pd.DataFrame(cost, index=list(classes), columns=[*classes, *actions])


def _check_names(
    rows: Sequence[str], columns: Sequence[str], classes: Sequence[str]
) -> None:
    shape = "the first column names the true class, the header the decision"
    for axis, names in (("row", rows), ("column", columns)):
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated or "" in names:
            raise InputError(
                f"cost must have a name of its own on every {axis}, got {listed(names)}"
                f": {shape}"
            )
        unknown = [name for name in classes if name not in names]
        if unknown:
            raise InputError(
                f"cost must have a {axis} for every class of the data, got none for "
                f"{listed(unknown)}; its {axis}s are {listed(names)}: {shape}"
            )
    absent = [name for name in rows if name not in classes]
    if absent:
        raise InputError(
            f"cost must have no row for a class that the data lacks, got "
            f"{listed(absent)}; the classes are {listed(classes)}: {shape}, and an "
            "action such as 'abstain' is a column only"
        )


def _entry(
    cell: object, row: str, column: str, amounts: Mapping[str, NDArray[np.float64]]
) -> float | NDArray[np.float64]:
    factor, star, name = str(cell).rpartition("*")
    amount = amounts.get(name.strip())
    if amount is None:
        value = _parsed(cell, row, column, "cost", amounts)
        if value < 0:
            raise InputError(
                f"{_place(row, column, 'cost')} must be 0 or more and finite, got "
                f"{shown(cell)}; adding a number to a whole row changes no decision. Is"
                " it a table of gains? Use --gains, or costfn.costs.from_utility"
            )
        return value
    found = (_parsed(factor, row, column, "cost") if star else 1.0) * amount
    if not (np.isfinite(found) & (found >= 0)).all():
        raise InputError(
            f"{_place(row, column, 'cost')} must be 0 or more and finite, got "
            f"{shown(cell)}, which is from {found.min():g} to {found.max():g}"
        )
    return found


def _place(row: str, column: str, what: str) -> str:
    return f"{what} of deciding {shown(column)} when the truth is {shown(row)}"


def _parsed(
    cell: object,
    row: str,
    column: str,
    what: str,
    amounts: Mapping[str, object] | None = None,
) -> float:
    try:
        value = float(str(cell))
    except ValueError:
        named = f"; the amounts are {listed(amounts)}" if amounts else ""
        if amounts is not None and not amounts and str(cell).strip():
            named = "; is it a column of amounts? --cost-column"
        raise InputError(
            f"{_place(row, column, what)} must be a number, got {shown(cell)}{named}"
        ) from None
    if not np.isfinite(value):
        raise InputError(
            f"{_place(row, column, what)} must be 0 or more and finite, got "
            f"{shown(cell)}"
            if what == "cost"
            else f"{_place(row, column, what)} must be finite, got {shown(cell)}"
        )
    return value


def diagnosis(cost: NamedCost) -> list[str]:
    """What is odd about a matrix, in sentences: to be read before any training."""
    found = costfn.costs.diagnose(torch.tensor(cost.matrix))
    square = cost.matrix[:, : len(cost.classes)]
    notes = [
        f"If the truth is {shown(name)}, deciding "
        f"{shown(cost.decisions[int(cost.matrix[index].argmin())])} is cheaper than "
        f"{shown(name)}: check the cost matrix."
        for index, name in enumerate(cost.classes)
        if square[index, index] > cost.matrix[index].min()
    ]
    if found.looks_transposed:
        notes.append(
            "Transposed, every right decision would be the cheapest: the first column "
            "must name the truth, the header the decision."
        )
    for worse, better in found.dominated:
        notes.append(
            f"Deciding {shown(cost.decisions[worse])} never costs less than "
            f"{shown(cost.decisions[better])} does."
        )
    return notes

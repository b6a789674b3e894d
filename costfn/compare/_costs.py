"""Cost matrices with names for rows and columns, from a file or a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ._data import read_cells
from ._errors import InputError, listed


@dataclass(frozen=True)
class NamedCost:
    """Costs `matrix[true, decision]` with the names of their axes.

    Attributes:
        classes: Names of the K true classes, in the order of the rows.
        decisions: Names of the D decisions: the classes in the same order, then
            further actions, such as "abstain".
        matrix: The costs, shape `(K, D)`, in the user's unit.
    """

    classes: tuple[str, ...]
    decisions: tuple[str, ...]
    matrix: NDArray[np.float64]

    def scaled(self) -> NDArray[np.float64]:
        """The costs scaled for training, shape `(K, D)`.

        The least cost of each row is subtracted, because no decision can avoid it. The
        rest is divided by its mean over the wrong decisions, so that the unit of the
        costs does not act as a learning rate. The best decisions stay the same.
        """
        avoidable = self.matrix - self.matrix.min(axis=1, keepdims=True)
        wrong = np.eye(*self.matrix.shape) == 0
        return np.asarray(avoidable / avoidable[wrong].mean())


def read_cost(path: Path) -> pd.DataFrame:
    """A cost file: true classes down the first column, decisions along the header.

    Raises:
        InputError: If the file cannot be read.
    """
    if not path.exists():
        raise InputError(f"cost must be a file that exists, got '{path}'")
    header, *rows = read_cells(path)
    return pd.DataFrame(
        [row[1:] for row in rows],
        index=[row[0] for row in rows],
        columns=header[1:],
        dtype=object,
    )


def name_cost(
    cost: Any,
    classes: Sequence[str],
) -> NamedCost:
    """Checks a cost matrix against the classes of the data, and names its axes.

    Args:
        cost: A table whose index names the true classes and whose columns name the
            decisions, in any order; or an array whose rows and first columns
            follow `classes`; or None for a cost of 1 per mistake. Further columns
            are actions.
        classes: The classes of the data.

    Returns:
        The costs. Classes are in the order of the rows of `cost`.

    Raises:
        InputError: If the names do not match, or a cost is not a number of at least 0.
    """
    if cost is None:
        cost = 1.0 - np.eye(len(classes))
    table = cost if isinstance(cost, pd.DataFrame) else _named(cost, classes)
    rows = [str(name).strip() for name in table.index]
    columns = [str(name).strip() for name in table.columns]
    _check_names(rows, columns, classes)
    order = rows + [name for name in columns if name not in rows]
    cells = table.to_numpy(dtype=object)[:, [columns.index(name) for name in order]]
    matrix = np.array(
        [
            [
                _number(cell, row, column)
                for cell, column in zip(line, order, strict=True)
            ]
            for line, row in zip(cells, rows, strict=True)
        ]
    )
    if np.all(matrix == matrix.min(axis=1, keepdims=True)):
        raise InputError(
            "cost must make some decision cheaper than another, got equal costs in "
            "every row"
        )
    return NamedCost(tuple(rows), tuple(order), matrix)


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


def _number(cell: object, row: str, column: str) -> float:
    place = f"cost of deciding {column!r} when the truth is {row!r}"
    try:
        value = float(str(cell))
    except ValueError:
        raise InputError(f"{place} must be a number, got {cell!r}") from None
    if not 0 <= value < float("inf"):
        raise InputError(
            f"{place} must be 0 or more and finite, got {cell!r}; adding a number to "
            "a whole row changes no decision"
        )
    return value

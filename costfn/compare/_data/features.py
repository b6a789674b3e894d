"""Columns of new data, read as they were when the model was trained."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .._errors import InputError, listed, shown
from .columns import read_column
from .marks import marks_of
from .table import read_table


def read_features(
    path: Path,
    columns: Sequence[tuple[str, str]],
    *,
    separator: str = ",",
    encoding: str = "utf-8",
) -> pd.DataFrame:
    """The columns of a file that a model needs; others are left out.

    Args:
        path: The file.
        columns: Name and kind of each column.
        separator: The character between two cells.
        encoding: How the text of the file is written in bytes.

    Raises:
        InputError: If a column is missing, or cannot be read as it was in training.
    """
    if not path.exists():
        raise InputError(f"data must be a file that exists, got {shown(path)}")
    table = read_table(path, separator=separator, encoding=encoding)
    names = [str(name).strip() for name in table.columns]
    table = table.set_axis(names, axis=1)
    lacking = [name for name, _ in columns if name not in names]
    if lacking:
        raise InputError(
            f"{path} must have the columns of the training data, got none called "
            f"{listed(lacking)}"
        )
    return pd.DataFrame(
        {name: _as_trained(name, kind, table[name]) for name, kind in columns}
    )


def _as_trained(name: str, kind: str, cells: "pd.Series[Any]") -> "pd.Series[Any]":
    marks = marks_of(None)
    values, _ = read_column(name, cells, marks, declared=kind == "category")
    if kind == "category":
        return values.astype(object)
    if pd.api.types.is_numeric_dtype(values):
        return values.astype(np.float64)
    if values.isna().all():
        return pd.Series(np.nan, index=values.index, dtype=np.float64)
    raise InputError(
        f"column {shown(name)} must hold {kind}s, as in training, got "
        f"{shown(values.dropna().iloc[0])}"
    )

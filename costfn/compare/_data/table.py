"""A file with a header as data: its columns by their purpose."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .._errors import InputError, listed, shown, suggestion
from .cells import read_cells
from .columns import check_columns, read_column, read_columns
from .data import Data
from .labels import read_labels
from .marks import marks_of

PARQUET = (".parquet", ".pq")


def read_table(
    path: Path, *, separator: str = ",", encoding: str = "utf-8"
) -> pd.DataFrame:
    """The columns of a Parquet file, or those of a file of separated values as text.

    Raises:
        InputError: If the file cannot be read.
    """
    if path.suffix.lower() in PARQUET:
        try:
            return pd.read_parquet(path)
        except ImportError as error:
            raise InputError(
                f"{path} needs a package that reads Parquet: pip install pyarrow"
            ) from error
        except (OSError, ValueError) as error:
            raise InputError(f"{path} must be a Parquet file, got: {error}") from error
    header, *rows = read_cells(path, separator=separator, encoding=encoding)
    return pd.DataFrame(rows, columns=header, dtype=object)


def read_data(
    path: Path,
    *,
    target: str,
    separator: str = ",",
    encoding: str = "utf-8",
    missing: Sequence[str] | None = None,
    drop: Sequence[str] = (),
    categorical: Sequence[str] = (),
    groups: str | None = None,
    time: str | None = None,
    weight: str | None = None,
    amounts: Sequence[str] = (),
) -> Data:
    """The examples of a file, without costs; see `load_data` for the arguments.

    Raises:
        InputError: If the file cannot be read, names a column twice, lacks one that is
            named, or lacks the class of an example.
    """
    table = read_table(path, separator=separator, encoding=encoding)
    names = [str(name).strip() for name in table.columns]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise InputError(
            f"{path} must name each column once, got {listed(repeated)} twice"
        )
    table = table.set_axis(names, axis=1)
    if target not in names:
        raise InputError(
            f"target must be a column of {path}, one of {listed(names)}, got "
            f"{shown(target)}{suggestion(target, names)}"
        )
    others = {"groups": groups, "time": time, "weight": weight}
    used = {option: name for option, name in others.items() if name is not None}
    for option, name in used.items():
        check_columns(option, [name], names)
    check_columns("cost-column", amounts, names)
    several = [target, *used.values()]
    twice = sorted({name for name in several if several.count(name) > 1})
    if twice:
        raise InputError(
            f"target, {', '.join(used)} must be different columns, got {listed(twice)} "
            "twice"
        )
    for name in (*used.values(), target):
        if name in (*drop, *categorical):
            raise InputError(
                f"drop and categorical must name features, got {shown(name)}, which "
                "has another purpose"
            )
    cells = table.pop(target)
    labels = read_labels(_classes(target, cells, marks_of(missing)[0], missing is None))
    marked = {option: table.pop(name) for option, name in used.items()}
    numbers = {
        name: _numbers("cost-column", name, table[name], missing) for name in amounts
    }
    features, columns = read_columns(
        table,
        missing=missing,
        drop=drop,
        categorical=categorical,
        text_from_file=True,
    )
    return Data(
        path.stem,
        features,
        pd.Series(labels.labels),
        None,
        str(path),
        columns,
        labels.notes,
        weight=_weights(used, marked, missing),
        groups=_codes(used, marked),
        time=_moments(used, marked, missing),
        amounts=numbers,
    )


def _classes(
    target: str, cells: "pd.Series[Any]", marks: frozenset[str], usual: bool
) -> list[str]:
    names = [_name(cell) for cell in cells]
    gaps = [i for i, name in enumerate(names) if name is None or name.lower() in marks]
    if gaps:
        cell = names[gaps[0]]
        use = (
            f"; if {cell!r} is a class, name the marks that are none: --missing ''"
            if usual and cell
            else ""
        )
        raise InputError(
            f"target column {target!r} must hold a class for every example, got "
            f"{len(gaps)} missing, the first in data row {gaps[0] + 1}: fill them in "
            f"or remove those rows{use}"
        )
    return [name for name in names if name is not None]


def _name(cell: object) -> str | None:
    if cell is None or (isinstance(cell, float) and np.isnan(cell)) or cell is pd.NA:
        return None
    return str(cell).strip()


def _numbers(
    option: str, name: str, cells: "pd.Series[Any]", missing: Sequence[str] | None
) -> NDArray[np.float64]:
    """A column that must hold a finite number in each row."""
    values, column = read_column(name, cells, marks_of(missing))
    if not pd.api.types.is_numeric_dtype(values):
        raise InputError(
            f"{option} must name a column of numbers, got {shown(name)}: {column.words}"
        )
    array: NDArray[np.float64] = values.to_numpy(dtype=np.float64)
    if np.isnan(array).any():
        raise InputError(
            f"{option} must name a column without missing values, got {shown(name)}, "
            f"with {int(np.isnan(array).sum())} missing, the first in data row "
            f"{int(np.flatnonzero(np.isnan(array))[0]) + 1}"
        )
    return array


def _weights(
    used: dict[str, str],
    marked: dict[str, "pd.Series[Any]"],
    missing: Sequence[str] | None,
) -> NDArray[np.float64] | None:
    if "weight" not in marked:
        return None
    weight = _numbers("weight", used["weight"], marked["weight"], missing)
    if (weight < 0).any() or not weight.any():
        raise InputError(
            f"weight must be at least 0, and not 0 throughout, got {weight.min():g} to "
            f"{weight.max():g} in {shown(used['weight'])}"
        )
    return weight


def _codes(
    used: dict[str, str], marked: dict[str, "pd.Series[Any]"]
) -> NDArray[np.int64] | None:
    if "groups" not in marked:
        return None
    codes, _ = pd.factorize(marked["groups"].map(_name), use_na_sentinel=True)
    if (codes < 0).any():
        raise InputError(
            f"groups must name a column without missing values, got "
            f"{shown(used['groups'])}"
        )
    found: NDArray[np.int64] = codes.astype(np.int64)
    return found


def _moments(
    used: dict[str, str],
    marked: dict[str, "pd.Series[Any]"],
    missing: Sequence[str] | None,
) -> NDArray[np.float64] | None:
    if "time" not in marked:
        return None
    return _numbers("time", used["time"], marked["time"], missing)

"""Data by their name: a built-in set, or a file."""

from collections.abc import Sequence
from pathlib import Path

from .._errors import InputError, listed, shown, suggestion
from .built_in import BUILT_IN
from .data import Data
from .table import PARQUET, read_data, read_table


def load_data(
    name: str,
    *,
    target: str | None = None,
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
    """A built-in data set by its name, or a file by its path.

    A column is read as numbers if all its cells are numbers or marks of a missing
    value; `Data.columns` says how each was read.

    Args:
        name: A key of `BUILT_IN`, or the path of a file of separated values or of a
            Parquet file.
        target: The column of the file that holds the class.
        separator: The character between two cells.
        encoding: How the text of the file is written in bytes.
        missing: The cells that mean a missing value, besides empty ones; None for the
            usual marks.
        drop: Columns to leave out.
        categorical: Columns whose numbers are codes of categories.
        groups: A column of which no value may be in training and test at once.
        time: A column of numbers or dates that orders the examples.
        weight: A column of how much each example counts.
        amounts: Columns of numbers that the cost file may name. They stay features.

    Returns:
        The examples, their classes and, for a built-in set, their cost matrix.

    Raises:
        InputError: If there is no such data set or file, or it cannot be read; if
            `target` is missing for a file, or an option is given for a built-in set.
    """
    if name in BUILT_IN:
        given = {
            "target": target,
            "missing": missing,
            "drop": drop,
            "categorical": categorical,
            "groups": groups,
            "time": time,
            "weight": weight,
            "cost-column": amounts,
        }
        for option, value in given.items():
            if value:
                raise InputError(
                    f"{option} must be left out for the built-in {name!r}, got "
                    f"{value!r}"
                )
        return BUILT_IN[name]()
    path = Path(name)
    if not path.exists():
        if path.suffix.lower() in (".csv", ".tsv", *PARQUET) or len(path.parts) > 1:
            raise InputError(f"data must be a file that exists, got {shown(name)}")
        raise InputError(
            f"data must be a CSV file or one of {listed(BUILT_IN)}, got {shown(name)}"
            f"{suggestion(name, BUILT_IN)}"
        )
    if target is None:
        header = read_table(path, separator=separator, encoding=encoding).columns
        raise InputError(
            f"target must name the column of {name} that holds the class (--target), "
            f"one of {listed(header)}, got none"
        )
    return read_data(
        path,
        target=target,
        separator=separator,
        encoding=encoding,
        missing=missing,
        drop=drop,
        categorical=categorical,
        groups=groups,
        time=time,
        weight=weight,
        amounts=amounts,
    )

"""How each column of a table is read: as numbers, as categories, or not at all."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from .._errors import InputError, listed, shown, suggestion
from .marks import marks_of
from .numbers import dates, in_days, look_like_dates, plain, written_otherwise

Kind = Literal["number", "date", "category", "left out"]

MOST_CATEGORIES = 30
"""More categories than this share columns."""
_NUMBERS_FROM = 0.5  # a larger share of numbers, and the other cells are mistakes
_DIFFERENT = 0.9  # a larger share of different texts, and they are names of the rows


@dataclass(frozen=True)
class Column:
    """How one column was read.

    Attributes:
        name: Its name.
        kind: As numbers, as dates in days, as categories, or left out.
        missing: How many cells have no value.
        words: What else is to be known of it.
    """

    name: str
    kind: Kind
    missing: int
    words: str


def read_columns(
    table: pd.DataFrame,
    *,
    missing: Sequence[str] | None = None,
    drop: Sequence[str] = (),
    categorical: Sequence[str] = (),
    text_from_file: bool = False,
) -> tuple[pd.DataFrame, list[Column]]:
    """The features of a table, and how each column was read.

    A column is numeric if all its cells are numbers or missing. One that is numeric but
    for a few cells is refused. Dates become days. Other text becomes categories.
    Constant columns are left out, text that differs in nearly every row, and, from a
    file, row numbers.

    Args:
        table: A column per feature, of numbers, text, categories, dates or a mixture.
        missing: Marks of missing values in text; None for the usual ones.
        drop: Columns to leave out.
        categorical: Columns that are categories, whatever they hold.
        text_from_file: Whether the table is as it was in a file.

    Returns:
        The features, rows numbered from 0, float64 or categories; and the columns.

    Raises:
        InputError: If a name is there twice or unknown, a column is numeric but for a
            few cells or infinite, or no column is left.
    """
    names = [str(name).strip() for name in table.columns]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise InputError(f"columns must have a name each, got {listed(repeated)} twice")
    for option, chosen in (("drop", drop), ("categorical", categorical)):
        check_columns(option, chosen, names)
    marks = marks_of(missing)
    features: dict[str, pd.Series[Any]] = {}
    columns: list[Column] = []
    for name, (_, cells) in zip(names, table.items(), strict=True):
        if name in drop:
            columns.append(Column(name, "left out", 0, "as asked (--drop)"))
            continue
        cells = cells.reset_index(drop=True)
        found, column = read_column(name, cells, marks, declared=name in categorical)
        if text_from_file and _is_row_number(found):
            column = Column(name, "left out", 0, "numbers of the rows")
        if column.kind != "left out":
            features[name] = found
        columns.append(column)
    if not features:
        raise InputError(
            "features must have a column that varies, got none: "
            + "; ".join(f"{shown(c.name)}: {c.words}" for c in columns[:5])
        )
    return pd.DataFrame(features), columns


def check_columns(option: str, chosen: Sequence[str], names: Collection[str]) -> None:
    """Refuses a name that no column has."""
    for name in chosen:
        if name not in names:
            raise InputError(
                f"{option} must name columns, some of {listed(names)}, got "
                f"{shown(name)}{suggestion(name, names)}"
            )


def read_column(
    name: str,
    cells: "pd.Series[Any]",
    marks: tuple[frozenset[str], frozenset[str]],
    *,
    declared: bool = False,
) -> tuple["pd.Series[Any]", Column]:
    """The values of one column, and how they were read.

    Args:
        name: Its name.
        cells: Its cells.
        marks: Of missing values, in every column and among numbers.
        declared: Whether they are categories, whatever they hold.

    Raises:
        InputError: If it is numeric but for a few cells, or infinite.
    """
    if isinstance(cells.dtype, pd.CategoricalDtype) or declared:
        return _categories(name, _as_text(cells, marks[0]), declared=True)
    if pd.api.types.is_datetime64_any_dtype(cells):
        return _numbers(name, in_days(cells), ["in days since 1970"], "date")
    if pd.api.types.is_complex_dtype(cells):
        raise InputError(f"column {shown(name)} must be real, got complex numbers")
    if pd.api.types.is_numeric_dtype(cells):
        return _numbers(name, cells.astype(np.float64), [])
    text = _as_text(cells, marks[0])
    filled = text.dropna()
    gaps, good = filled.str.lower().isin(marks[1]), plain(filled)
    if (good.notna() | gaps).all() and not gaps.all():
        read = sorted(filled[gaps].unique())
        words = [f"{listed(read)} as missing"] if read else []
        return _numbers(name, good.reindex(text.index), words)
    rest = filled[~gaps]
    if other := written_otherwise(rest):
        return _numbers(name, other[0].reindex(text.index), [other[1]])
    if (days := dates(filled)) is not None:
        return _numbers(name, days.reindex(text.index), ["days since 1970"], "date")
    if good.notna().mean() > _NUMBERS_FROM:
        wrong = good.index[good.isna() & ~gaps]
        raise InputError(
            f"column {shown(name)} must be all numbers or all categories: "
            f"{good.notna().sum()} of {len(filled)} cells are numbers, but data row "
            f"{wrong[0] + 1} has {shown(text[wrong[0]])}"
            f"{f' and {len(wrong) - 1} other rows the like' if len(wrong) > 1 else ''}."
            " Correct it, or name it as a mark of a missing value (--missing), or take "
            f"the column as categories (--categorical) or leave it out (--drop)"
        )
    return _categories(name, text, declared=False)


def _as_text(cells: "pd.Series[Any]", marks: frozenset[str]) -> "pd.Series[Any]":
    """Stripped text, NaN where there is no value; whole numbers without a point."""
    missing = cells.isna()
    if pd.api.types.is_float_dtype(cells) and (cells.dropna() % 1 == 0).all():
        cells = cells.astype("Int64")
    text = cells.astype(object).map(str).str.strip().astype(object)
    return text.where(~(missing | text.str.lower().isin(marks)), np.nan)


def _numbers(
    name: str, values: "pd.Series[Any]", words: list[str], kind: Kind = "number"
) -> tuple["pd.Series[Any]", Column]:
    if np.isinf(values).any():
        row = int(np.flatnonzero(np.isinf(values))[0]) + 1
        raise InputError(
            f"features must be finite, got infinity in column {shown(name)}, data row "
            f"{row}"
        )
    different = values.nunique()
    if values.nunique(dropna=False) < 2:
        return values, Column(name, "left out", int(values.isna().sum()), "constant")
    known = values.dropna()
    whole = kind == "number" and bool((known % 1 == 0).all())
    if whole and 2 < different <= 10:
        words = [*words, f"{different} whole numbers: --categorical if they are codes"]
    elif whole and different > max(MOST_CATEGORIES, _DIFFERENT * len(known)):
        words = [*words, f"{different} whole numbers: --drop if they are an identifier"]
    elif kind == "number":
        words = [*words, f"{known.min():.6g} to {known.max():.6g}"]
    return values, Column(name, kind, int(values.isna().sum()), "; ".join(words))


def _categories(
    name: str, text: "pd.Series[Any]", *, declared: bool
) -> tuple["pd.Series[Any]", Column]:
    missing, different = int(text.isna().sum()), text.nunique()
    filled = len(text) - missing
    if text.nunique(dropna=False) < 2:
        return text, Column(name, "left out", missing, "constant")
    if not declared and different > max(MOST_CATEGORIES, _DIFFERENT * filled):
        words = f"{different} different texts in {filled} rows, such as names or IDs"
        return text, Column(name, "left out", missing, f"{words} (--categorical)")
    words = f"{different} categories"
    if different > MOST_CATEGORIES:
        words += f": the rarest share one of {MOST_CATEGORIES} columns"
    elif look_like_dates(text.dropna()):
        words += ", which look like dates: write them as 2024-03-31"
    else:
        first = text.value_counts().index[:3]
        words += f": {listed(first)}{', ...' if different > 3 else ''}"
    return text.astype("category"), Column(name, "category", missing, words)


def _is_row_number(values: "pd.Series[Any]") -> bool:
    if not pd.api.types.is_numeric_dtype(values) or len(values) < 10:
        return False
    plain = values.to_numpy()
    return bool(plain[0] in (0, 1) and (np.diff(plain) == 1).all())

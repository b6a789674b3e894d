"""Text that holds numbers: plain, with thousands separators, in percent, as dates."""

import re
from typing import Any

import numpy as np
import pandas as pd

_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")
_DECIMAL_COMMA = re.compile(r"[+-]?(\d+|\d{1,3}(\.\d{3})+)?,\d+([eE][+-]?\d+)?")
_DATE = re.compile(
    r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?"
)
_SLASHED = re.compile(r"\d{1,4}[/.]\d{1,2}[/.]\d{2,4}")


def plain(cells: "pd.Series[Any]") -> "pd.Series[float]":
    """Numbers as programs write them; NaN for other text."""
    # `to_numeric` takes 1_000 too, which no program writes.
    numbers = pd.to_numeric(cells, errors="coerce").astype(np.float64)
    return numbers.mask(cells.str.contains("_", regex=False))


def _matches(cells: "pd.Series[Any]", pattern: re.Pattern[str]) -> "pd.Series[bool]":
    return cells.map(lambda cell: pattern.fullmatch(cell) is not None).astype(bool)


def written_otherwise(cells: "pd.Series[Any]") -> tuple["pd.Series[float]", str] | None:
    """Numbers that are not plain, if every cell is one, and how they are written.

    One way of writing for the whole column: a cell without commas is a number in each.
    """
    if cells.str.endswith("%").all():
        inside = cells.str.slice(0, -1).str.strip()
        found = plain(inside)
        return (found, "in percent") if found.notna().all() else None
    commas = cells.str.contains(",", regex=False)
    if not commas.any() or plain(cells[~commas]).isna().any():
        return None
    if _matches(cells[commas], _THOUSANDS).all():
        return plain(cells.str.replace(",", "", regex=False)), "commas for thousands"
    points = cells[~commas].str.contains(".", regex=False).any()
    if _matches(cells[commas], _DECIMAL_COMMA).all() and not points:
        bare = cells.str.replace(".", "", regex=False).str.replace(",", ".")
        return plain(bare), "commas for decimals"
    return None


def dates(cells: "pd.Series[Any]") -> "pd.Series[float] | None":
    """Days since 1970, if every cell is a date such as 2024-03-31, with time or not."""
    if not _matches(cells, _DATE).all():
        return None
    found = pd.to_datetime(cells, format="ISO8601", utc=True, errors="coerce")
    return None if found.isna().any() else in_days(found)


def in_days(moments: "pd.Series[Any]") -> "pd.Series[float]":
    """Moments as days since 1970, NaN for none."""
    naive = moments if moments.dt.tz is None else moments.dt.tz_convert(None)
    return (naive - pd.Timestamp("1970-01-01")) / pd.Timedelta(days=1)


def look_like_dates(cells: "pd.Series[Any]") -> bool:
    """Whether every cell looks like a date whose day and month could be swapped."""
    return bool(_matches(cells, _SLASHED).all())

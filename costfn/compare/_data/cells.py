"""A file of separated values as rows of text."""

import csv
from pathlib import Path

from .._errors import InputError, shown

SEPARATORS = {",": "commas", ";": "';'", "\t": "tabs", "|": "'|'"}
_LONGEST_CELL = 10**7  # csv refuses cells from 131072 characters on by itself


def read_cells(
    path: Path, *, separator: str = ",", encoding: str = "utf-8"
) -> list[list[str]]:
    """The cells of a file as stripped text, the header first.

    Args:
        path: The file, with a header. Empty lines are left out.
        separator: The character between two cells.
        encoding: How the text is written in bytes, by its name in Python.

    Raises:
        InputError: If the file cannot be read so, is empty, or has a row with more or
            fewer cells than its header.
    """
    check_separator(separator)
    before = csv.field_size_limit(_LONGEST_CELL)
    try:
        # A byte-order mark is not part of the first name.
        utf8 = encoding.lower().replace("_", "-") in ("utf-8", "utf8")
        with path.open(encoding="utf-8-sig" if utf8 else encoding, newline="") as file:
            reader = csv.reader(file, strict=True, delimiter=separator)
            rows = [
                (reader.line_num, [cell.strip() for cell in row])
                for row in reader
                if any(cell.strip() for cell in row)
            ]
    except LookupError as error:
        raise InputError(
            f"encoding must be one that Python knows, such as utf-8 or latin-1, got "
            f"{encoding!r}"
        ) from error
    except UnicodeError as error:
        raise InputError(
            f"{path} must be text in {encoding}, got: {error}; name its own encoding "
            "(--encoding latin-1, --encoding cp1252)"
        ) from error
    except (OSError, csv.Error) as error:
        raise InputError(
            f"{path} must be a file of cells separated by "
            f"{SEPARATORS.get(separator, repr(separator))}, got: {error}"
        ) from error
    finally:
        csv.field_size_limit(before)
    if len(rows) < 2:
        raise InputError(
            f"{path} must hold a header and at least one row, got {len(rows)} rows"
        )
    header = rows[0][1]
    others = [mark for mark in SEPARATORS if mark != separator and mark in header[0]]
    if len(header) == 1 and others:
        option = "$'\\t'" if others[0] == "\t" else f"'{others[0]}'"
        raise InputError(
            f"{path} must be separated by "
            f"{SEPARATORS.get(separator, repr(separator))}, got the header "
            f"{shown(header[0])}; name its own separator (--sep {option})"
        )
    for line, row in rows:
        if len(row) != len(header):
            raise InputError(
                f"{path} must have {len(header)} cells in every row, as its header "
                f"has, got {len(row)} in line {line}"
            )
    return [row for _, row in rows]


def check_separator(separator: str) -> None:
    """Refuses a separator that is not one character between cells."""
    if len(separator) != 1 or separator in '\r\n"':
        raise InputError(
            f"separator must be one character, such as ';', got {separator!r}"
        )

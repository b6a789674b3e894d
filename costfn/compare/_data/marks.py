"""Cells that stand for a missing value."""

from collections.abc import Sequence

from .._errors import InputError

ALWAYS = frozenset(
    {
        "",
        "?",
        "na",
        "n/a",
        "#n/a",
        "#na",
        "<na>",
        "nan",
        "-nan",
        "null",
    }
)
"""Missing in every column, in lower case."""

AMONG_NUMBERS = frozenset(
    {"-", "--", "---", "\u2013", "\u2014", ".", "..", "*", "none", "missing", "n.a."}
    | {"#value!", "#div/0!", "#ref!", "#num!", "#name?", "#null!", "unknown", "nil"}
)
"""Missing where all other cells of the column are numbers; elsewhere a category."""


def marks_of(missing: Sequence[str] | None) -> tuple[frozenset[str], frozenset[str]]:
    """The marks of every column and those among numbers, in lower case.

    Args:
        missing: The only marks that count, besides empty cells; None for the usual.

    Raises:
        InputError: If it is not a list of text.
    """
    if missing is None:
        return ALWAYS, AMONG_NUMBERS
    if isinstance(missing, str) or not all(isinstance(mark, str) for mark in missing):
        raise InputError(f"missing must be a list of marks, got {missing!r}")
    return frozenset({"", *(mark.strip().lower() for mark in missing)}), frozenset()

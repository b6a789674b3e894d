"""The error that a user's data, cost file or option raises if it cannot be used."""

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """The data, the costs or an option cannot be used; the message says why."""


def suggestion(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` for the nearest known name, or an empty text."""
    lowered = {option.lower(): option for option in known}
    near = difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=0.6)
    return f"; did you mean {lowered[near[0]]!r}?" if near else ""


def listed(names: Iterable[str], limit: int = 20) -> str:
    """Names in quotes, joined by commas; at most `limit` of them."""
    names = list(names)
    shown = ", ".join(repr(name) for name in names[:limit])
    return shown + (f", ... ({len(names)} in all)" if len(names) > limit else "")

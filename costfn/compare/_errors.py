"""The error that a user's data, cost file or option raises if it cannot be used."""

import difflib
from collections.abc import Iterable

LONGEST = 60
"""Characters of a name or cell that a message shows."""


class InputError(ValueError):
    """The data, the costs or an option cannot be used; the message says why."""


def suggestion(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` for the nearest known name, or an empty text."""
    if len(name) > LONGEST:
        return ""
    lowered = {option.lower(): option for option in known if len(option) <= LONGEST}
    near = difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=0.6)
    return f"; did you mean {lowered[near[0]]!r}?" if near else ""


def shown(name: object) -> str:
    """A name or cell in quotes, its middle left out if it is long."""
    text = str(name)
    if len(text) <= LONGEST:
        return repr(text)
    half = LONGEST // 2
    return f"{text[:half] + ' ... ' + text[-half:]!r} ({len(text)} characters)"


def listed(names: Iterable[object], limit: int = 20) -> str:
    """Names in quotes, joined by commas; at most `limit` of them."""
    names = list(names)
    first = ", ".join(shown(name) for name in names[:limit])
    return first + (f", ... ({len(names)} in all)" if len(names) > limit else "")

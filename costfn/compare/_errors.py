"""The one error that a user's data, cost file or option can raise."""

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """What was given cannot be compared; the message says how to mend it."""


def suggestion(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` for the nearest known name, or nothing."""
    lowered = {option.lower(): option for option in known}
    near = difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=0.6)
    return f"; did you mean {lowered[near[0]]!r}?" if near else ""


def listed(names: Iterable[str], limit: int = 20) -> str:
    """Names quoted and joined by commas, cut after `limit` of them."""
    names = list(names)
    shown = ", ".join(repr(name) for name in names[:limit])
    return shown + (f", ... ({len(names)} in all)" if len(names) > limit else "")

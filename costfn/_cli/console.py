"""Where the command prints."""

from rich.console import Console

WIDTH = 96
"""The width of tables that do not go to a terminal."""


def to_terminal(*, stderr: bool = False) -> Console:
    """Standard output, or the error stream; of fixed width where it is no terminal."""
    console = Console(stderr=stderr, highlight=False)
    if console.is_terminal:
        return console
    return Console(stderr=stderr, highlight=False, width=WIDTH)

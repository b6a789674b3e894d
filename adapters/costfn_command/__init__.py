"""The command `costfn`, as it is installed.

It stands outside of `costfn`, whose import loads torch: that takes seconds, and to say
the version needs nothing of it.
"""

import sys
from importlib.metadata import version

__all__ = ["main"]


def main() -> None:
    """Say the version, or load the library and run the command."""
    if sys.argv[1:] == ["--version"]:
        print(f"costfn {version('costfn')}")
        return
    from costfn.__main__ import main as command

    command()

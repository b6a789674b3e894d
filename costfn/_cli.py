"""The command `costfn`: it needs the extra `compare`."""

import sys
from importlib.util import find_spec

EXTRA = ("matplotlib", "pandas", "rich", "scipy", "sklearn", "typer")


def main() -> None:
    """Run the command, or say in one line how to install what it needs."""
    missing = [package for package in EXTRA if find_spec(package) is None]
    if missing:
        sys.exit(
            f"costfn: the command needs {', '.join(missing)}: "
            "pip install 'costfn[compare]'"
        )
    from ._commands import app

    app()

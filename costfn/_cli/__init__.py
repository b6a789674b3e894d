"""The command `costfn`: it needs the extra `compare`, or `doctor` for that alone."""

import sys
from importlib.util import find_spec

EXTRA = ("matplotlib", "pandas", "rich", "scipy", "sklearn", "typer")
DOCTOR = ("rich", "typer")


def main() -> None:
    """Run the command, or say in one line how to install what it needs."""
    alone = sys.argv[1:2] == ["doctor"]
    needed, extra = (DOCTOR, "doctor") if alone else (EXTRA, "compare")
    missing = [package for package in needed if find_spec(package) is None]
    if missing:
        sys.exit(
            f"costfn: the command needs {', '.join(missing)}: "
            f"pip install 'costfn[{extra}]'"
        )
    if alone:
        from .doctor import app
    else:
        from .commands import app

    app()

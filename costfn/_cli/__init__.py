"""The command `costfn`: it needs the extra `compare`; `costfn doctor` just `doctor`."""

import sys
from importlib.util import find_spec

EXTRA = (
    "jinja2",
    "joblib",
    "matplotlib",
    "pandas",
    "rich",
    "scipy",
    "skops",
    "sklearn",
    "typer",
)
DOCTOR = ("rich", "typer")


def main() -> None:
    """Runs the command, or says in one line how to install what it needs."""
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

"""Code in a Python of its own, where nothing is imported yet."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def run(code):
    """Run code in a new interpreter that finds the packages where this one does."""
    path = [str(ROOT), str(ROOT / "adapters"), *filter(None, sys.path)]
    code = f"import sys; sys.path[:0] = {path}\n{code}"
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(command, capture_output=True, text=True)

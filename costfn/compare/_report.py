"""Writes the files of a comparison: all of them, or none."""

import json
import math
import os
import platform
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pandas as pd

from ._costs import NamedCost
from ._errors import InputError
from ._experiment import Settings
from ._summary import Row
from ._training import DESCRIPTION
from .candidates import CANDIDATES


def check_directory(directory: Path) -> None:
    """Refuses a directory that cannot be written, before any work is done.

    Raises:
        InputError: If it is a file, or files cannot be created in it.
    """
    if directory.exists() and not directory.is_dir():
        raise InputError(f"out must be a directory, got the file '{directory}'")
    try:
        with tempfile.TemporaryDirectory(dir=_existing(directory)):
            pass
    except OSError as error:
        raise InputError(
            f"out must be a directory that can be written, got '{directory}': "
            f"{error.strerror}"
        ) from error


def write_all(directory: Path, writers: dict[str, Callable[[Path], None]]) -> None:
    """Writes files to a temporary place first, and moves them when all are complete.

    Args:
        directory: Where to write them. It is created if it does not exist; other files
            in it stay.
        writers: For each file name, a function that writes the file to a path.

    Raises:
        InputError: If the directory cannot be written.
    """
    check_directory(directory)
    with tempfile.TemporaryDirectory(dir=_existing(directory)) as scratch:
        for name, write in writers.items():
            write(Path(scratch) / name)
        directory.mkdir(parents=True, exist_ok=True)
        for name in writers:
            os.replace(Path(scratch) / name, directory / name)


def _existing(directory: Path) -> Path:
    """The directory, or the nearest directory above it that exists."""
    directory = directory.absolute()
    return next(path for path in (directory, *directory.parents) if path.exists())


def write_json(
    path: Path,
    *,
    name: str,
    source: str,
    examples: int,
    cost: NamedCost,
    settings: Settings,
    rows: list[Row],
    constant: tuple[str, float],
    verdict: list[str],
    notes: list[str],
) -> None:
    """Writes settings, versions, costs, summary and tests of a comparison as JSON.

    NaN becomes null, because JSON has no NaN.
    """
    losses = dict.fromkeys(row.loss for row in rows)
    value = "mean_cost" if settings.metric == "cost" else "score"
    report = {
        "metric": settings.metric,
        "data": {"name": name, "source": source, "examples": examples},
        "settings": asdict(settings)
        | {
            "training": DESCRIPTION,
            "losses": {loss: CANDIDATES[loss].options for loss in losses},
        },
        "versions": _versions(),
        "cost": {
            "orientation": "matrix[true][decision]",
            "classes": cost.classes,
            "decisions": cost.decisions,
            "matrix": cost.matrix.tolist(),
        },
        "best_constant_decision": {"decision": constant[0], value: constant[1]},
        "summary": [
            asdict(row) | {"confusion": row.confusion.tolist()} for row in rows
        ],
        "tests": {
            "p_value": "corrected resampled t-test (Nadeau and Bengio 2003) on paired "
            "folds, against cross_entropy with argmax, Holm-adjusted over the rows; "
            f"of {value}",
            "p_value_to_best": "the same, against the best row, which is the first",
        },
        "verdict": verdict,
        "notes": notes,
    }
    text = json.dumps(_without_nan(report), indent=2, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in ("costfn", "torch", "numpy", "scikit-learn", "scipy", "pandas"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def write_csv(path: Path, results: pd.DataFrame) -> None:
    """One line per loss, decision and fold."""
    results.to_csv(path, index=False)

"""The files of a comparison."""

import json
import math
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from . import _kept, _plots
from ._report import render
from ._versions import versions

# A `Comparison`, whose module imports this one.
Found = Any


def writers(found: Found) -> dict[str, Callable[[Path], None]]:
    """How to write each file of a comparison, by its name."""
    value = found.constant_value
    at = found.constant_cost if value is None else value
    files: dict[str, Callable[[Path], None]] = {
        "results.csv": lambda path: found.results.to_csv(path, index=False),
        "report.json": lambda path: _write_json(path, found, at),
        "costs.png": lambda path: _plots.plot_costs(
            path,
            found.summary,
            title=found.title,
            constant_value=at,
            constant_decision=found.constant_decision,
            metric=found.metric,
        ),
        "confusion.png": lambda path: _plots.plot_confusion(
            path, found.summary, found.cost, title=found.title, metric=found.metric
        ),
        "report.html": lambda path: _write(path, render(found)),
    }
    if found.recommended is not None:
        kept = _kept.writers(found.train(), found.columns)
        files |= {f"{_kept.FOLDER}/{name}": write for name, write in kept.items()}
    return files


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _write_json(path: Path, found: Found, constant_value: float) -> None:
    """Settings, versions, costs, summary and tests. NaN becomes null."""
    value = "mean_cost" if found.metric.is_cost else "score"
    report = {
        "metric": found.metric.name,
        "data": {
            "name": found.name,
            "source": found.source,
            "examples": found.examples,
            "columns": [asdict(column) for column in found.columns],
        },
        "settings": asdict(found.settings) | {"training": found.training},
        "versions": versions(),
        "cost": {
            "orientation": "matrix[true][decision]",
            "classes": found.cost.classes,
            "decisions": found.cost.decisions,
            "matrix": found.cost.matrix.tolist(),
            "differs between examples": found.cost.each is not None,
        },
        "best_constant_decision": {
            "decision": found.constant_decision,
            value: constant_value,
        },
        "summary": [
            asdict(row) | {"confusion": row.confusion.tolist()} for row in found.summary
        ],
        "tests": {
            "p_value": "corrected resampled t-test (Nadeau and Bengio 2003) on paired "
            f"folds of {value}, against cross_entropy with argmax; as it is for cross "
            "entropy with the rule, Holm-adjusted for the other rows",
            "p_value_to_reference": "the same against cross entropy with the rule, or "
            "with argmax where there is no rule",
        },
        "verdict": found.verdict,
        "notes": found.notes,
    }
    text = json.dumps(_without_nan(report), indent=2, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value

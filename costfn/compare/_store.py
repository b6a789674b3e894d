"""Cells that are finished, kept line by line: an interrupted run goes on from them."""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ._cell import Prepared
from ._outcome import Outcome, from_json

FILE = "cells.jsonl"


def fingerprint(data: Prepared, words: str) -> str:
    """What the numbers of a comparison depend on, in one word.

    Args:
        data: The data, with costs, weights, groups and times.
        words: Settings and versions.
    """
    found = hashlib.sha256()
    found.update(
        pd.util.hash_pandas_object(data.features, index=False).values.tobytes()
    )
    found.update(repr(list(data.features)).encode())
    for array in (
        data.labels,
        data.cost.matrix,
        data.cost.each,
        data.weight,
        data.groups,
        data.time,
    ):
        found.update(b"-" if array is None else np.ascontiguousarray(array).tobytes())
    names = [data.cost.classes, data.cost.decisions, data.metric, words]
    found.update(repr(names).encode())
    return found.hexdigest()[:16]


@dataclass
class Store:
    """A file of finished cells, or none.

    Attributes:
        path: The file; None to keep nothing.
        of: The fingerprint of the comparison. Cells of others stay in the file.
    """

    path: Path | None
    of: str

    def read(self) -> dict[tuple[str, int, int], list[Outcome]]:
        """The outcomes of each finished cell, by what trained, repeat and fold."""
        if self.path is None or not self.path.exists():
            return {}
        found = {}
        with self.path.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                cell = _parsed(line)
                if cell is not None and cell["of"] == self.of:
                    outcomes = [from_json(one) for one in cell["outcomes"]]
                    found[cell["trained"], cell["repeat"], cell["fold"]] = outcomes
        return found

    def add(
        self, trained: str, repeat: int, fold: int, outcomes: list[Outcome]
    ) -> None:
        """Keeps a cell; it is on the disk when this returns."""
        if self.path is None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        cell = {
            "of": self.of,
            "trained": trained,
            "repeat": repeat,
            "fold": fold,
            "outcomes": [one.as_json() for one in outcomes],
        }
        with self.path.open("a", encoding="utf-8") as file:
            # A line cut off by a crash must not swallow this one.
            if file.tell() and not _ends_line(self.path):
                file.write("\n")
            file.write(json.dumps(cell) + "\n")
            file.flush()
            os.fsync(file.fileno())


def _ends_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _parsed(line: str) -> dict[str, Any] | None:
    """A cell, or None for a line that was cut off or is of something else."""
    try:
        cell = json.loads(line)
    except ValueError:
        return None
    keys = {"of", "trained", "repeat", "fold", "outcomes"}
    return cell if isinstance(cell, dict) and keys <= cell.keys() else None

"""How near the labelled losses come to each threshold of the doctor.

`python -m tests.bench.doctor_thresholds`, with `.:adapters:tests/support` as the path.
"""

import importlib
import math
import warnings
from collections import defaultdict
from pathlib import Path
from typing import Any

from costfn_doctor._method import thresholds
from doctor_corpus.case import REGISTRY

COMPARED: dict[str, list[float]] = defaultdict(list)


class Noted(float):
    """A threshold that notes what it is compared with, also after multiplication."""

    name: str

    @classmethod
    def of(cls, value: float, name: str) -> "Noted":
        made = cls(value)
        made.name = name
        return made

    def _note(self, other: Any) -> None:
        ratio = float(other) / float(self) if self else math.nan
        if math.isfinite(ratio):
            COMPARED[self.name].append(max(ratio, 0.0))

    def __mul__(self, other: Any) -> Any:
        if not isinstance(other, (int, float)):
            return float(self) * other
        name = f"{self.name} * {other.name}" if isinstance(other, Noted) else self.name
        return Noted.of(float(self) * float(other), name)

    __rmul__ = __mul__

    def __lt__(self, other: Any) -> bool:
        self._note(other)
        return float(self) < other

    def __le__(self, other: Any) -> bool:
        self._note(other)
        return float(self) <= other

    def __gt__(self, other: Any) -> bool:
        self._note(other)
        return float(self) > other

    def __ge__(self, other: Any) -> bool:
        self._note(other)
        return float(self) >= other

    __hash__ = float.__hash__


def note_thresholds() -> None:
    """Replace the thresholds, before the modules that use them are imported."""
    factors = ("MOVES", "MOVES_BY_ORDER", "LEFT_OUT")
    for name, value in list(vars(thresholds).items()):
        if isinstance(value, float) or name in factors:
            setattr(thresholds, name, Noted.of(value, name))


def main() -> None:
    note_thresholds()
    doctor = importlib.import_module("costfn.doctor")
    torch = importlib.import_module("torch")
    warnings.simplefilter("ignore")
    for file in sorted(Path(__file__).parents[1].glob("support/doctor_corpus/*.py")):
        importlib.import_module(f"doctor_corpus.{file.stem}")
    for case in [case for case in REGISTRY.values() if case.framework == "torch"]:
        torch.manual_seed(0)
        loss, example = case.make()
        doctor.diagnose(loss, *example(0), **case.options, budget_seconds=120)
    for name, ratios in sorted(COMPARED.items()):
        below = max((ratio for ratio in ratios if ratio <= 1), default=math.nan)
        above = min((ratio for ratio in ratios if ratio > 1), default=math.nan)
        print(f"{name}: gap {below:.2g} to {above:.2g}, compared {len(ratios)} times")


if __name__ == "__main__":
    main()

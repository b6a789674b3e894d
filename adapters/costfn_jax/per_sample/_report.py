"""The result of `summary`, as numbers and as text."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from ._statistics import NoiseScale


@dataclass(frozen=True)
class Group:
    """Mirror of `costfn.per_sample.Group`, with counts in NumPy."""

    label: int | None
    correct: bool | None
    samples: int
    mean: float
    quantiles: tuple[float, float, float]
    counts: Any


@dataclass(frozen=True)
class Sample:
    """Mirror of `costfn.per_sample.Sample`."""

    index: int
    label: int | None
    predicted: int | None
    score: float


@dataclass(frozen=True)
class Summary:
    """Mirror of `costfn.per_sample.Summary`, without a picture."""

    samples: int
    total: Group
    groups: tuple[Group, ...]
    noise: NoiseScale
    largest: tuple[Sample, ...]
    opposing: tuple[Sample, ...]
    share_opposing: float
    against: str
    edges: Any

    def __str__(self) -> str:
        """The tables as text."""
        scale = float(self.noise.scale)
        noise = (
            f"noise scale: {scale:.4g} samples"
            if isfinite(scale)
            else "noise scale: infinite, too few samples to tell gradient from noise"
        )
        opposing = (
            f"{100 * self.share_opposing:.1f} % of {self.samples} samples oppose the "
            f"{self.against}"
        )
        pairs = zip(self.largest, self.opposing, strict=True)
        lines = [
            "norms of the gradients",
            *_table(_GROUP, map(_group_cells, (*self.groups, self.total))),
            "",
            "longest, and most negative influence",
            *_table(_SAMPLES, ((*_cells(a), *_cells(b)) for a, b in pairs)),
            "",
            f"{noise}; {opposing}",
        ]
        return "\n".join(lines)


_GROUP = "class", "predicted", "samples", "mean", "10 %", "50 %", "90 %"
_SAMPLE = "sample", "label", "predicted"
_SAMPLES = (*_SAMPLE, "norm", *_SAMPLE, "influence")


def _group_cells(group: Group) -> Sequence[str]:
    return (
        _name(group.label) or "all",
        {True: "right", False: "wrong", None: ""}[group.correct],
        str(group.samples),
        *(f"{value:.3g}" for value in (group.mean, *group.quantiles)),
    )


def _cells(sample: Sample) -> Sequence[str]:
    names = _name(sample.label), _name(sample.predicted)
    return (str(sample.index), *names, f"{sample.score:.3g}")


def _name(label: int | None) -> str:
    return "" if label is None else str(label)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines with columns aligned on the right."""
    every = [header, *rows]
    widths = [max(map(len, column)) for column in zip(*every, strict=True)]
    return [
        "  ".join(c.rjust(w) for c, w in zip(row, widths, strict=True)).rstrip()
        for row in every
    ]

"""The result of `summary`, as numbers, tables and a picture."""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from types import ModuleType
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ._statistics import NoiseScale

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.table import Table

_RIGHT, _WRONG, _ALL = "#2166ac", "#b2182b", "#666666"


@dataclass(frozen=True)
class Group:
    """The samples of one class with a correct prediction, or with a wrong one.

    Attributes:
        label: The class; None for all samples.
        correct: Whether the prediction is the label; None for all samples.
        samples: Number of samples.
        mean: Mean of the norms.
        quantiles: Quantiles of the norms at 10, 50 and 90 %, exact to about 6 %.
        counts: Number of samples in each bin of the norm.
    """

    label: int | None
    correct: bool | None
    samples: int
    mean: float
    quantiles: tuple[float, float, float]
    counts: Tensor


@dataclass(frozen=True)
class Sample:
    """One sample of the loader.

    Attributes:
        index: Its place in the loader, from 0.
        label: Its label; None if targets are not labels.
        predicted: The class with the largest score; None if targets are not labels.
        score: The norm of its gradient, or its influence.
    """

    index: int
    label: int | None
    predicted: int | None
    score: float


@dataclass(frozen=True)
class Summary:
    """A report on the gradients of the samples of a loader.

    `print` shows it as tables; `plot` makes a picture.

    Attributes:
        samples: Number of samples.
        total: All samples as one group.
        groups: Samples by class, and by whether their prediction is correct.
        noise: The noise scale over all samples.
        largest: Samples with the longest gradients, the longest first.
        opposing: Samples with the most negative influence, the most negative first.
        share_opposing: Share of samples with a negative influence.
        against: What the influence is on: `"validation batch"` or `"mean gradient"`.
        edges: The edges of the bins of the norm.
    """

    samples: int
    total: Group
    groups: tuple[Group, ...]
    noise: NoiseScale
    largest: tuple[Sample, ...]
    opposing: tuple[Sample, ...]
    share_opposing: float
    against: str
    edges: Tensor

    def __str__(self) -> str:
        """The tables as text."""
        console = extra("rich.console").Console(width=80, color_system=None)
        with console.capture() as text:
            console.print(self._norms(), self._samples())
        scale = self.noise.scale.item()
        rest = (
            f"noise scale: {scale:.4g} samples"
            if isfinite(scale)
            else "noise scale: infinite, too few samples to tell gradient from noise"
        )
        lines = [line.rstrip() for line in str(text.get()).splitlines()]
        return "\n".join([*lines, f"{rest}; {self._opposing()}"])

    def plot(self) -> "Figure":
        """Distributions of the norms for correct and wrong predictions of each class.

        Returns:
            A figure; `figure.savefig(path)` writes it.

        Raises:
            ImportError: If matplotlib is not installed.
        """
        figure = extra("matplotlib.figure").Figure(figsize=(7, 4), layout="constrained")
        axes = figure.add_subplot()
        rows = self.groups or (self.total,)
        labels = sorted({row.label for row in rows}, key=str)
        for row in rows:
            color = {True: _RIGHT, False: _WRONG, None: _ALL}[row.correct]
            height = labels.index(row.label)
            offset = {True: -0.17, False: 0.17, None: 0.0}[row.correct]
            low, middle, high = row.quantiles
            axes.plot([low, high], [height + offset] * 2, color=color, linewidth=2)
            size = 3 + 9 * (row.samples / self.samples) ** 0.5
            axes.plot(middle, height + offset, "o", color=color, markersize=size)
        axes.set_xscale("log")
        axes.set_yticks(
            range(len(labels)),
            ["all" if name is None else str(name) for name in labels],
        )
        axes.set_ylabel("class")
        axes.set_xlabel("norm of the gradient: median, 10 % to 90 %")
        axes.grid(axis="x", color="#e5e5e5")
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        if self.groups:
            for color, name in ((_RIGHT, "right"), (_WRONG, "wrong")):
                axes.plot([], [], "o", color=color, label=name)
            figure.legend(loc="outside upper right", ncols=2, frameon=False)
        axes.set_title(self._opposing(), fontsize=10, loc="left")
        return figure  # type: ignore[no-any-return]

    def _opposing(self) -> str:
        return (
            f"{100 * self.share_opposing:.1f} % of {self.samples} samples oppose the "
            f"{self.against}"
        )

    def _norms(self) -> "Table":
        table = extra("rich.table").Table(title="norms of the gradients", box=None)
        for column in ("class", "predicted", "samples", "mean", "10 %", "50 %", "90 %"):
            table.add_column(column, justify="right")
        for row in (*self.groups, self.total):
            table.add_row(
                "all" if row.label is None else str(row.label),
                {True: "right", False: "wrong", None: ""}[row.correct],
                str(row.samples),
                *(f"{value:.3g}" for value in (row.mean, *row.quantiles)),
            )
        return table  # type: ignore[no-any-return]

    def _samples(self) -> "Table":
        table = extra("rich.table").Table(
            title="longest, and most negative influence", box=None
        )
        for column in ("sample", "label", "predicted", "norm"):
            table.add_column(column, justify="right")
        for column in ("sample", "label", "predicted", "influence"):
            table.add_column(column, justify="right")
        for one, other in zip(self.largest, self.opposing, strict=True):
            table.add_row(*_cells(one), *_cells(other))
        return table  # type: ignore[no-any-return]


def training_figure(rows: Tensor) -> "Figure":
    """Norms, and the share of samples that oppose their batch, over the steps."""
    figure = extra("matplotlib.figure").Figure(figsize=(7, 5), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    steps: Tensor = torch.unique(rows[:, 0])
    parts = [rows[rows[:, 0] == step] for step in steps]
    shares = torch.tensor([0.1, 0.5, 0.9], dtype=rows.dtype)
    bands = torch.stack([part[:, 2].quantile(shares) for part in parts], 1)
    above.fill_between(steps, bands[0], bands[2], color=_RIGHT, alpha=0.2, linewidth=0)
    above.plot(steps, bands[1], color=_RIGHT)
    above.set_yscale("log")
    above.set_ylabel("norm: median, 10 % to 90 %")
    below.plot(
        steps, [100 * (p[:, 3] < 0).double().mean() for p in parts], color=_WRONG
    )
    below.set_ylabel("oppose their batch, %")
    below.set_xlabel("step")
    for axes in (above, below):
        axes.grid(axis="y", color="#e5e5e5")
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    return figure  # type: ignore[no-any-return]


def _cells(sample: Sample) -> Sequence[str]:
    classes = [
        "" if name is None else str(name) for name in (sample.label, sample.predicted)
    ]
    return [str(sample.index), *classes, f"{sample.score:.3g}"]


def extra(name: str) -> ModuleType:
    """A module of an optional package; if it is missing, an error that says so."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        package = name.partition(".")[0]
        raise ImportError(
            f"costfn.per_sample.summary needs {package}: "
            "pip install 'costfn[per-sample]'",
            name=package,
        ) from error

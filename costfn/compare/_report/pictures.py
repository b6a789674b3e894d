"""The pictures of the report, as SVG to be put into the page.

They are narrow, so that their text is readable on a telephone, and tell things apart by
shape and position, not by red and green.
"""

import io
import itertools
import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from numpy.typing import NDArray

from .._costs import NamedCost
from .._metrics import Metric
from .._outcome import SHARES, Outcome
from .._summary import LEVEL, Row, number

WIDTH = 4.4  # inches, at 72 points: 317 pixels of a narrow screen
BLUE, ORANGE, GREY, LIGHT = "#0b5394", "#b45f06", "#555555", "#dddddd"
_NUMBERS = itertools.count(1)
_STYLE: dict[Any, Any] = {
    "text.parse_math": False,  # names are the user's text
    "svg.fonttype": "none",
    "svg.hashsalt": "costfn",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


@dataclass(frozen=True)
class Picture:
    """A picture with what it shows, in words.

    Attributes:
        title: Its heading.
        words: What it shows, for people who do not see it.
        svg: The drawing.
    """

    title: str
    words: str
    svg: str


@contextmanager
def _drawn(height: float) -> Iterator[tuple[Axes, Callable[[], str]]]:
    with rc_context(_STYLE):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()

        def svg() -> str:
            buffer = io.StringIO()
            figure.savefig(buffer, format="svg", metadata={"Date": None})
            text = buffer.getvalue()
            drawing = text[text.index("<svg") :]
            return _for_a_page(drawing, next(_NUMBERS))

        yield axes, svg


def _for_a_page(drawing: str, number: int) -> str:
    """Without a size, which the page gives, and with names of its own for its parts."""
    head, tag, rest = drawing.partition(">")
    head = re.sub(r' (width|height)="[^"]*"', "", head)
    for before in (' id="', '="#', "url(#"):
        rest = rest.replace(before, f"{before}picture{number}-")
    return head + tag + rest


def _short(name: str, longest: int = 26) -> str:
    return name if len(name) <= longest else name[: longest - 1] + "\u2026"


def differences(rows: Sequence[Row], metric: Metric) -> Picture:
    """The difference of each row from the baseline, with its interval."""
    shown = [row for row in rows if math.isfinite(row.value) and not row.is_baseline]
    with _drawn(0.9 + 0.34 * len(shown)) as (axes, svg):
        for height, row in enumerate(reversed(shown)):
            sure = row.p_value < LEVEL
            axes.plot(
                [row.low, row.high], [height, height], color=BLUE if sure else GREY
            )
            axes.plot(
                row.difference,
                height,
                marker="D" if row.is_primary else "o",
                color=BLUE if sure else GREY,
                markerfacecolor=BLUE if sure else "white",
            )
        axes.axvline(0, color="black", linewidth=0.8)
        names = [
            f"{_short(row.loss)}\n{row.decision}{'*' * (row.chosen_by == 'criterion')}"
            for row in reversed(shown)
        ]
        axes.set_yticks(range(len(shown)), names, fontsize=8.5)
        axes.tick_params(axis="y", length=0)
        better = "\u2190 better" if metric.is_cost else "better \u2192"
        axes.set_xlabel(f"{metric.words}: difference from the baseline   {better}")
        drawing = svg()
    best = min(shown, key=lambda row: row.difference * (1 if metric.is_cost else -1))
    return Picture(
        "Differences from cross-entropy with argmax",
        "Points with 95 % intervals; filled: significant after adjustment; diamond: "
        f"the first question. The best is {best.name}, {number(best.difference)}.",
        drawing,
    )


def shares_of_cost(rows: Sequence[Row], cost: NamedCost, most: int = 10) -> Picture:
    """Which mistakes cost most, before and after."""
    parts = [row.confusion * cost.matrix / row.confusion.sum() for row in rows]
    order = np.argsort(-np.max(parts, axis=0), axis=None)[:most]
    cells = [np.unravel_index(index, cost.matrix.shape) for index in order]
    cells = [cell for cell in cells if max(part[cell] for part in parts) > 0]
    with _drawn(1.0 + 0.42 * len(cells)) as (axes, svg):
        for place, cell in enumerate(reversed(cells)):
            for index, part in enumerate(parts):
                axes.barh(
                    place + 0.2 - 0.4 * index / max(1, len(parts) - 1),
                    part[cell],
                    height=0.36,
                    color=(GREY, BLUE)[index % 2],
                    hatch=("//", "")[index % 2],
                    edgecolor="white",
                    label=rows[index].name if place == 0 else None,
                )
        names = [
            f"{_short(cost.classes[i], 16)}\n\u2192 {_short(cost.decisions[j], 16)}"
            for i, j in reversed(cells)
        ]
        axes.set_yticks(range(len(cells)), names, fontsize=8.5)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("cost per example, by truth \u2192 decision")
        axes.legend(loc="lower right", frameon=False, fontsize=8.5)
        drawing = svg()
    totals = "; ".join(
        f"{r.name}: {number(p.sum())}" for r, p in zip(rows, parts, strict=True)
    )
    return Picture(
        "Where the cost comes from",
        f"Mean cost per example by kind of mistake. In all, {totals}.",
        drawing,
    )


def cost_curves(outcomes: Sequence[Outcome], rows: Sequence[Row]) -> Picture | None:
    """For two classes: what each way of deciding costs if the costs were others."""
    baseline = next((row for row in rows if row.is_baseline), None)
    curves = [
        one.cost_curve
        for one in outcomes
        if one.loss == "cross_entropy"
        and one.decision == "minimum_cost"
        and one.cost_curve
    ]
    if baseline is None or not curves:
        return None
    share = np.array(SHARES)
    rule = np.mean(curves, axis=0)
    fixed = _lines(baseline.confusion)
    always = np.minimum(*_constants(baseline.confusion))
    with _drawn(2.9) as (axes, svg):
        axes.plot(
            share, rule, color=BLUE, marker="o", markersize=3, label="with the rule"
        )
        axes.plot(share, fixed, color=ORANGE, linestyle="--", label="with argmax")
        axes.plot(
            share, always, color=GREY, linestyle=":", label="best constant decision"
        )
        axes.set_xlabel(
            "share of a miss of the second class in the cost of both mistakes"
        )
        axes.set_ylabel("mean cost")
        axes.set_ylim(bottom=0)
        axes.legend(frameon=False, fontsize=8.5)
        drawing = svg()
    return Picture(
        "If the costs were others",
        "Mean cost of cross-entropy decided by the rule, by argmax, and of the best "
        "constant decision, over the cost of missing the second class; that of a false "
        "alarm is the rest to 1.",
        drawing,
    )


def _lines(confusion: NDArray[np.float64]) -> NDArray[np.float64]:
    share, whole = np.array(SHARES), confusion.sum()
    missed, alarm = confusion[1, 0] / whole, confusion[0, 1] / whole
    return np.asarray(share * missed + (1 - share) * alarm)


def _constants(
    confusion: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    share = np.array(SHARES)
    second = confusion[1].sum() / confusion.sum()
    return share * second, (1 - share) * (1 - second)


def calibration(outcomes: Sequence[Outcome]) -> Picture | None:
    """How often the likeliest class is right, by how likely it is said to be."""
    found = [
        np.array(one.reliability)
        for one in outcomes
        if one.loss == "cross_entropy" and one.reliability and one.decision != "argmax"
    ] or [
        np.array(one.reliability)
        for one in outcomes
        if one.loss == "cross_entropy" and one.reliability
    ]
    if not found:
        return None
    weight, said, right = np.sum(found, axis=0)
    some = weight > 0
    said, right = said[some] / weight[some], right[some] / weight[some]
    error = float((weight[some] * np.abs(said - right)).sum() / weight.sum())
    with _drawn(2.9) as (axes, svg):
        axes.plot([0, 1], [0, 1], color=GREY, linestyle=":", label="honest")
        axes.plot(said, right, color=BLUE, marker="o", label="cross-entropy")
        low = max(0.0, float(min(said.min(), right.min())) - 0.05)
        axes.set_xlim(low, 1.02)
        axes.set_ylim(low, 1.02)
        axes.set_xlabel("probability of the likeliest class, as predicted")
        axes.set_ylabel("share that was right")
        axes.legend(frameon=False, fontsize=8.5)
        drawing = svg()
    return Picture(
        "Are the probabilities honest?",
        "Predicted probability against the share that was right, on test folds; mean "
        f"distance {error:.3f}.",
        drawing,
    )


def learning_curves(
    points: Sequence[tuple[str, Sequence[float], Sequence[float]]], metric: Metric
) -> Picture | None:
    """What more data would bring: the value over the number of training examples."""
    if not points:
        return None
    with _drawn(2.9) as (axes, svg):
        for index, (name, sizes, values) in enumerate(points):
            axes.plot(
                sizes,
                values,
                color=(ORANGE, BLUE, GREY)[index % 3],
                marker="os^"[index % 3],
                linestyle=("--", "-", ":")[index % 3],
                label=_short(name, 44),
            )
        axes.set_xscale("log")
        sizes = sorted({round(size) for _, each, _ in points for size in each})
        axes.set_xticks(sizes, [str(size) for size in sizes])
        axes.minorticks_off()
        axes.set_xlabel("training examples")
        axes.set_ylabel(metric.words)
        axes.legend(frameon=False, fontsize=8.5)
        drawing = svg()
    return Picture(
        "Would more data help?",
        f"Mean {metric.words} on the test folds of the first repeat, by the number of "
        "training examples.",
        drawing,
    )

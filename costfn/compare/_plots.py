"""Two figures: the costs of all rows, and the confusion matrices of a few rows."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ._costs import NamedCost
from ._metrics import COST, Metric
from ._summary import LEVEL, Row, number

_BETTER, _WORSE, _SAME, _BASELINE = "#1b7837", "#b2182b", "#666666", "#2166ac"


# Names are the user's text: a dollar sign in them starts no formula.
@rc_context({"text.parse_math": False})
def plot_costs(
    path: Path,
    rows: Sequence[Row],
    *,
    title: str,
    constant_value: float,
    constant_decision: str,
    metric: Metric = COST,
) -> None:
    """Mean test cost, or metric, of each row with its standard error, as a PNG file.

    Args:
        path: The file to write.
        rows: From `summarize`.
        title: Title of the figure.
        constant_value: Value of the best constant decision, which is marked.
        constant_decision: Name of that decision.
        metric: The metric that is compared.
    """
    sound = [row for row in rows if math.isfinite(row.value)]
    figure = Figure(figsize=(8, 1.6 + 0.32 * len(sound)), layout="constrained")
    axes = figure.add_subplot()
    for height, row in enumerate(reversed(sound)):
        axes.errorbar(
            row.value,
            height,
            xerr=row.standard_error,
            fmt="o",
            color=_color(row),
            capsize=3,
        )
    if sound:
        _mark_constant(axes, sound, constant_value, f"always {constant_decision!r}")
    axes.set_yticks(
        range(len(sound)), [f"{row.loss} · {row.decision}" for row in reversed(sound)]
    )
    axes.set_ylim(-0.7, len(sound) - 0.3)
    axes.grid(axis="x", color="#e5e5e5")
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    words = "cost" if metric.is_cost else metric.words
    axes.set_xlabel(f"mean test {words} ± standard error, corrected for overlap")
    legend = {
        f"better than the baseline (p < {LEVEL})": _BETTER,
        f"worse than the baseline (p < {LEVEL})": _WORSE,
        "not significantly different from the baseline": _SAME,
        "baseline": _BASELINE,
    }
    used = {_color(row) for row in sound}
    handles = [
        axes.plot([], [], "o", color=color, label=label)[0]
        for label, color in legend.items()
        if color in used
    ]
    figure.legend(
        handles=handles, loc="outside lower center", ncols=2, frameon=False, fontsize=8
    )
    figure.suptitle(title, fontsize=11, fontweight="bold")
    _write(figure, path)


def _mark_constant(
    axes: Any, rows: Sequence[Row], constant_value: float, words: str
) -> None:
    """Draws a dashed line; if it would squeeze the rows, an arrow to its place."""
    low = min(row.value - row.standard_error for row in rows)
    high = max(row.value + row.standard_error for row in rows)
    style: dict[str, Any] = {
        "xytext": (0, 3),
        "textcoords": "offset points",
        "fontsize": 8,
        "color": "#666666",
    }
    if abs(constant_value - (low + high) / 2) < high - low:
        axes.axvline(constant_value, linestyle="--", color="#999999", linewidth=1)
        place, system = (constant_value, 1), ("data", "axes fraction")
        axes.annotate(words, place, xycoords=system, ha="center", **style)
    elif constant_value > high:
        words = f"{words}: {number(constant_value)} \u2192"
        axes.annotate(words, (1, 1), xycoords="axes fraction", ha="right", **style)
    else:
        words = f"\u2190 {words}: {number(constant_value)}"
        axes.annotate(words, (0, 1), xycoords="axes fraction", ha="left", **style)


def _color(row: Row) -> str:
    if row.is_baseline:
        return _BASELINE
    if not row.p_value < LEVEL:
        return _SAME
    return _BETTER if row.is_better else _WORSE


# Names are the user's text: a dollar sign in them starts no formula.
@rc_context({"text.parse_math": False})
def plot_confusion(
    path: Path,
    rows: Sequence[Row],
    cost: NamedCost,
    *,
    title: str,
    best: int = 3,
    metric: Metric = COST,
) -> None:
    """Confusion matrices of the best rows and the baseline, as a PNG file.

    Number and colour of each cell are the share of its true class.

    Args:
        path: The file to write.
        rows: From `summarize`.
        cost: The names of the axes.
        title: Title of the figure.
        best: How many of the best rows to draw.
        metric: The metric that is compared.
    """
    sound = [row for row in rows if math.isfinite(row.value)]
    chosen = sound[:best] + [row for row in sound[best:] if row.is_baseline]
    classes, decisions = cost.matrix.shape
    columns = 2 if len(chosen) > 1 else 1
    lines = -(-len(chosen) // columns)
    size = max(3.4, 0.55 * decisions + 1.6), max(3.0, 0.5 * classes + 1.6)
    figure = Figure(
        figsize=(columns * size[0] + 0.6, lines * size[1] + 0.6), layout="constrained"
    )
    for index, row in enumerate(chosen):
        axes = figure.add_subplot(lines, columns, index + 1)
        image = _draw(axes, row, cost, "cost" if metric.is_cost else metric.words)
    if chosen:
        bar = figure.colorbar(image, ax=figure.axes, shrink=0.6, pad=0.02)
        bar.set_label("share of the true class")
    figure.suptitle(title, fontsize=11, fontweight="bold")
    _write(figure, path)


def _draw(axes: Any, row: Row, cost: NamedCost, words: str) -> Any:
    shares = row.confusion / np.maximum(row.confusion.sum(axis=1, keepdims=True), 1)
    image = axes.imshow(shares, vmin=0, vmax=1, cmap="Blues", aspect="auto")
    small = shares.shape[1] > 6
    for (truth, decision), share in np.ndenumerate(shares):
        if row.confusion[truth, decision] or not small:
            axes.text(
                decision,
                truth,
                f"{100 * share:.0f}" if small else f"{100 * share:.1f} %",
                ha="center",
                va="center",
                fontsize=7 if small else 9,
                color="white" if share > 0.55 else "black",
            )
    axes.set_xticks(range(len(cost.decisions)), [_short(n) for n in cost.decisions])
    axes.set_yticks(range(len(cost.classes)), [_short(n) for n in cost.classes])
    if max(len(_short(name)) for name in cost.decisions) * len(cost.decisions) > 30:
        axes.tick_params(axis="x", rotation=40)
    axes.set_xlabel("decision")
    axes.set_ylabel("truth")
    baseline = " (baseline)" if row.is_baseline else ""
    axes.set_title(
        f"{row.loss}\n{row.decision}{baseline}, {words} {row.value:.3g}", fontsize=9
    )
    return image


def _short(name: str) -> str:
    return name if len(name) <= 14 else name[:13] + "…"


def _write(figure: Figure, path: Path) -> None:
    FigureCanvasAgg(figure)
    figure.savefig(path, dpi=150)

"""The table that the command prints."""

import math
from collections.abc import Callable, Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from ._metrics import COST, Metric
from ._summary import LEVEL, Row, number, p_value

_Cell = Callable[[Row], str]


def render(
    rows: Sequence[Row],
    *,
    title: str,
    caption: str,
    metric: Metric = COST,
    with_cost: bool = True,
) -> Table:
    """Rows as a table that fits 80 columns.

    Args:
        rows: From `summarize`, the best first.
        title: Text above the table.
        caption: Text below the table.
        metric: The metric that is compared.
        with_cost: Whether to show the cost in addition to another metric.
    """
    table = Table(
        title=title,
        caption=caption,
        title_style="bold",
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        padding=0,
        pad_edge=False,
    )
    table.add_column("loss", overflow="fold", min_width=22)
    table.add_column("decision")
    columns = _columns(metric, with_cost)
    for heading in columns:
        table.add_column(heading, justify="right", no_wrap=True)
    for index, row in enumerate(rows):
        cells = _cells(row, list(columns.values()))
        table.add_row(*cells, style="bold" if index == 0 else None)
    return table


def _columns(metric: Metric, with_cost: bool) -> dict[str, _Cell]:
    """The columns by heading: first what is compared, last the test and the time."""
    columns: dict[str, _Cell] = {
        f"{'cost' if metric.is_cost else metric.name}±s.e.": lambda row: (
            f"{number(row.value)}±{number(row.standard_error)}"
        )
    }
    if metric.is_cost:
        columns["norm."] = lambda row: (
            "-" if math.isnan(row.normalized_cost) else f"{row.normalized_cost:.3f}"
        )
    elif with_cost:
        columns["cost"] = lambda row: number(row.mean_cost)
    if metric.name != "accuracy":
        columns["acc."] = lambda row: f"{row.accuracy:.3f}"
    if metric.name != "f1-macro":
        # Where the compared metric may be the F1 of one class, say which F1 this is.
        heading = "F1" if metric.is_cost else "macro-F1"
        columns[heading] = lambda row: f"{row.macro_f1:.3f}"
    columns["difference"] = _difference
    columns["p"] = lambda row: "base" if row.is_baseline else p_value(row.p_value)
    columns["conv."] = lambda row: f"{row.converged:.0%}"
    columns["s"] = lambda row: f"{row.seconds:.2f}"
    return columns


def _difference(row: Row) -> str:
    if row.is_baseline:
        return ""
    return f"{row.difference:+.3f}±{(row.high - row.low) / 2:.3f}"


def caption(
    metric: Metric,
    constant_decision: str,
    constant_cost: float,
    constant_value: float | None,
) -> str:
    """What the columns mean."""
    if constant_value is None:
        first = (
            "cost: mean test cost per example, s.e. corrected for overlapping folds. "
            f"norm.: cost divided by {number(constant_cost)}, the cost of always "
            f"deciding {constant_decision!r}. acc.: accuracy; F1: macro-F1."
        )
    else:
        first = (
            f"{metric.name}: mean over the test folds, higher is better, s.e. "
            f"corrected for overlapping folds; always deciding {constant_decision!r}: "
            f"{constant_value:.3f}."
        )
    return (
        f"{first} difference: from the baseline (base), with its 95 % interval. p: its "
        "test. conv.: folds on which the training converged. s: seconds to tune and "
        "train once. *: setting chosen by the criterion, not by the loss's own value."
    )


def _cells(row: Row, columns: Sequence[_Cell]) -> list[Text]:
    chosen = "*" if row.chosen_by == "criterion" else ""
    loss, decision = Text(row.loss), Text(row.decision + chosen)
    if math.isnan(row.value):
        failed = Text(f"failed on {row.failed_folds} folds", style="red")
        return [loss, decision, failed]
    style = ""
    if row.p_value < LEVEL:
        style = "green" if row.is_better else "red"
    shown = [Text(cell(row)) for cell in columns]
    # Colour the value and its p-value.
    shown[0].style = shown[-3].style = style
    return [loss, decision, *shown]

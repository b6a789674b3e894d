"""The table that the command prints."""

import math
from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from .summary import LEVEL, Row, number, p_value


def render(rows: Sequence[Row], *, title: str, caption: str) -> Table:
    """Rows as a table that fits 80 columns.

    Args:
        rows: From `summarize`, the lowest mean cost first.
        title: Above the table.
        caption: Below it.
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
    for heading in ("cost±s.e.", "norm.", "acc.", "F1", "p", "s"):
        table.add_column(heading, justify="right", no_wrap=True)
    for index, row in enumerate(rows):
        table.add_row(*_cells(row), style="bold" if index == 0 else None)
    return table


def _cells(row: Row) -> list[Text]:
    loss, decision = Text(row.loss), Text(row.decision)
    if math.isnan(row.mean_cost):
        failed = Text(f"failed on {row.failed_folds} folds", style="red")
        return [loss, decision, failed]
    style = ""
    if row.p_value < LEVEL:
        style = "green" if row.difference < 0 else "red"
    normalized = (
        "-" if math.isnan(row.normalized_cost) else f"{row.normalized_cost:.3f}"
    )
    return [
        loss,
        decision,
        Text(f"{number(row.mean_cost)}±{number(row.standard_error)}", style=style),
        Text(normalized),
        Text(f"{row.accuracy:.3f}"),
        Text(f"{row.macro_f1:.3f}"),
        Text("base" if row.is_baseline else p_value(row.p_value), style=style),
        Text(f"{row.seconds:.2f}"),
    ]

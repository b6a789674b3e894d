"""The subcommands of `costfn`: `compare`, `losses` and `doctor`."""

from importlib.metadata import version
from typing import Annotated

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from ..catalogue import LOSSES
from .compare import compare
from .console import to_terminal
from .doctor import doctor
from .predict import predict

app = typer.Typer(
    help="Losses for people with a misclassification-cost matrix.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> bool:
    if wanted:
        typer.echo(f"costfn {version('costfn')}")
        raise typer.Exit
    return wanted


app.command()(doctor)


@app.callback()
def costfn(
    _: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_show_version,
            is_eager=True,
            help="Print the version.",
        ),
    ] = False,
) -> None:
    """Losses for people with a misclassification-cost matrix."""


app.command()(compare)
app.command()(predict)


@app.command()
def losses() -> None:
    """Lists every loss with its formula, decision rules and properties."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 1, 0), pad_edge=False)
    table.add_column("loss, family", no_wrap=True)
    for heading in ("formula", "decisions", "properties"):
        table.add_column(heading, overflow="fold")
    for entry in LOSSES.values():
        decisions = [
            f"{rule} *" if rule in entry.consistent else rule
            for rule in entry.decisions
        ]
        properties = [
            name.replace("_", " ")
            for name in (
                "zero_at_perfect",
                "convex",
                "bounded",
                "log_divergent",
                "proper",
            )
            if getattr(entry, name)
        ]
        table.add_row(
            f"{escape(entry.name)}\n[dim]{escape(entry.family)}[/dim]",
            escape(entry.formula),
            "\n".join(decisions),
            ", ".join(properties),
        )
    console = to_terminal()
    console.print(table)
    console.print(
        "* consistent: with more and more data, the decisions become the cheapest for "
        "every cost matrix."
    )

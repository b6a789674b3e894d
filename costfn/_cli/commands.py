"""The subcommands of `costfn`: `compare`, `losses` and `doctor`."""

from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Literal, cast

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..catalogue import LOSSES
from ..compare import (
    CANDIDATES,
    DEFAULT_LOSSES,
    METRIC_LOSSES,
    METRICS,
    InputError,
    compare_losses,
    load_data,
    read_cost,
)
from ..compare._report import check_directory
from .doctor import doctor

WIDTH = 96
"""The width of tables that do not go to a terminal."""

app = typer.Typer(
    help="Losses for people with a misclassification-cost matrix.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _console(*, stderr: bool = False) -> Console:
    console = Console(stderr=stderr, highlight=False)
    return (
        console
        if console.is_terminal
        else Console(stderr=stderr, highlight=False, width=WIDTH)
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


@app.command()
def compare(
    data: Annotated[
        str,
        typer.Argument(
            help="A CSV file, or german-credit (official costs), digits, wine, "
            "breast-cancer, vehicle (costs of ours, for illustration)."
        ),
    ],
    target: Annotated[
        str | None, typer.Option(help="Column of the CSV file that holds the class.")
    ] = None,
    cost: Annotated[
        Path | None,
        typer.Option(
            help="CSV file of costs: true classes down the first column, decisions "
            "along the header. Further columns are actions, such as abstain. "
            "Default: every mistake costs 1."
        ),
    ] = None,
    losses: Annotated[
        str | None,
        typer.Option(
            help="Names from 'costfn losses', separated by commas, or all "
            f"({len(CANDIDATES)}). Default: {', '.join(DEFAULT_LOSSES)}; for a metric "
            f"other than cost {', '.join(METRIC_LOSSES)}, and the metric's own loss.",
            show_default=False,
        ),
    ] = None,
    metric: Annotated[
        str, typer.Option(help=f"What to compare by: {', '.join(METRICS)}.")
    ] = "cost",
    model: Annotated[
        str, typer.Option(help="linear, or mlp for one hidden layer.")
    ] = "linear",
    folds: Annotated[int, typer.Option(help="Number of stratified folds.")] = 5,
    repeats: Annotated[int, typer.Option(help="Number of cross-validations.")] = 3,
    seed: Annotated[
        int, typer.Option(help="Seed of the folds and initial weights.")
    ] = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Write results.csv, report.json, costs.png, confusion.png there."
        ),
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="Print only the table and the verdict.")
    ] = False,
) -> None:
    """Which loss serves my data? Compares losses by mean test cost or by a metric."""
    printed, aside = _console(), _console(stderr=True)
    try:
        if out is not None:
            check_directory(out)
        loaded = load_data(data, target=target)
        found = compare_losses(
            loaded.features,
            loaded.labels,
            cost=loaded.cost if cost is None else read_cost(cost),
            losses=_names(losses),
            metric=metric,
            model=cast(Literal["linear", "mlp"], model),
            folds=folds,
            repeats=repeats,
            seed=seed,
            progress=not quiet,
            name=loaded.name,
            source=loaded.source,
        )
        if out is not None:
            found.save(out)
    except InputError as error:
        aside.print(f"[red]error:[/red] {escape(str(error))}", soft_wrap=True)
        raise typer.Exit(2) from None
    printed.print(found.table())
    lines = [*found.verdict, *(f"Note: {note}" for note in found.notes)]
    if not quiet:
        lines.append(f"Data: {loaded.source}.")
        lines += [] if out is None else [f"Written to {out}."]
    for line in lines:
        printed.print(escape(line))


def _names(losses: str | None) -> list[str] | None:
    if losses is None:
        return None
    return [name.strip() for name in losses.split(",") if name.strip()]


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
    console = _console()
    console.print(table)
    console.print(
        "* consistent: with more and more data, the decisions become the cheapest for "
        "every cost matrix."
    )

"""The command `costfn compare`."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..compare import (
    CANDIDATES,
    DEFAULT_LOSSES,
    METRIC_LOSSES,
    METRICS,
    REFERENCES,
    Column,
    InputError,
    check_directory,
    compare_planned,
    from_gains,
    load_data,
    plan,
    read_cost,
)
from .console import to_terminal
from .objects import SpecificationError, load_loss, load_object

MOST_COLUMNS = 40
"""Columns of a table that are shown one by one."""
_NAMES = "Names, separated by commas; may be repeated."


def compare(
    data: Annotated[
        str,
        typer.Argument(
            help="A CSV or Parquet file, or german-credit (official costs), digits, "
            "wine, breast-cancer, vehicle (costs of ours, for illustration)."
        ),
    ],
    target: Annotated[
        str | None, typer.Option(help="Column of the file that holds the class.")
    ] = None,
    cost: Annotated[
        Path | None,
        typer.Option(
            help="CSV file of costs: true classes down the first column, decisions "
            "along the header. Further columns are actions, such as abstain. A cell "
            "may name a column of --cost-column. Default: every mistake costs 1."
        ),
    ] = None,
    gains: Annotated[
        Path | None,
        typer.Option(help="CSV file of gains instead of costs; the same form."),
    ] = None,
    losses: Annotated[
        str | None,
        typer.Option(
            help="Names from 'costfn losses', separated by commas, or all "
            f"({len(CANDIDATES)}). Default: {', '.join(DEFAULT_LOSSES)}; for a metric "
            f"other than cost {', '.join(METRIC_LOSSES)}, and the metric's own loss; "
            f"and the reference rows {', '.join(REFERENCES)}.",
            show_default=False,
        ),
    ] = None,
    loss: Annotated[
        list[str] | None,
        typer.Option(
            help="A loss of your own, file.py:name or module:name, beside the others; "
            "may be repeated."
        ),
    ] = None,
    metric: Annotated[
        str, typer.Option(help=f"What to compare by: {', '.join(METRICS)}.")
    ] = "cost",
    model: Annotated[
        str,
        typer.Option(
            help="linear, mlp for one hidden layer, boosting for trees; or "
            "file.py:name of a function (columns, outputs) to a torch.nn.Module."
        ),
    ] = "linear",
    estimator: Annotated[
        str | None,
        typer.Option(
            help="file.py:name of a function without arguments to a scikit-learn "
            "classifier, in place of --model."
        ),
    ] = None,
    drop: Annotated[
        list[str] | None, typer.Option(help=f"Columns to leave out. {_NAMES}")
    ] = None,
    categorical: Annotated[
        list[str] | None,
        typer.Option(help=f"Columns whose numbers are codes. {_NAMES}"),
    ] = None,
    cost_column: Annotated[
        list[str] | None,
        typer.Option(help=f"Columns that the cost file names. {_NAMES}"),
    ] = None,
    groups: Annotated[
        str | None,
        typer.Option(help="Column whose values stay together in training or test."),
    ] = None,
    time: Annotated[
        str | None,
        typer.Option(help="Column of times: each fold tests on later examples."),
    ] = None,
    weight: Annotated[
        str | None, typer.Option(help="Column of how much each example counts.")
    ] = None,
    sep: Annotated[str, typer.Option(help="Between two cells of the files.")] = ",",
    encoding: Annotated[str, typer.Option(help="Of the files.")] = "utf-8",
    missing: Annotated[
        list[str] | None,
        typer.Option(
            help="Marks of missing values, in place of the usual ones. " + _NAMES,
            show_default=False,
        ),
    ] = None,
    folds: Annotated[int, typer.Option(help="Number of stratified folds.")] = 5,
    repeats: Annotated[int, typer.Option(help="Number of cross-validations.")] = 3,
    seed: Annotated[
        int, typer.Option(help="Seed of the folds and initial weights.")
    ] = 0,
    jobs: Annotated[
        int, typer.Option(help="Number of processes; -1 for one per core.")
    ] = 1,
    time_budget: Annotated[
        float | None,
        typer.Option(help="Seconds after which no further training begins."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Write the results there. An interrupted run goes on from there."
        ),
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="Print only the table and the verdict.")
    ] = False,
) -> None:
    """Which loss serves my data? Compares losses by mean test cost or by a metric."""
    printed, aside = to_terminal(), to_terminal(stderr=True)
    try:
        if out is not None:
            check_directory(out)
        loaded = load_data(
            data,
            target=target,
            separator=sep,
            encoding=encoding,
            missing=_split(missing) if missing is not None else None,
            drop=_split(drop),
            categorical=_split(categorical),
            groups=groups,
            time=time,
            weight=weight,
            amounts=_split(cost_column),
        )
        ready = plan(
            loaded,
            loaded.labels,
            cost=_costs(cost, gains, loaded.cost, sep, encoding),
            losses=_losses(losses, loss),
            model=_model(model, estimator),
            metric=metric,
            folds=folds,
            repeats=repeats,
            seed=seed,
        )
        if not quiet:
            _show_columns(aside, ready.columns)
            for note in ready.notes:
                aside.print(f"Note: {escape(note)}", soft_wrap=True)
        found = compare_planned(
            ready,
            jobs=jobs,
            time_budget=time_budget,
            out=out,
            progress=not quiet,
            curves=out is not None,
        )
        if out is not None:
            found.save(out)
    except (InputError, SpecificationError, ImportError) as error:
        aside.print(f"[red]error:[/red] {escape(str(error))}", soft_wrap=True)
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        kept = "" if out is None else f"; the same command goes on from {out}"
        aside.print(f"[red]interrupted[/red]{kept}", soft_wrap=True)
        raise typer.Exit(130) from None
    printed.print(found.table())
    lines = [*found.verdict, *(f"Note: {note}" for note in found.notes)]
    if not quiet:
        lines.append(f"Data: {loaded.source}.")
        lines += [] if out is None else [f"Written to {out}."]
    for line in lines:
        printed.print(escape(line))


def _split(names: Sequence[str] | None) -> list[str]:
    return [name.strip() for one in names or () for name in one.split(",")]


def _costs(
    cost: Path | None, gains: Path | None, own: Any, sep: str, encoding: str
) -> Any:
    if cost is not None and gains is not None:
        raise InputError("cost and gains must not both be given: each is the other")
    if gains is not None:
        return from_gains(read_cost(gains, separator=sep, encoding=encoding))
    if cost is not None:
        return read_cost(cost, separator=sep, encoding=encoding)
    return own


def _losses(
    names: str | None, paths: Sequence[str] | None
) -> list[str | Callable[..., Any]] | None:
    own = [load_loss(path) for path in paths or ()]
    if names is None:
        return [*DEFAULT_LOSSES, *REFERENCES, *own] if own else None
    named = [name.strip() for name in names.split(",") if name.strip()]
    return [*named, *own]


def _model(model: str, estimator: str | None) -> str | Callable[..., Any]:
    if estimator is not None:
        if model != "linear":
            raise InputError("model and estimator must not both be given")
        found: Callable[..., Any] = load_object("function", estimator)
        return found
    return load_object("function", model) if ":" in model else model


def _show_columns(console: Console, columns: Sequence[Column]) -> None:
    table = Table(box=box.SIMPLE_HEAD, title="How each column was read", padding=(0, 1))
    for heading in ("column", "read as", "missing", ""):
        table.add_column(heading, overflow="fold")
    for column in columns[:MOST_COLUMNS]:
        table.add_row(
            escape(column.name[:60]),
            column.kind,
            str(column.missing or ""),
            escape(column.words),
        )
    console.print(table)
    if len(columns) > MOST_COLUMNS:
        rest = columns[MOST_COLUMNS:]
        kinds = sorted({column.kind for column in rest})
        words = (f"{sum(c.kind == kind for c in rest)} {kind}" for kind in kinds)
        console.print(f"and {len(rest)} more: {', '.join(words)}")

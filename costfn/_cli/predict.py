"""The command `costfn predict`: decisions of a model that `compare` kept."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from ..compare import InputError, read_features, read_model
from .console import to_terminal
from .objects import SpecificationError, load_object


def predict(
    model: Annotated[
        Path, typer.Argument(help="The folder model that costfn compare --out wrote.")
    ],
    data: Annotated[
        Path, typer.Argument(help="A CSV or Parquet file with the same columns.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="CSV file to write. Default: standard output.")
    ] = None,
    factory: Annotated[
        str | None,
        typer.Option(
            "--model",
            help="file.py:name of the function that makes a network of your own.",
        ),
    ] = None,
    sep: Annotated[str, typer.Option(help="Between two cells of the file.")] = ",",
    encoding: Annotated[str, typer.Option(help="Of the file.")] = "utf-8",
) -> None:
    """Decides for new data. No code that came with the model is run."""
    aside = to_terminal(stderr=True)
    try:
        made = None if factory is None else load_object("function", factory)
        kept = read_model(model, made)
        features = read_features(data, kept.columns, separator=sep, encoding=encoding)
        table = kept.table(features)
        if out is not None:
            table.to_csv(out, index=False)
    except (InputError, SpecificationError, ImportError, OSError) as error:
        aside.print(f"[red]error:[/red] {escape(str(error))}", soft_wrap=True)
        raise typer.Exit(2) from None
    if out is None:
        sys.stdout.write(table.to_csv(index=False))

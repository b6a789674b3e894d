"""The command `costfn doctor`: it needs typer and rich, and torch when it runs."""

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def _costfn() -> None:
    """Losses for people with a misclassification-cost matrix."""


@app.command()
def doctor(
    loss: Annotated[
        str, typer.Argument(help="path/to/file.py:MyLoss, or package.module:my_loss.")
    ],
    prediction: Annotated[
        str | None,
        typer.Option(help="Shape, and kind if not logits: 8x5, probs:8x5, real:8x5."),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            help="labels:5 (classes), binary, probs, real or none; then a shape if it "
            "is not the prediction's, as in real:8x2."
        ),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(help="logits, logprob, prob or real; or a guess."),
    ] = None,
    allow: Annotated[
        list[str] | None, typer.Option(help="A cause not to report; may be repeated.")
    ] = None,
    stochastic: Annotated[
        bool, typer.Option("--stochastic", help="It draws random numbers on purpose.")
    ] = False,
    budget: Annotated[float, typer.Option(help="Seconds to spend.")] = 5.0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the report as JSON.")
    ] = False,
) -> None:
    """Does the gradient of my loss flow? Exit code 1 if the loss is broken."""
    from ..doctor import diagnose
    from .examples import examples
    from .objects import SpecificationError, load_loss

    aside = Console(stderr=True, highlight=False)
    try:
        found = load_loss(loss)
        words = examples(found, prediction, target)
        report = diagnose(
            found,
            *words[2:],
            kind=kind,  # type: ignore[arg-type]
            allow=allow or (),
            stochastic=stochastic,
            budget_seconds=budget,
        )
    except (SpecificationError, ImportError, ValueError) as error:
        aside.print(f"[red]error:[/red] {escape(str(error))}", soft_wrap=True)
        raise typer.Exit(2) from None
    if as_json:
        typer.echo(json.dumps(report.to_dict(), indent=2))
    else:
        Console(highlight=False, soft_wrap=True).print(report)
        if prediction is None or target is None:
            typer.echo(f"Tried with --prediction {words[0]} --target {words[1]}.")
    raise typer.Exit(int(report.verdict == "broken"))

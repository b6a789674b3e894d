"""The page: words, table, pictures, code, in one file without a network."""

import math
from collections.abc import Sequence
from importlib.metadata import version
from importlib.resources import files
from typing import Any

from jinja2 import Environment

from .. import _summary
from .._verdict import recommended
from . import pictures
from .break_even import break_even
from .snippet import snippet

# A `Comparison`, whose module imports this one.
Found = Any


def render(found: Found) -> str:
    """The report of a comparison as HTML. All that comes from data is escaped."""
    environment = Environment(autoescape=True, trim_blocks=True)
    template = environment.from_string(
        (files(__package__) / "template.html").read_text(encoding="utf-8")
    )
    chosen = recommended(found.summary, found.metric)
    answer, *more = found.verdict
    return template.render(
        title=f"Which loss serves {found.name}?",
        question=_question(found),
        answer=answer,
        more=more,
        break_even=break_even(found.outcomes, found.summary, found.cost),
        value_name=found.metric.words,
        rows=[_cells(row, row is chosen) for row in found.summary],
        caption="The shaded row is the one to use. difference: from cross_entropy with "
        "argmax. p: test of it; Holm-adjusted but for the first question. converged: "
        "share of folds on which the training had ended.",
        pictures=_pictures(found, chosen),
        data_words=f"{found.examples} examples, {len(found.cost.classes)} classes. "
        f"Source: {found.source or 'not stated'}.",
        columns=found.columns,
        cost=found.cost,
        costs_differ=found.cost.each is not None,
        notes=found.notes,
        snippet=snippet(chosen, found.cost) if chosen else "",
        kept=_kept(chosen),
        method=_method(found),
        footer=f"Made by costfn {version('costfn')}, costfn compare.",
    )


def _question(found: Found) -> str:
    names = ", ".join(found.cost.classes[:8])
    rest = " and more" if len(found.cost.classes) > 8 else ""
    if found.metric.is_cost:
        aim = "makes decisions with the smallest mean cost"
    else:
        aim = f"makes decisions with the highest {found.metric.words}"
    return (
        f"A model is to tell apart {names}{rest}. Which loss to train it with, and "
        f"which rule to decide by, {aim} on examples that it has not seen?"
    )


def _cells(row: _summary.Row, chosen: bool) -> dict[str, object]:
    number, failed = _summary.number, math.isnan(row.value)
    interval = ""
    if not row.is_baseline and not failed:
        interval = f"{row.difference:+.3f} ({row.low:+.3f} to {row.high:+.3f})"
    return {
        "chosen": chosen,
        "name": row.name,
        "value": "failed" if failed else f"{number(row.value)}",
        "difference": "baseline" if row.is_baseline else interval,
        "p": _summary.p_value(row.p_value),
        "accuracy": "" if failed else f"{row.accuracy:.3f}",
        "macro_f1": "" if failed else f"{row.macro_f1:.3f}",
        "converged": f"{row.converged:.0%}",
    }


def _pictures(found: Found, chosen: _summary.Row | None) -> Sequence[pictures.Picture]:
    rows = [row for row in found.summary if math.isfinite(row.value)]
    baseline = next((row for row in rows if row.is_baseline), None)
    drawn: list[pictures.Picture | None] = []
    if baseline is not None and len(rows) > 1:
        drawn.append(pictures.differences(rows, found.metric))
        after = chosen
        if after is None or after is baseline:
            after = next((row for row in rows if row is not baseline), baseline)
        drawn.append(pictures.shares_of_cost([baseline, after], found.cost))
    drawn.append(pictures.cost_curves(found.outcomes, rows))
    drawn.append(pictures.calibration(found.outcomes))
    drawn.append(pictures.learning_curves(found.learning_curves, found.metric))
    return [one for one in drawn if one is not None]


def _kept(chosen: _summary.Row | None) -> str:
    if chosen is None:
        return ""
    return (
        f"{chosen.name} was trained once more on all examples and kept in the folder "
        "model: costfn predict MODEL data.csv decides with it."
    )


def _method(found: Found) -> list[str]:
    settings = found.settings
    return [
        f"{found.folds} folds: {settings.repeats} x {settings.folds}, seed "
        f"{settings.seed}. What is learned from data, scaling included, is learned on "
        "the training part of each fold.",
        "Every loss is tuned on the same inner folds with the same budget, by its own "
        "value there and, as a row of its own, by what decisions are compared by; "
        "cross entropy by its log loss. Temperatures are fitted there too.",
        *found.training,
        "Intervals and p-values: corrected resampled t-test (Nadeau and Bengio, 2003).",
    ]

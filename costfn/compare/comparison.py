"""Which loss serves these data best?"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from rich.table import Table

from . import plots, report, summary, table
from ._errors import InputError, listed
from .candidates import DEFAULT_LOSSES, select, suitable
from .costs import NamedCost, name_cost
from .experiment import Outcome, Settings, run
from .preprocessing import check_features
from .summary import Row
from .training import Model


@dataclass(frozen=True)
class Comparison:
    """What `compare_losses` found.

    Attributes:
        name: Of the data.
        source: Of the data and their costs.
        examples: How many there are.
        cost: The cost matrix with the names of its axes.
        settings: How the comparison was run.
        outcomes: One per loss, decision and fold.
        summary: One row per loss and decision, the lowest mean cost first.
        constant_decision: The decision that is best if it must always be the same.
        constant_cost: Its mean test cost.
        notes: What was assumed or left out.
    """

    name: str
    source: str
    examples: int
    cost: NamedCost
    settings: Settings
    outcomes: list[Outcome]
    summary: list[Row]
    constant_decision: str
    constant_cost: float
    notes: list[str]

    @property
    def results(self) -> pd.DataFrame:
        """One line per loss, decision and fold, without the confusion matrices."""
        lines = [asdict(outcome) for outcome in self.outcomes]
        return pd.DataFrame(lines).drop(columns="confusion")

    @property
    def verdict(self) -> list[str]:
        """What to use, and what cannot be told apart, in plain sentences."""
        return summary.verdict(self.summary, constant_decision=self.constant_decision)

    @property
    def title(self) -> str:
        """Data, model and folds in one line."""
        settings = self.settings
        return (
            f"{self.name}: {self.examples} examples, {len(self.cost.classes)} classes, "
            f"{settings.model} model, {settings.repeats} x {settings.folds} folds"
        )

    def table(self) -> Table:
        """The summary as a rich table."""
        caption = (
            "cost: mean test cost of an example, s.e. corrected for overlapping folds. "
            f"norm.: over {summary.number(self.constant_cost)}, the cost of always "
            f"deciding {self.constant_decision!r}. acc.: accuracy; F1: macro-F1. "
            "p: difference from the baseline (base), Holm-adjusted. s: seconds of one "
            "training."
        )
        return table.render(self.summary, title=self.title, caption=caption)

    def save(self, directory: str | Path) -> None:
        """Write `results.csv`, `report.json`, `costs.png` and `confusion.png`.

        Args:
            directory: Where to; it is made if need be.

        Raises:
            InputError: If it cannot be written; then no file is.
        """
        rows = self.summary
        constant = self.constant_decision, self.constant_cost
        report.write_all(
            Path(directory),
            {
                "results.csv": lambda path: report.write_csv(path, self.results),
                "report.json": lambda path: report.write_json(
                    path,
                    name=self.name,
                    source=self.source,
                    examples=self.examples,
                    cost=self.cost,
                    settings=self.settings,
                    rows=rows,
                    constant=constant,
                    verdict=self.verdict,
                    notes=self.notes,
                ),
                "costs.png": lambda path: plots.plot_costs(
                    path,
                    rows,
                    title=self.title,
                    constant_cost=self.constant_cost,
                    constant_decision=self.constant_decision,
                ),
                "confusion.png": lambda path: plots.plot_confusion(
                    path, rows, self.cost, title=self.title
                ),
            },
        )


def compare_losses(
    X: Any,
    y: Any,
    *,
    cost: Any = None,
    losses: Sequence[str] = DEFAULT_LOSSES,
    model: Model = "linear",
    folds: int = 5,
    repeats: int = 3,
    seed: int = 0,
    progress: bool = False,
    name: str = "data",
    source: str = "",
) -> Comparison:
    """Train with each loss on the same folds; compare what the decisions cost.

    Every loss is trained in the same way, on costs of which the least of each row is
    subtracted and the mean made 1, and tested on the costs as given.

    Args:
        X: Features: a table, whose columns may hold numbers, text and gaps, or an
            array, shape `(examples, columns)`.
        y: The class of each example, shape `(examples,)`.
        cost: Costs `C[true, decision]`. A table with the true classes in its index
            and the decisions in its columns; or an array `(K, D)` in the sorted order
            of the classes; or None for a cost of 1 per mistake. Decisions beyond the
            classes are actions, such as to abstain.
        losses: Names of `CANDIDATES`, or `["all"]`. The baseline is always added.
        model: `"linear"`, or `"mlp"` for one hidden layer.
        folds: Number of stratified folds, at least 2.
        repeats: How often to divide the examples anew, at least 1.
        seed: Of the folds and the first weights, at least 0. The same seed gives the
            same results, times aside.
        progress: Show a bar with the time left, on the standard error stream.
        name: What to call the data in the results.
        source: Where the data come from, for the report.

    Returns:
        The results: `.summary`, `.table()`, `.verdict`, `.save(directory)`.

    Raises:
        InputError: A `ValueError`, if the data, the costs or an option cannot be used.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> from costfn.compare import compare_losses
        >>> X, y = load_iris(return_X_y=True)
        >>> found = compare_losses(X, y, losses=["log_cost_loss"], folds=2, repeats=1)
        >>> [row.name for row in found.summary if row.is_baseline]
        ['cross_entropy with argmax']
    """
    settings = _settings(model, folds, repeats, seed)
    chosen = select([losses] if isinstance(losses, str) else list(losses))
    labels = _labels(y)
    features = check_features(X)
    if len(features) != len(labels):
        raise InputError(
            f"X and y must have as many examples, got {len(features)} and {len(labels)}"
        )
    classes = _in_order(set(labels))
    if len(classes) < 2:
        raise InputError(f"classes must be 2 or more, got {listed(classes)}")
    named = name_cost(cost, classes)
    indices = np.array([named.classes.index(label) for label in labels])
    _check_counts(indices, named, folds)
    notes = [] if cost is not None else ["No costs given: every mistake costs 1."]
    notes += _unreasonable(named)
    candidates, left_out = suitable(chosen, torch.tensor(named.scaled()))
    outcomes = run(features, indices, named, candidates, settings, progress=progress)
    constant = int((np.bincount(indices) @ named.matrix).argmin())
    return Comparison(
        name=name,
        source=source,
        examples=len(labels),
        cost=named,
        settings=settings,
        outcomes=outcomes,
        summary=summary.summarize(outcomes, folds=folds),
        constant_decision=named.decisions[constant],
        constant_cost=float(np.mean([one.constant_cost for one in outcomes])),
        notes=notes + left_out,
    )


def _settings(model: Model, folds: int, repeats: int, seed: int) -> Settings:
    if model not in get_args(Model):
        raise InputError(f"model must be of {listed(get_args(Model))}, got {model!r}")
    for option, value, least in (
        ("folds", folds, 2),
        ("repeats", repeats, 1),
        ("seed", seed, 0),
    ):
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise InputError(f"{option} must be {least} or more, got {value!r}")
    return Settings(model, folds, repeats, seed)


def _labels(y: Any) -> list[str]:
    labels = pd.Series(np.asarray(y).tolist() if np.ndim(y) == 1 else [None])
    if np.ndim(y) != 1 or labels.empty:
        raise InputError(
            f"y must hold a class for each example, got shape {np.shape(y)}"
        )
    if labels.isna().any():
        raise InputError(
            f"y must hold a class for every example, got {int(labels.isna().sum())} "
            "missing"
        )
    if labels.dtype.kind == "f" and (labels % 1 == 0).all():
        labels = labels.astype(int)
    return [str(label).strip() for label in labels]


def _in_order(classes: set[str]) -> list[str]:
    """Sorted as numbers if all are, else as text."""
    try:
        return sorted(classes, key=float)
    except ValueError:
        return sorted(classes)


def _check_counts(labels: NDArray[np.int64], cost: NamedCost, folds: int) -> None:
    counts = np.bincount(labels, minlength=len(cost.classes))
    few = [
        f"{name!r} ({count})"
        for name, count in zip(cost.classes, counts, strict=True)
        if count < folds
    ]
    if few:
        shown = ", ".join(few[:10]) + (f", ... ({len(few)} in all)" if few[10:] else "")
        raise InputError(
            f"classes must have at least {folds} examples each, one per fold, got "
            f"{shown}: use fewer folds, or merge or remove the rare classes"
        )


def _unreasonable(cost: NamedCost) -> list[str]:
    """A note for each class whose right decision is not the cheapest."""
    square = cost.matrix[:, : len(cost.classes)]
    return [
        f"For the truth {name!r} another decision is cheaper than {name!r} itself: "
        "check the cost matrix."
        for index, name in enumerate(cost.classes)
        if square[index, index] > square[index].min()
    ]

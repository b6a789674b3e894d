"""Compares losses on a user's data: `compare_losses` and its result."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from rich.table import Table

from . import _plots, _report, _summary, _table
from ._candidates import default_losses, other_names, select, suitable
from ._checks import check_counts, check_labels, check_settings, in_order, unreasonable
from ._costs import NamedCost, name_cost
from ._errors import InputError, listed
from ._experiment import Outcome, Settings, run
from ._metrics import METRICS, Metric, best_constant, check_suits, find_metric
from ._preprocessing import check_features
from ._summary import Row
from ._training import Model


@dataclass(frozen=True)
class Comparison:
    """The result of `compare_losses`.

    Attributes:
        name: Name of the data.
        source: Source of the data and their costs.
        examples: Number of examples.
        cost: The cost matrix with the names of its axes.
        settings: The settings of the comparison.
        outcomes: One per loss, decision and fold.
        summary: One row per loss and decision, the best first.
        constant_decision: The best decision if all examples get the same one.
        constant_cost: Mean test cost of the cheapest constant decision.
        notes: What was assumed or left out.
        constant_value: The metric of `constant_decision`; None for the cost.
        with_cost: Whether costs were given.
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
    constant_value: float | None = None
    with_cost: bool = True

    @property
    def metric(self) -> Metric:
        """What the losses are compared by."""
        return METRICS[self.settings.metric]

    @property
    def results(self) -> pd.DataFrame:
        """One line per loss, decision and fold, without the confusion matrices.

        For a metric other than the cost, `metric` and `score` are its name and value.
        """
        lines = pd.DataFrame([asdict(outcome) for outcome in self.outcomes])
        if not self.metric.is_cost:
            lines["metric"] = self.metric.name
            lines["score"] = [self.metric(one.confusion) for one in self.outcomes]
        return lines.drop(columns="confusion")

    @property
    def verdict(self) -> list[str]:
        """Which loss to use, and which differences are significant, in sentences."""
        return _summary.verdict(
            self.summary,
            constant_decision=self.constant_decision,
            constant_value=self.constant_value,
            metric=self.metric,
        )

    @property
    def title(self) -> str:
        """The data, the model and the folds in one line."""
        settings = self.settings
        return (
            f"{self.name}: {self.examples} examples, {len(self.cost.classes)} classes, "
            f"{settings.model} model, {settings.repeats} x {settings.folds} folds"
        )

    def table(self) -> Table:
        """The summary as a rich table."""
        rest = (
            "p: test of the difference from the baseline (base), Holm-adjusted. s: "
            "seconds to train once."
        )
        if self.constant_value is None:
            caption = (
                "cost: mean test cost per example, s.e. corrected for overlapping "
                "folds. norm.: cost divided by "
                f"{_summary.number(self.constant_cost)}, the cost of always deciding "
                f"{self.constant_decision!r}. acc.: accuracy; F1: macro-F1. {rest}"
            )
        else:
            caption = (
                f"{self.metric.name}: mean over the test folds, higher is better, s.e. "
                "corrected for overlapping folds; always deciding "
                f"{self.constant_decision!r}: {self.constant_value:.3f}. {rest}"
            )
        return _table.render(
            self.summary,
            title=self.title,
            caption=caption,
            metric=self.metric,
            with_cost=self.with_cost,
        )

    def save(self, directory: str | Path) -> None:
        """Writes `results.csv`, `report.json`, `costs.png` and `confusion.png`.

        Args:
            directory: Where to write them. It is created if it does not exist.

        Raises:
            InputError: If the directory cannot be written. Then no file is written.
        """
        rows, metric, value = self.summary, self.metric, self.constant_value
        at = self.constant_cost if value is None else value
        _report.write_all(
            Path(directory),
            {
                "results.csv": lambda path: _report.write_csv(path, self.results),
                "report.json": lambda path: _report.write_json(
                    path,
                    name=self.name,
                    source=self.source,
                    examples=self.examples,
                    cost=self.cost,
                    settings=self.settings,
                    rows=rows,
                    constant=(self.constant_decision, at),
                    verdict=self.verdict,
                    notes=self.notes,
                ),
                "costs.png": lambda path: _plots.plot_costs(
                    path,
                    rows,
                    title=self.title,
                    constant_value=at,
                    constant_decision=self.constant_decision,
                    metric=metric,
                ),
                "confusion.png": lambda path: _plots.plot_confusion(
                    path, rows, self.cost, title=self.title, metric=metric
                ),
            },
        )


def compare_losses(
    X: Any,
    y: Any,
    *,
    cost: Any = None,
    losses: Sequence[str] | None = None,
    metric: str = "cost",
    model: Model = "linear",
    folds: int = 5,
    repeats: int = 3,
    seed: int = 0,
    progress: bool = False,
    name: str = "data",
    source: str = "",
) -> Comparison:
    """Trains with each loss on the same folds, and compares the decisions.

    Every loss is trained in the same way. For training the costs are scaled: the least
    of each row is subtracted and the mean is made 1. Tests use the costs as given.

    Args:
        X: Features: a table whose columns may hold numbers, text and missing values, or
            an array, shape `(examples, columns)`.
        y: The class of each example, shape `(examples,)`.
        cost: Costs `C[true, decision]`: a table with the true classes in its index and
            the decisions in its columns; or an array `(K, D)` in the sorted order of
            the classes; or None for a cost of 1 per mistake. Decisions beyond the
            classes are actions, such as abstaining.
        losses: Names of `CANDIDATES`, or `["all"]`, which runs a loss with several
            names once. The baseline is always added. Default: `DEFAULT_LOSSES`; for a
            metric other than the cost `METRIC_LOSSES` and the metric's own loss.
        metric: What to compare by, a key of `METRICS`: the mean cost, or a metric of
            the confusion matrix, where larger is better.
        model: `"linear"`, or `"mlp"` for one hidden layer.
        folds: Number of stratified folds, at least 2.
        repeats: Number of cross-validations, each with other folds, at least 1.
        seed: Seed of the folds and the initial weights, at least 0. The same seed gives
            the same results, apart from times.
        progress: Show a progress bar with the time left, on the standard error stream.
        name: Name of the data in the results.
        source: Where the data come from, for the report.

    Returns:
        The results: `summary`, `table()`, `save(directory)`, and in words
        `Comparison.verdict`.

    Raises:
        InputError: If the data, the costs or an option cannot be used: a `ValueError`.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> from costfn.compare import compare_losses
        >>> X, y = load_iris(return_X_y=True)
        >>> found = compare_losses(X, y, losses=["log_cost_loss"], folds=2, repeats=1)
        >>> [row.name for row in found.summary if row.is_baseline]
        ['cross_entropy with argmax']
    """
    settings = check_settings(model, folds, repeats, seed, metric)
    by = find_metric(metric)
    names = default_losses(by) if losses is None else losses
    asked = [names] if isinstance(names, str) else list(names)
    chosen = select(asked, by)
    labels = check_labels(y)
    features = check_features(X)
    if len(features) != len(labels):
        raise InputError(
            f"X and y must have as many examples, got {len(features)} and {len(labels)}"
        )
    classes = in_order(set(labels))
    if len(classes) < 2:
        raise InputError(f"classes must be 2 or more, got {listed(classes)}")
    named = name_cost(cost, classes)
    indices = np.array([named.classes.index(label) for label in labels])
    check_suits(by, named.classes, named.decisions)
    check_counts(indices, named, folds)
    notes = unreasonable(named)
    if cost is None and by.is_cost:
        notes = ["No costs given: every mistake costs 1."]
    if by.binary:
        notes.append(f"{by.name} is for the second class, {named.classes[1]!r}.")
    if "all" in asked:
        same = (f"{name} is {of}" for name, of in other_names(by).items())
        notes.append(f"Run under one name: {', '.join(same)}.")
    candidates, left_out = suitable(chosen, torch.tensor(named.scaled()), by)
    outcomes = run(features, indices, named, candidates, settings, progress=progress)
    constant, value = int((np.bincount(indices) @ named.matrix).argmin()), None
    if not by.is_cost:
        sound = [one.confusion for one in outcomes if not one.failed]
        constant, value = best_constant(sound, by) if sound else (constant, np.nan)
    return Comparison(
        name=name,
        source=source,
        examples=len(labels),
        cost=named,
        settings=settings,
        outcomes=outcomes,
        summary=_summary.summarize(outcomes, folds=folds, metric=by),
        constant_decision=named.decisions[constant],
        constant_cost=float(np.mean([one.constant_cost for one in outcomes])),
        notes=notes + left_out,
        constant_value=value,
        with_cost=cost is not None,
    )

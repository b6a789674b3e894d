"""Compares losses on a user's data: `compare_losses` and its result."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.table import Table

from . import _files, _summary, _table, _verdict
from ._costs import NamedCost
from ._data import Column, Data
from ._directory import write_all
from ._errors import InputError
from ._experiment import Settings
from ._learning_curves import Curve, learning_curves
from ._metrics import METRICS, Metric
from ._outcome import Outcome
from ._plan import Plan, plan
from ._preprocessing import check_features
from ._summary import Row
from ._winner import Winner, trained


@dataclass(frozen=True)
class Comparison:
    """The result of `compare_losses`.

    Attributes:
        plan: What was compared: data, costs, losses, folds.
        outcomes: One per loss, decision and fold.
        summary: One row per loss and decision, the best first.
        constant_decision: The best decision if all examples get the same one.
        constant_cost: Mean test cost of the cheapest constant decision.
        constant_value: The metric of `constant_decision`; None for the cost.
        learning_curves: Of some rows the name, numbers of training examples, and values
            at these; empty unless asked for.
    """

    plan: Plan = field(repr=False)
    outcomes: list[Outcome] = field(repr=False)
    summary: list[Row] = field(repr=False)
    constant_decision: str
    constant_cost: float
    constant_value: float | None = None
    learning_curves: list[Curve] = field(default_factory=list, repr=False)

    @property
    def name(self) -> str:
        """Name of the data."""
        return self.plan.name

    @property
    def source(self) -> str:
        """Source of the data and their costs."""
        return self.plan.source

    @property
    def columns(self) -> list[Column]:
        """How each column was read."""
        return self.plan.columns

    @property
    def settings(self) -> Settings:
        """The settings of the comparison."""
        return self.plan.settings

    @property
    def notes(self) -> list[str]:
        """What was assumed or left out."""
        return self.plan.notes

    @property
    def training(self) -> list[str]:
        """How the models are trained and tuned, in words."""
        return self.plan.training

    @property
    def cost(self) -> NamedCost:
        """The cost matrix with the names of its axes."""
        return self.plan.data.cost

    @property
    def examples(self) -> int:
        """Number of examples."""
        return len(self.plan.data.labels)

    @property
    def metric(self) -> Metric:
        """What the losses are compared by."""
        return METRICS[self.settings.metric]

    @property
    def folds(self) -> int:
        """Number of folds that were measured, over all repeats."""
        return len({(one.repeat, one.fold) for one in self.outcomes})

    @property
    def results(self) -> pd.DataFrame:
        """One line per loss, decision and fold, without the confusion matrices.

        For a metric other than the cost, `metric` and `score` are its name and value.
        """
        lines = pd.DataFrame([asdict(outcome) for outcome in self.outcomes])
        lines["setting"] = [
            ", ".join(f"{name} {value:g}" for name, value in one.setting.items())
            for one in self.outcomes
        ]
        if not self.metric.is_cost:
            lines["metric"] = self.metric.name
            lines["score"] = [self.metric(one.confusion) for one in self.outcomes]
        hidden = ["confusion", "reliability", "cost_curve", "expected_cost"]
        return lines.drop(columns=hidden)

    @property
    def verdict(self) -> list[str]:
        """Which loss to use, and which differences are significant, in sentences."""
        return _verdict.verdict(
            self.summary,
            folds=self.folds,
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
        return _table.render(
            self.summary,
            title=self.title,
            caption=_table.caption(
                self.metric,
                self.constant_decision,
                self.constant_cost,
                self.constant_value,
            ),
            metric=self.metric,
            with_cost=self.plan.with_cost,
        )

    def __str__(self) -> str:
        return "\n".join([self.title, *self.verdict])

    def to_frame(self) -> pd.DataFrame:
        """The summary, one line per loss and decision, without confusion matrices."""
        rows = [asdict(row) | {"value": row.value} for row in self.summary]
        return pd.DataFrame(rows).drop(columns="confusion")

    def _repr_html_(self) -> str:
        """The summary as a table of a notebook, below the verdict."""
        words = "".join(f"<p>{escape(line)}</p>" for line in self.verdict)
        return words + str(self.to_frame().to_html(max_rows=60))

    @property
    def recommended(self) -> Row | None:
        """The row to train and use; None if the baseline failed."""
        return _verdict.recommended(self.summary, self.metric)

    def train(self, row: Row | None = None) -> Winner:
        """The recommended row, or another, tuned and trained on all examples.

        Raises:
            InputError: If the baseline failed, so that nothing is recommended.
        """
        chosen = row or self.recommended
        if chosen is None:
            raise InputError("row must be given where nothing is recommended, got none")
        return trained(self.plan, chosen)

    def save(self, directory: str | Path) -> None:
        """Writes the results, the report, its figures, and the trained winner.

        `report.html` needs no network; `costfn predict` reads the folder `model`.

        Args:
            directory: Where to write them. It is created if it does not exist.

        Raises:
            InputError: If the directory cannot be written. Then no file is written.
        """
        write_all(Path(directory), _files.writers(self))


def compare_losses(
    X: Any,
    y: Any,
    *,
    cost: Any = None,
    losses: Sequence[str | Callable[..., Any]] | None = None,
    metric: str = "cost",
    model: str | Callable[..., Any] = "linear",
    folds: int = 5,
    repeats: int = 3,
    seed: int = 0,
    weight: Any = None,
    groups: Any = None,
    time: Any = None,
    jobs: int = 1,
    time_budget: float | None = None,
    out: str | Path | None = None,
    progress: bool = False,
    name: str = "data",
    source: str = "",
) -> Comparison:
    """Trains with each loss on the same folds, and compares the decisions.

    Every loss is tuned and trained in the same way, on the same inner folds. For
    training the costs are scaled: the least of each row is subtracted and the mean is
    made 1. Tests use the costs as given.

    Args:
        X: Features: a table whose columns may hold numbers, text, dates and missing
            values, or an array, shape `(examples, columns)`.
        y: The class of each example, shape `(examples,)`.
        cost: Costs `C[true, decision]`: a table with the true classes in its index and
            the decisions in its columns; or an array `(K, D)` in the sorted order of
            the classes; or None for a cost of 1 per mistake. Decisions beyond the
            classes are actions, such as abstaining.
        losses: Names of `CANDIDATES` or of reference rows, functions of your own (see
            below), or `["all"]`, which runs a loss with several names once. The
            baseline is always added. Default: `DEFAULT_LOSSES`; for a metric other than
            the cost `METRIC_LOSSES` and the metric's own loss; and the references.
        metric: What to compare by, a key of `METRICS`: the mean cost, or a metric of
            the confusion matrix, where larger is better.
        model: `"linear"`, `"mlp"` for one hidden layer, `"boosting"` for trees; or a
            function: of the numbers of columns and outputs to a `torch.nn.Module`, or
            without arguments to a classifier of scikit-learn.
        folds: Number of stratified folds, at least 2.
        repeats: Number of cross-validations, each with other folds, at least 1.
        seed: Seed of the folds and the initial weights, at least 0. The same seed gives
            the same results, apart from times.
        weight: How much each example counts, at least 0, shape `(examples,)`.
        groups: What must not be divided between training and test, `(examples,)`.
        time: What orders the examples; each fold then tests on later ones.
        jobs: Number of processes.
        time_budget: Seconds after which no further training begins. Folds that are not
            finished by then are left out.
        out: A directory where finished cells are kept, so that an interrupted
            comparison goes on where it was.
        progress: Show a progress bar with the time left, on the standard error stream.
        name: Name of the data in the results.
        source: Where the data come from, for the report.

    Returns:
        The results: `summary`, `table()`, `save(directory)`, and in words
        `Comparison.verdict`.

    Raises:
        InputError: If the data, the costs or an option cannot be used: a `ValueError`.

    A loss of your own is a function of logits `(examples, classes)` and labels
    `(examples,)` to one loss per example, or to one for all; the doctor examines it
    before any training.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> from costfn.compare import compare_losses
        >>> X, y = load_iris(return_X_y=True)
        >>> found = compare_losses(X, y, losses=["log_cost_loss"], folds=2, repeats=1)
        >>> [row.name for row in found.summary if row.is_baseline]
        ['cross_entropy with argmax']
    """
    features, columns = check_features(X)
    data = Data(
        name,
        features,
        pd.Series(np.asarray(y).tolist() if np.ndim(y) == 1 else [], dtype=object),
        None,
        source,
        columns,
        weight=None if weight is None else np.asarray(weight, dtype=np.float64),
        groups=None if groups is None else pd.factorize(np.asarray(groups))[0],
        time=None if time is None else np.asarray(time, dtype=np.float64),
    )
    ready = plan(
        data,
        y,
        cost=cost,
        losses=losses,
        model=model,
        metric=metric,
        folds=folds,
        repeats=repeats,
        seed=seed,
    )
    return compare_planned(
        ready, jobs=jobs, time_budget=time_budget, out=out, progress=progress
    )


def compare_planned(
    ready: Plan,
    *,
    jobs: int = 1,
    time_budget: float | None = None,
    out: str | Path | None = None,
    progress: bool = False,
    curves: bool = False,
) -> Comparison:
    """Runs what was planned; see `compare_losses`.

    Args:
        ready: From `plan`.
        jobs: As there, like all but the last.
        time_budget: As there.
        out: As there.
        progress: As there.
        curves: Whether to train the baseline and the recommended row on fewer examples
            too, for the picture of what more data would bring.
    """
    outcomes = ready.run(
        jobs=jobs,
        time_budget=time_budget,
        out=None if out is None else Path(out),
        progress=progress,
    )
    constant, value = ready.best_constant(outcomes)
    summary = _summary.summarize(
        outcomes, test_to_train=ready.test_to_train, metric=ready.data.by
    )
    return Comparison(
        plan=ready,
        outcomes=outcomes,
        summary=summary,
        constant_decision=ready.data.cost.decisions[constant],
        constant_cost=float(np.mean([one.constant_cost for one in outcomes])),
        constant_value=value,
        learning_curves=learning_curves(ready, summary, outcomes) if curves else [],
    )

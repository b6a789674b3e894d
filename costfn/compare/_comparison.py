"""The result of `compare_losses`."""

from dataclasses import asdict, dataclass, field
from html import escape
from pathlib import Path

import pandas as pd
from rich.table import Table

from . import _files, _table, _verdict
from ._costs import NamedCost
from ._data import Column
from ._directory import write_all
from ._errors import InputError
from ._experiment import Settings
from ._learning_curves import Curve
from ._metrics import METRICS, Metric
from ._outcome import Outcome
from ._plan import Plan
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

"""A comparison before its first training: everything is checked here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from . import _store
from ._candidate import Candidate
from ._candidates import BASELINE, default_losses, other_names, select, suitable
from ._cell import Prepared
from ._checks import check_counts, check_labels, check_settings, in_order
from ._costs import NamedCost, diagnosis, name_cost
from ._data import Column, Data
from ._directory import check_directory
from ._errors import InputError, listed
from ._experiment import Cell, Settings, run
from ._folds import Split, check_splits, outer_splits
from ._learners import Learner
from ._metrics import best_constant, check_suits, find_metric
from ._models import learner_of
from ._outcome import Outcome
from ._own_loss import own_loss
from ._preprocessing import as_text
from ._references import REFERENCES, reference
from ._versions import versions

Loss = str | Callable[..., Any]


@dataclass(frozen=True)
class Plan:
    """All that is known before the first training.

    Attributes:
        name: Name of the data.
        source: Where they come from.
        data: The examples, with costs and weights.
        columns: How each column was read.
        settings: The settings of the comparison.
        candidates: The losses, each with the model that it trains.
        splits: Which examples train and which test.
        notes: What was assumed or left out.
        training: How each model is trained and tuned.
        with_cost: Whether costs were given.
    """

    name: str
    source: str
    data: Prepared = field(repr=False)
    columns: list[Column]
    settings: Settings
    candidates: list[tuple[Candidate, Learner]] = field(repr=False)
    splits: list[Split] = field(repr=False)
    notes: list[str]
    training: list[str]
    with_cost: bool

    @property
    def test_to_train(self) -> float:
        """Examples that test for each that trains, on average over the folds."""
        each = [len(split.test) / len(split.train) for split in self.splits]
        return float(np.mean(each))

    def run(
        self,
        *,
        jobs: int,
        time_budget: float | None,
        out: Path | None,
        progress: bool,
    ) -> list[Outcome]:
        """Every loss on every fold, or what is done when the time is up.

        Raises:
            InputError: If no fold was finished in time, or `out` cannot be written.
        """
        if isinstance(jobs, bool) or not isinstance(jobs, int) or jobs == 0:
            raise InputError(f"jobs must be 1 or more, or -1 for all, got {jobs!r}")
        if time_budget is not None and not time_budget > 0:
            raise InputError(f"time-budget must be above 0 seconds, got {time_budget}")
        if out is not None:
            check_directory(out)
        settings = (self.settings.folds, self.settings.seed)
        store = _store.Store(
            None if out is None else out / _store.FILE,
            _store.fingerprint(self.data, f"{settings} {versions()}"),
        )
        cells = [
            Cell(candidate, learner, split)
            for split in self.splits
            for candidate, learner in self.candidates
        ]
        outcomes = run(
            self.data,
            cells,
            self.settings.seed,
            store,
            jobs=jobs,
            time_budget=time_budget,
            progress=progress,
        )
        if not outcomes:
            raise InputError(
                "time-budget must suffice for one fold of every loss, got "
                f"{time_budget} seconds; name fewer losses or allow more"
            )
        return outcomes

    def best_constant(self, outcomes: Sequence[Outcome]) -> tuple[int, float | None]:
        """The best decision for all examples alike, and its metric if not the cost."""
        if not self.data.by.is_cost:
            sound = [one.confusion for one in outcomes if not one.failed]
            if sound:
                return best_constant(sound, self.data.by)
        costs = self.data.cost
        labels, weight = self.data.labels, self.data.weight
        each = costs.matrix[labels]
        if costs.each is not None:
            each = costs.each[np.arange(len(labels)), labels]
        constant = int(np.average(each, axis=0, weights=weight).argmin())
        return constant, None if self.data.by.is_cost else float("nan")


def plan(
    data: Data,
    labels: Any,
    *,
    cost: Any = None,
    losses: Sequence[Loss] | Loss | None = None,
    model: str | Callable[..., Any] = "linear",
    metric: str = "cost",
    folds: int = 5,
    repeats: int = 3,
    seed: int = 0,
) -> Plan:
    """Checks everything; see `compare_losses` for the arguments.

    Raises:
        InputError: If the data, the costs or an option cannot be used.
    """
    by = find_metric(metric)
    classes_of = check_labels(labels)
    names = classes_of.labels
    if len(data.features) != len(names):
        raise InputError(
            f"X and y must have as many examples, got {len(data.features)} and "
            f"{len(names)}"
        )
    for option in ("weight", "groups", "time"):
        _check_length(option, getattr(data, option), len(names))
    classes = in_order(set(names))
    if len(classes) < 2:
        raise InputError(f"classes must be 2 or more, got {listed(classes)}")
    named = name_cost(cost, classes, data.amounts)
    check_suits(by, named.classes, named.decisions)
    indices = np.array([named.classes.index(label) for label in names])
    notes = [*classes_of.notes, *diagnosis(named)]
    if data.time is not None and repeats != 1:
        repeats = 1
        notes.append("Ordered in time there is one division into folds: one repeat.")
    learner = learner_of(model)
    settings = check_settings(learner.name, folds, repeats, seed, metric)
    check_counts(indices, named, folds)
    splits = outer_splits(
        indices,
        folds=folds,
        repeats=repeats,
        seed=seed,
        groups=data.groups,
        time=data.time,
    )
    check_splits(splits, indices, named.classes)
    if cost is None and by.is_cost:
        notes.append("No costs given: every mistake costs 1.")
    if by.binary:
        notes.append(f"{by.name} is for the second class, {named.classes[1]!r}.")
    prepared = Prepared(
        as_text(data.features),
        indices,
        named,
        metric,
        data.weight,
        data.groups,
        data.time,
    )
    candidates, left_out = _candidates(losses, by, named, learner)
    words = dict.fromkeys(one.words for _, one in candidates)
    return Plan(
        name=data.name,
        source=data.source,
        data=prepared,
        columns=data.columns,
        settings=settings,
        candidates=candidates,
        splits=splits,
        notes=[*data.notes, *notes, *left_out],
        training=list(words),
        with_cost=cost is not None,
    )


def _candidates(
    losses: Sequence[Loss] | Loss | None,
    by: Any,
    cost: NamedCost,
    learner: Learner,
) -> tuple[list[tuple[Candidate, Learner]], list[str]]:
    """The losses with their models, the references, and why some are left out."""
    asked: list[Loss]
    if losses is None:
        asked = [*default_losses(by), *REFERENCES]
    else:
        asked = [losses] if isinstance(losses, str) or callable(losses) else [*losses]
    own = [one for one in asked if not isinstance(one, str)]
    named = [one for one in asked if isinstance(one, str) and one not in REFERENCES]
    if own or len(named) < len(asked):
        named.append(BASELINE)
    scaled = torch.tensor(cost.scaled())
    kept, notes = suitable(select(named, by), scaled, by)
    kept += [own_loss(one, len(cost.classes)) for one in own]
    if "all" in asked:
        same = (f"{name} is {of}" for name, of in other_names(by).items())
        notes.insert(0, f"Run under one name: {', '.join(same)}.")
    found: list[tuple[Candidate, Learner]] = []
    untrained = []
    for candidate in kept:
        if learner.any_loss or candidate.weigh is not None:
            found.append((candidate, learner))
        else:
            untrained.append(candidate.name)
    if untrained:
        notes.append(
            f"Left out, since the model {learner.name} trains cross entropy only: "
            f"{', '.join(untrained)}."
        )
    for name in asked:
        if isinstance(name, str) and name in REFERENCES:
            one = reference(name, cost.scaled())
            if one is not None:
                found.append(_with_rules(one, kept[0]))
            elif losses is not None:
                notes.append(f"{name} left out: it is for two classes and no actions.")
    return found, notes


def _with_rules(
    one: tuple[Candidate, Learner], baseline: Candidate
) -> tuple[Candidate, Learner]:
    """A reference with those of its rules that the baseline has too."""
    candidate, learner = one
    rules = tuple(rule for rule in candidate.decisions if rule in baseline.decisions)
    return Candidate(**vars(candidate) | {"decisions": rules}), learner


def _check_length(option: str, value: NDArray[Any] | None, examples: int) -> None:
    if value is not None and value.shape != (examples,):
        raise InputError(
            f"{option} must have an entry for each of {examples} examples, got shape "
            f"{value.shape}"
        )

"""The setting of a model, chosen on inner folds: the same budget for every loss."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ._candidate import Candidate, Problem, Rule
from ._decide import Decider, fitted
from ._learners import Learner, Setting, Task
from ._metrics import Metric
from ._outcome import measured

By = Literal["own loss", "criterion"]


@dataclass(frozen=True)
class Choice:
    """A setting, what it was chosen by, and the rule that decides with it.

    Attributes:
        by: What the setting was chosen by.
        setting: The setting.
        decider: The rule, fitted on the inner validation examples.
    """

    by: By
    setting: Setting
    decider: Decider


@dataclass(frozen=True)
class Training:
    """Training examples with what their losses and measures need.

    Attributes:
        features: Prepared, float64, shape `(examples, columns)`.
        labels: Indices of classes.
        problem: What losses may use, with an entry for each of these examples.
        costs: The costs of each example as given, `(examples, K, D)`.
        weight: How much each counts, or None.
        metric: What decisions are compared by.
        seed: Of folds and initial weights.
    """

    features: Tensor
    labels: NDArray[np.int64]
    problem: Problem
    costs: NDArray[np.float64]
    weight: NDArray[np.float64] | None
    metric: Metric
    seed: int

    def task(self, candidate: Candidate, rows: NDArray[np.int64] | None = None) -> Task:
        """To train with a candidate's loss, on all examples or on some."""
        chosen = slice(None) if rows is None else torch.as_tensor(rows)
        labels = torch.as_tensor(self.labels)[chosen]
        problem = self.problem.of(chosen)
        classes, decisions = self.problem.cost.shape

        def loss(outputs: Tensor, some: Tensor | slice) -> Tensor:
            return candidate.mean_loss(outputs, labels[some], problem.of(some))

        weight = torch.ones(len(labels)) if problem.weight is None else problem.weight
        if candidate.weigh is not None:
            weight = weight * candidate.weigh(labels, problem)
        return Task(
            self.features[chosen],
            labels.numpy(),
            classes,
            decisions if candidate.scores == "decisions" else classes,
            loss,
            weight.double().numpy(),
            candidate.convex,
            self.seed,
        )


@dataclass(frozen=True)
class _Validated:
    """Outputs of one setting for all examples that some inner fold put aside."""

    setting: Setting
    outputs: Tensor
    rows: NDArray[np.int64]
    own_loss: float


def choices(
    candidate: Candidate,
    learner: Learner,
    training: Training,
    divisions: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]],
) -> list[Choice]:
    """For each decision of a candidate the settings that inner folds choose.

    Args:
        candidate: The loss and its decisions.
        learner: The model, with its path of settings.
        training: The training examples.
        divisions: Of these, into examples to train on and to validate on.

    Returns:
        One choice per decision by the loss's own value, and one by the criterion where
        that is another thing. A setting that failed on a fold is not chosen, unless
        all did.
    """
    tried = list(_validated(candidate, learner, training, divisions))
    sound = [one for one in tried if np.isfinite(one.own_loss)] or tried
    by_own = min(sound, key=lambda one: one.own_loss)
    found = []
    for rule in candidate.decisions:
        found.append(_choice("own loss", by_own, rule, training))
        if candidate.log_loss or len(sound) < 2:
            continue
        each = [(_criterion(one, rule, training), one) for one in sound]
        best = min(each, key=lambda pair: pair[0])[1]
        found.append(_choice("criterion", best, rule, training))
    return found


def _validated(
    candidate: Candidate,
    learner: Learner,
    training: Training,
    divisions: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]],
) -> Iterator[_Validated]:
    outputs: dict[tuple[tuple[str, float], ...], list[Tensor]] = {}
    for inner, aside in divisions:
        task = training.task(candidate, inner)
        rows = torch.as_tensor(aside)
        for setting, fit in learner.path(task):
            predicted = fit.predict(training.features[rows])
            if fit.failed:
                predicted = torch.full_like(predicted, torch.nan)
            outputs.setdefault(tuple(setting.items()), []).append(predicted)
    rows_aside = np.concatenate([aside for _, aside in divisions])
    chosen = torch.as_tensor(rows_aside)
    labels = torch.as_tensor(training.labels)[chosen]
    problem = training.problem.of(chosen)
    for items, parts in outputs.items():
        together = torch.cat(parts)
        own = float(candidate.mean_loss(together, labels, problem))
        yield _Validated(dict(items), together, rows_aside, own)


def _choice(by: By, one: _Validated, rule: Rule, training: Training) -> Choice:
    return Choice(by, one.setting, _decider(one, rule, training))


def _decider(one: _Validated, rule: Rule, training: Training) -> Decider:
    rows = torch.as_tensor(one.rows)
    problem = training.problem.of(rows)
    weight = torch.ones(len(rows)) if problem.weight is None else problem.weight
    outputs = one.outputs if one.outputs.isfinite().all() else None
    labels = torch.as_tensor(training.labels)[rows]
    cost = replace(problem, costs=None).cost
    return fitted(rule, outputs, labels, weight.double(), cost, training.metric)


def _criterion(one: _Validated, rule: Rule, training: Training) -> float:
    """The mean cost of the decisions, or minus the metric: the smaller the better."""
    if not one.outputs.isfinite().all():
        return np.inf
    rows, truth = one.rows, training.labels[one.rows]
    costs = training.problem.of(torch.as_tensor(rows)).costs
    decided = _decider(one, rule, training)(one.outputs, costs)
    matrices = training.costs[rows] if training.costs.ndim == 3 else training.costs
    index = (np.arange(len(rows)),) if matrices.ndim == 3 else ()
    weight = None if training.weight is None else training.weight[rows]
    shape = tuple(matrices.shape[-2:])
    found = measured(truth, decided, matrices[(*index, truth, decided)], shape, weight)
    if training.metric.is_cost:
        return float(found["cost"])
    return -training.metric(found["confusion"])

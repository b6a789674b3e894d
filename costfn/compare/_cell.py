"""One cell of a comparison: one loss on one division of the data."""

import time
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from ._candidate import Candidate, Problem
from ._costs import NamedCost
from ._decide import FROM_PROBABILITIES
from ._folds import Split, inner_splits
from ._learners import Fit, Learner
from ._metrics import METRICS, Metric
from ._outcome import Outcome, measured, of_probabilities
from ._preprocessing import preprocessor
from ._tuning import Choice, Training, choices


@dataclass(frozen=True)
class Prepared:
    """The data of a comparison, checked.

    Attributes:
        features: A table of float64 and text columns.
        labels: Indices of classes, shape `(examples,)`.
        cost: The costs, with the classes in the order of the indices.
        metric: The name of what decisions are compared by.
        weight: How much each example counts, or None.
        groups: What must not be divided, or None.
        time: What orders the examples, or None.
    """

    features: pd.DataFrame
    labels: NDArray[np.int64]
    cost: NamedCost
    metric: str
    weight: NDArray[np.float64] | None = None
    groups: NDArray[np.int64] | None = None
    time: NDArray[np.float64] | None = None

    @property
    def by(self) -> Metric:
        """What decisions are compared by."""
        return METRICS[self.metric]


def training_of(
    data: Prepared, rows: NDArray[np.int64], seed: int
) -> tuple[Training, Any]:
    """Some examples made ready to train on, and the steps that made them ready."""
    steps = preprocessor(data.features).fit(data.features.iloc[rows])
    labels = data.labels[rows]
    weight = None if data.weight is None else data.weight[rows]
    classes = len(data.cost.classes)
    frequencies = np.bincount(labels, weights=weight, minlength=classes)
    cost = data.cost
    problem = Problem(
        _tensor(cost.scaled()),
        _tensor(frequencies / frequencies.sum()),
        data.metric,
        None if weight is None else _tensor(weight / weight.mean()),
        None if cost.each is None else _tensor(cost.scaled(rows)),
    )
    return (
        Training(
            _tensor(steps.transform(data.features.iloc[rows])),
            labels,
            problem,
            cost.matrix if cost.each is None else cost.each[rows],
            weight,
            data.by,
            seed,
        ),
        steps,
    )


def evaluate(
    data: Prepared, split: Split, candidate: Candidate, learner: Learner, seed: int
) -> list[Outcome]:
    """Tunes, trains and decides with one candidate; an outcome for each decision.

    Args:
        data: The data.
        split: Which examples train and which test.
        candidate: The loss and its decisions.
        learner: The model.
        seed: Of inner folds and initial weights.
    """
    started = time.perf_counter()
    training, steps = training_of(data, split.train, seed)
    groups = None if data.groups is None else data.groups[split.train]
    with warnings.catch_warnings():
        # That a rare class is not in each of the inner folds is no news.
        warnings.simplefilter("ignore", UserWarning)
        divisions = list(
            inner_splits(training.labels, learner.inner_folds, seed, groups)
        )
    chosen = choices(candidate, learner, training, divisions)
    task = training.task(candidate)
    fits: dict[tuple[tuple[str, float], ...], Fit] = {}
    for choice in chosen:
        key = tuple(choice.setting.items())
        if key not in fits:
            fits[key] = learner.fit(task, choice.setting)
    seconds = time.perf_counter() - started
    test = _tensor(steps.transform(data.features.iloc[split.test]))
    return [
        _outcome(data, split, candidate, choice, fits, test, seconds, training)
        for choice in chosen
    ]


def _outcome(
    data: Prepared,
    split: Split,
    candidate: Candidate,
    choice: Choice,
    fits: dict[tuple[tuple[str, float], ...], Fit],
    test: Tensor,
    seconds: float,
    training: Training,
) -> Outcome:
    fit = fits[tuple(choice.setting.items())]
    outputs = fit.predict(test)
    failed = fit.failed or not bool(outputs.isfinite().all())
    truth, weight = data.labels[split.test], None
    if data.weight is not None:
        weight = data.weight[split.test]
    shape = data.cost.matrix.shape
    known: dict[str, Any] = {
        "loss": candidate.name,
        "decision": choice.decider.rule,
        "repeat": split.repeat,
        "fold": split.fold,
        "constant_cost": _constant_cost(data, split),
        "seconds": seconds,
        "failed": failed,
        "chosen_by": choice.by,
        "setting": dict(choice.setting),
        "converged": fit.converged,
        "temperature": choice.decider.temperature,
    }
    if failed:
        nan, empty = float("nan"), np.zeros(shape)
        known |= {"cost": nan, "accuracy": nan, "macro_f1": nan, "confusion": empty}
        return Outcome(**known)
    scaled = None
    if data.cost.each is not None:
        scaled = _tensor(data.cost.scaled(split.test))
    decided = choice.decider(outputs, scaled)
    costs = data.cost.of(split.test, truth, decided)
    known |= measured(truth, decided, costs, (shape[0], shape[1]), weight)
    if choice.decider.rule in FROM_PROBABILITIES or candidate.log_loss:
        each = data.cost.each
        given = data.cost.matrix if each is None else each[split.test]
        probs = choice.decider.probabilities(outputs)
        known |= of_probabilities(probs, truth, weight, given)
    return Outcome(**known)


def _constant_cost(data: Prepared, split: Split) -> float:
    """Mean cost of the decision that is cheapest for all training examples alike."""

    def costs(rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Mean cost of each decision."""
        labels = data.labels[rows]
        each = data.cost.matrix[labels]
        if data.cost.each is not None:
            each = data.cost.each[rows, labels]
        weight = None if data.weight is None else data.weight[rows]
        return np.asarray(np.average(each, axis=0, weights=weight))

    return float(costs(split.test)[costs(split.train).argmin()])


def _tensor(array: NDArray[np.float64]) -> Tensor:
    return torch.tensor(np.asarray(array), dtype=torch.float64)

"""Trains with every loss on every fold, and measures the decisions."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score
from sklearn.model_selection import RepeatedStratifiedKFold

from ._candidate import Candidate, Problem
from ._costs import NamedCost
from ._preprocessing import preprocessor
from ._training import Model, train
from .candidates import decide


@dataclass(frozen=True)
class Settings:
    """The settings of a comparison.

    Attributes:
        model: `"linear"` or `"mlp"`.
        folds: Number of folds of each cross-validation.
        repeats: Number of cross-validations, each with other folds.
        seed: Seed of the folds and of the initial weights of the network.
        metric: The metric that losses are compared by, a key of `METRICS`.
    """

    model: Model
    folds: int
    repeats: int
    seed: int
    metric: str = "cost"


@dataclass(frozen=True)
class Outcome:
    """One loss with one decision on one test fold.

    Attributes:
        loss: Name of the loss.
        decision: Name of the decision.
        repeat: Index of the cross-validation, from 0.
        fold: Index of the fold in it, from 0.
        cost: Mean cost per example; NaN if the training failed.
        constant_cost: Mean cost of the constant decision that is best for the class
            frequencies of the training folds.
        accuracy: Share of correct decisions. An action such as abstaining is not one.
        macro_f1: Mean of F1 over the classes; 0 for a class that is never correct.
        seconds: Wall time of the training, the same for all decisions of a loss.
        failed: Whether the objective or a weight became infinite or NaN.
        confusion: Counts `[true, decision]`, shape `(K, D)`.
    """

    loss: str
    decision: str
    repeat: int
    fold: int
    cost: float
    constant_cost: float
    accuracy: float
    macro_f1: float
    seconds: float
    failed: bool
    confusion: NDArray[np.int64]


@dataclass(frozen=True)
class Fold:
    """One division of the examples, prepared for training.

    Attributes:
        repeat: Index of the cross-validation, from 0.
        index: Index of the fold in it, from 0.
        train: Features for training, shape `(examples, columns)`.
        train_labels: The classes of the training examples.
        test: Features for the test; the preparation was fitted on `train`.
        test_labels: The classes of the test examples.
        seed: Seed of the initial weights, the same for every loss.
    """

    repeat: int
    index: int
    train: torch.Tensor
    train_labels: NDArray[np.int64]
    test: torch.Tensor
    test_labels: NDArray[np.int64]
    seed: int


def folds(
    features: pd.DataFrame, labels: NDArray[np.int64], settings: Settings
) -> Iterator[Fold]:
    """Repeated stratified folds. The preparation is fitted on their training part."""
    splitter = RepeatedStratifiedKFold(
        n_splits=settings.folds,
        n_repeats=settings.repeats,
        random_state=settings.seed,
    )
    for number, (train_index, test_index) in enumerate(
        splitter.split(features, labels)
    ):
        repeat, index = divmod(number, settings.folds)
        steps = preprocessor(features).fit(features.iloc[train_index])
        yield Fold(
            repeat,
            index,
            _tensor(steps.transform(features.iloc[train_index])),
            labels[train_index],
            _tensor(steps.transform(features.iloc[test_index])),
            labels[test_index],
            seed=settings.seed + number,
        )


def run(
    features: pd.DataFrame,
    labels: NDArray[np.int64],
    cost: NamedCost,
    candidates: Sequence[Candidate],
    settings: Settings,
    *,
    progress: bool = False,
) -> list[Outcome]:
    """Evaluates every candidate on every fold.

    Args:
        features: A table from `check_features`.
        labels: Indices of classes, shape `(examples,)`.
        cost: The costs, with the classes in the order of the indices.
        candidates: The losses to train with; all get the same folds.
        settings: The settings of the comparison.
        progress: Show a progress bar with the time left, on the standard error stream.

    Returns:
        An outcome for each fold, candidate and decision, in this order.
    """
    outcomes = []
    with _one_thread(), _bar(progress) as bar:
        total = settings.folds * settings.repeats * len(candidates)
        task = bar.add_task("", total=total)
        for fold in folds(features, labels, settings):
            for candidate in candidates:
                words = f"fold {fold.index + 1}, repeat {fold.repeat + 1}"
                bar.update(task, description=f"{candidate.name}, {words}")
                outcomes += evaluate(candidate, fold, cost, settings)
                bar.advance(task)
    return outcomes


def evaluate(
    candidate: Candidate, fold: Fold, cost: NamedCost, settings: Settings
) -> list[Outcome]:
    """Trains with one candidate on one fold; an outcome for each of its decisions."""
    classes, decisions = cost.matrix.shape
    frequencies = np.bincount(fold.train_labels, minlength=classes)
    prior = _tensor(frequencies / frequencies.sum())
    problem = Problem(_tensor(cost.scaled()), prior, settings.metric)
    labels = torch.as_tensor(fold.train_labels)
    fit = train(
        fold.train,
        lambda outputs: candidate.objective(outputs, labels, problem),
        outputs=decisions if candidate.scores == "decisions" else classes,
        model=settings.model,
        seed=fold.seed,
    )
    truth = fold.test_labels
    constant = int((frequencies @ cost.matrix).argmin())
    constant_cost = float(cost.matrix[truth, constant].mean())
    outputs = fit.predict(fold.test)
    failed = fit.failed or not bool(outputs.isfinite().all())
    outcomes = []
    for rule in candidate.decisions:
        known: dict[str, Any] = {
            "loss": candidate.name,
            "decision": rule,
            "repeat": fold.repeat,
            "fold": fold.index,
            "constant_cost": constant_cost,
            "seconds": fit.seconds,
            "failed": failed,
        }
        if failed:
            nan = float("nan")
            empty = np.zeros(cost.matrix.shape, dtype=np.int64)
            known |= {"cost": nan, "accuracy": nan, "macro_f1": nan, "confusion": empty}
        else:
            known |= measure(truth, decide(rule, outputs, problem.cost), cost)
        outcomes.append(Outcome(**known))
    return outcomes


def measure(
    truth: NDArray[np.int64], decisions: NDArray[np.int64], cost: NamedCost
) -> dict[str, Any]:
    """Cost, accuracy, macro-F1 and confusion matrix of some decisions.

    Args:
        truth: Indices of classes, shape `(examples,)`.
        decisions: Indices of decisions, shape `(examples,)`.
        cost: The costs.

    Returns:
        The values by their names in `Outcome`.
    """
    classes, width = cost.matrix.shape
    return {
        "cost": float(cost.matrix[truth, decisions].mean()),
        "accuracy": float(accuracy_score(truth, decisions)),
        "macro_f1": float(
            f1_score(
                truth,
                decisions,
                labels=np.arange(classes),
                average="macro",
                zero_division=0,
            )
        ),
        "confusion": confusion_matrix(truth, decisions, labels=np.arange(width))[
            :classes
        ],
    }


def _tensor(array: NDArray[np.float64]) -> torch.Tensor:
    return torch.tensor(np.asarray(array), dtype=torch.float64)


@contextmanager
def _one_thread() -> Iterator[None]:
    # The matrices are small, so more threads are slower. They would also make the last
    # digits depend on the machine.
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _bar(shown: bool) -> Progress:
    return Progress(
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
        console=Console(file=sys.stderr),
        transient=True,
        disable=not shown,
    )

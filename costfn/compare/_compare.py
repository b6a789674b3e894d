"""Compares losses on a user's data: `compare_losses`."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from . import _summary
from ._comparison import Comparison
from ._data import Data
from ._learning_curves import learning_curves
from ._plan import Plan, plan
from ._preprocessing import check_features


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

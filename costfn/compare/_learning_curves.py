"""What more data would bring: rows trained on parts of the training examples."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from sklearn.model_selection import train_test_split

from ._cell import evaluate
from ._metrics import Metric
from ._outcome import Outcome
from ._plan import Plan
from ._summary import Row
from ._verdict import recommended

PARTS = (0.125, 0.25, 0.5)
"""Of the training examples."""

Curve = tuple[str, list[float], list[float]]
"""Name of a row, numbers of training examples, and mean values at these."""


def learning_curves(
    ready: Plan, rows: Sequence[Row], outcomes: Sequence[Outcome]
) -> list[Curve]:
    """The baseline and the recommended row on the folds of the first repeat.

    Args:
        ready: What was compared.
        rows: From `summarize`.
        outcomes: On all training examples.

    Returns:
        A curve for each; parts that hold too few of a class are left out.
    """
    chosen = recommended(rows, ready.data.by)
    baseline = next((row for row in rows if row.is_baseline), None)
    shown = [baseline] if chosen is baseline else [baseline, chosen]
    return [_curve(ready, row, outcomes) for row in shown if row is not None]


def _curve(ready: Plan, row: Row, outcomes: Sequence[Outcome]) -> Curve:
    data, by = ready.data, ready.data.by
    candidate, learner = next(
        pair for pair in ready.candidates if pair[0].name == row.loss
    )
    splits = [split for split in ready.splits if split.repeat == 0]
    least = np.bincount(data.labels).min()
    sizes: list[float] = []
    values: list[float] = []
    for part in PARTS:
        if part * least < 2 * learner.inner_folds:
            continue
        found = []
        for split in splits:
            train, _ = train_test_split(
                split.train,
                train_size=part,
                random_state=ready.settings.seed,
                stratify=data.labels[split.train],
            )
            cell = replace(split, train=train)
            seed = ready.settings.seed + split.number
            found += evaluate(data, cell, candidate, learner, seed)
        sizes.append(part * float(np.mean([len(split.train) for split in splits])))
        values.append(_mean(row, found, by))
    sizes.append(float(np.mean([len(split.train) for split in splits])))
    first = [one for one in outcomes if one.repeat == 0]
    values.append(_mean(row, first, by))
    return row.name, sizes, values


def _mean(row: Row, outcomes: Sequence[Outcome], metric: Metric) -> float:
    key = (row.loss, row.decision, row.chosen_by)
    found = [
        one.cost if metric.is_cost else metric(one.confusion)
        for one in outcomes
        if (one.loss, one.decision, one.chosen_by) == key
    ]
    return float(np.mean(found))

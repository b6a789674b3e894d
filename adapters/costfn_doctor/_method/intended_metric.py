"""Which metric a loss without gradient computes, found by comparing numbers."""

from collections.abc import Callable

import numpy as np

from .causes import REPLACEMENTS
from .examination import Examination
from .inputs import class_axis, is_binary
from .trace import Array, Cut


def _ratio(top: float, bottom: float) -> float:
    return top / bottom if bottom else 0.0


def _binary(name: str) -> Callable[[Array], float]:
    def metric(table: Array) -> float:
        (tn, fp), (fn, tp) = table
        return {
            "F1 (Dice)": _ratio(2 * tp, 2 * tp + fp + fn),
            "IoU (Jaccard)": _ratio(tp, tp + fp + fn),
            "precision": _ratio(tp, tp + fp),
            "recall": _ratio(tp, tp + fn),
            "MCC": _ratio(
                tp * tn - fp * fn,
                float(np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))),
            ),
        }[name]

    return metric


def _accuracy(table: Array) -> float:
    return float(np.trace(table) / table.sum())


def _balanced(table: Array) -> float:
    rows = table.sum(1)
    return float(np.mean((np.diag(table) / np.maximum(rows, 1))[rows > 0]))


def _macro(table: Array) -> float:
    tp, wrong = np.diag(table), table.sum(0) + table.sum(1)
    return float(np.mean(2 * tp / np.maximum(wrong, 1)))


METRICS: dict[str, Callable[[Array], float]] = {
    "accuracy": _accuracy,
    "balanced accuracy": _balanced,
    "macro F1": _macro,
    **{
        name: _binary(name)
        for name in ("F1 (Dice)", "IoU (Jaccard)", "precision", "recall", "MCC")
    },
}


def _tables(exam: Examination) -> list[tuple[list[Array], list[float]]]:
    """Confusion matrices at each prediction, with the values, for each threshold."""
    p, t = exam.inputs.prediction, exam.inputs.target
    predictions = [p, *exam.samples[: len(exam.runs)]]
    values = [exam.base.value, *(run.value for run in exam.runs)]
    axis = class_axis(p, t)
    if axis is not None:
        classes = p.shape[axis]
        found = [_table(t, q.argmax(axis), classes) for q in predictions]
        return [(found, values)]
    if is_binary(t) and t.shape == p.shape:
        truth = t.astype(int)
        return [
            ([_table(truth, (q > level).astype(int), 2) for q in predictions], values)
            for level in (0.0, 0.5)
        ]
    return []


def _table(truth: Array, decided: Array, classes: int) -> Array:
    table = np.zeros((classes, classes))
    np.add.at(table, (truth.ravel(), decided.ravel()), 1)
    return table


def replacement(exam: Examination, cut: Cut) -> str | None:
    """The loss of costfn for what this one measures, if that is recognised.

    A metric is recognised where the loss is a straight line of it at every
    prediction tried, a table of costs where the cut result is an index into one.
    """
    best = None
    for tables, values in _tables(exam):
        for name, metric in METRICS.items():
            if tables[0].shape[0] > 2 and name in ("F1 (Dice)", "IoU (Jaccard)"):
                continue
            if tables[0].shape[0] > 2 and name in ("precision", "recall", "MCC"):
                continue
            known = np.array([metric(table) for table in tables])
            if known.std() > 1e-9 and np.std(values) > 0:
                together = abs(np.corrcoef(known, values)[0, 1])
                if together > 0.9999 and best is None:
                    best = name
    if best is None and _indexes_table(exam, cut):
        best = "cost table"
    return None if best is None else f"{REPLACEMENTS[best]}, a smooth {best}"


def _indexes_table(exam: Examination, cut: Cut) -> bool:
    if cut.cause != "INDEX_OP":
        return False
    reached = exam.base.trace.reached(cut.outputs)
    return any(op.looks_up and reached & set(op.inputs) for op in exam.base.trace.ops)

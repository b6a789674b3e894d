"""Which metric a loss without gradient computes, recognised by its numbers."""

from collections.abc import Callable

import numpy as np

from .examination import Examination
from .inputs import class_axis, is_binary
from .thresholds import BINARY_CUTOFFS, METRIC_CHANGES, STRAIGHT_LINE
from .trace import Array, Cut

Metric = Callable[[Array], float]

REPLACEMENTS = {
    "accuracy": "costfn.accuracy_loss",
    "balanced accuracy": "costfn.balanced_accuracy_loss",
    "macro F1": 'costfn.f_beta_loss(..., average="macro")',
    "F1 (Dice)": "costfn.dice_loss",
    "IoU (Jaccard)": "costfn.jaccard_loss",
    "precision": "costfn.precision_loss",
    "recall": "costfn.recall_loss",
    "MCC": "costfn.mcc_loss",
    "cost table": "costfn.expected_cost_loss",
}
"""For each hard metric the loss of costfn that trains for it."""


def _ratio(top: float, bottom: float) -> float:
    return top / bottom if bottom else 0.0


def _accuracy(table: Array) -> float:
    return float(np.trace(table) / table.sum())


def _balanced_accuracy(table: Array) -> float:
    rows = table.sum(1)
    return float(np.mean((np.diag(table) / np.maximum(rows, 1))[rows > 0]))


def _macro_f1(table: Array) -> float:
    tp, predicted_and_true = np.diag(table), table.sum(0) + table.sum(1)
    return float(np.mean(2 * tp / np.maximum(predicted_and_true, 1)))


def _dice(table: Array) -> float:
    (_, fp), (fn, tp) = table
    return _ratio(2 * tp, 2 * tp + fp + fn)


def _jaccard(table: Array) -> float:
    (_, fp), (fn, tp) = table
    return _ratio(tp, tp + fp + fn)


def _precision(table: Array) -> float:
    (_, fp), (_, tp) = table
    return _ratio(tp, tp + fp)


def _recall(table: Array) -> float:
    fn, tp = table[1]
    return _ratio(tp, tp + fn)


def _mcc(table: Array) -> float:
    (tn, fp), (fn, tp) = table
    sizes = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return _ratio(tp * tn - fp * fn, float(np.sqrt(sizes)))


OF_CLASSES: dict[str, Metric] = {
    "accuracy": _accuracy,
    "balanced accuracy": _balanced_accuracy,
    "macro F1": _macro_f1,
}
OF_TWO_CLASSES: dict[str, Metric] = {
    "F1 (Dice)": _dice,
    "IoU (Jaccard)": _jaccard,
    "precision": _precision,
    "recall": _recall,
    "MCC": _mcc,
}


def _confusion_matrix(truth: Array, decided: Array, classes: int) -> Array:
    table = np.zeros((classes, classes))
    np.add.at(table, (truth.ravel(), decided.ravel()), 1)
    return table


def _confusion_matrices(exam: Examination, predictions: list[Array]) -> list[Array]:
    """Confusion matrices at each prediction: one row for each way to decide."""
    p, t = exam.inputs.prediction, exam.inputs.target
    axis = class_axis(p, t)
    if axis is not None:
        classes = p.shape[axis]
        found = [_confusion_matrix(t, q.argmax(axis), classes) for q in predictions]
        return [np.array(found)]
    if is_binary(t) and t.shape == p.shape:
        truth = t.astype(int)
        return [
            np.array(
                [
                    _confusion_matrix(truth, (q > cutoff).astype(int), 2)
                    for q in predictions
                ]
            )
            for cutoff in BINARY_CUTOFFS
        ]
    return []


def replacement(exam: Examination, cut: Cut) -> str | None:
    """The loss of costfn that trains for what this loss measures, if recognised.

    A metric is recognised if the loss is a straight line in it over all predictions
    tried. A cost table is recognised if the cut result is an index into a table.
    """
    found = _metric(exam)
    if found is None and _indexes_table(exam, cut):
        found = "cost table"
    return None if found is None else f"{REPLACEMENTS[found]}, a smooth {found}"


def _metric(exam: Examination) -> str | None:
    """Name of the first metric in which the loss is a straight line."""
    predictions = [exam.inputs.prediction, *exam.samples[: len(exam.runs)]]
    values = [exam.base.value, *(run.value for run in exam.runs)]
    for tables in _confusion_matrices(exam, predictions):
        classes = tables.shape[1]
        metrics = OF_CLASSES if classes > 2 else OF_CLASSES | OF_TWO_CLASSES
        for name, metric in metrics.items():
            known = np.array([metric(table) for table in tables])
            if (
                known.std() > METRIC_CHANGES
                and np.std(values) > 0
                and abs(np.corrcoef(known, values)[0, 1]) > STRAIGHT_LINE
            ):
                return name
    return None


def _indexes_table(exam: Examination, cut: Cut) -> bool:
    if cut.cause != "INDEX_OP":
        return False
    trace = exam.base.trace
    reached = trace.reached(cut.outputs)
    return any(op.reads_table and reached & set(op.inputs) for op in trace.ops)

"""What decisions are compared by: their cost, or a metric of the confusion matrix."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import nan

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import costfn

from ._errors import InputError, listed, suggestion


@dataclass(frozen=True)
class Metric:
    """A measure of decisions by which losses are ranked.

    Attributes:
        name: On the command line.
        words: In a sentence.
        measure: From a confusion matrix `(K, K)`, float64, to the value; None for the
            cost, which is no function of that alone.
        loss: The loss that trains for it.
        binary: For two classes only, it is that of the second.
    """

    name: str
    words: str
    measure: Callable[[Tensor], Tensor] | None
    loss: str
    binary: bool = False

    @property
    def is_cost(self) -> bool:
        """Whether smaller is better; of every other metric larger is."""
        return self.measure is None

    def __call__(self, confusion: NDArray[np.int64] | NDArray[np.float64]) -> float:
        """The value for counts `[true, decision]`; NaN where there are none."""
        if self.measure is None or not confusion.any():
            return nan
        return float(self.measure(torch.tensor(confusion, dtype=torch.float64)))


_of = costfn.metrics
_f1 = partial(_of.f_beta, beta=1.0)

_METRICS = (
    Metric("cost", "mean cost", None, "expected_cost_loss"),
    Metric("accuracy", "accuracy", _of.accuracy, "accuracy_loss"),
    Metric(
        "balanced-accuracy",
        "balanced accuracy",
        _of.balanced_accuracy,
        "balanced_accuracy_loss",
    ),
    Metric("f1-macro", "macro-F1", partial(_f1, average="macro"), "f_beta_loss"),
    Metric("f1", "F1", partial(_f1, average="binary"), "f_beta_loss", binary=True),
    Metric("mcc", "Matthews correlation", _of.mcc, "mcc_loss"),
    Metric("kappa", "Cohen's kappa", _of.cohen_kappa, "cohen_kappa_loss"),
    Metric(
        "kappa-quadratic",
        "quadratic kappa",
        partial(_of.cohen_kappa, weights="quadratic"),
        "cohen_kappa_loss",
    ),
    Metric(
        "jaccard-macro",
        "macro-Jaccard",
        partial(_of.jaccard, average="macro"),
        "jaccard_loss",
    ),
    Metric("g-mean", "G-mean", _of.g_mean, "g_mean_loss"),
)

METRICS: dict[str, Metric] = {metric.name: metric for metric in _METRICS}
"""Every metric that losses can be compared by, by name."""

COST = METRICS["cost"]


def find_metric(name: str) -> Metric:
    """The metric of this name.

    Raises:
        InputError: If there is none.
    """
    if name not in METRICS:
        raise InputError(
            f"metric must be of {listed(METRICS)}, got {name!r}"
            f"{suggestion(name, METRICS)}"
        )
    return METRICS[name]


def check_suits(
    metric: Metric, classes: Sequence[str], decisions: Sequence[str]
) -> None:
    """Refuse a metric that does not suit the classes and decisions.

    Args:
        metric: What to compare by.
        classes: Names of the classes.
        decisions: Names of the decisions: the classes, then the actions.

    Raises:
        InputError: If the metric is for two classes and there are more, or does not
            know actions and there are some.
    """
    name = metric.name
    if metric.binary and len(classes) > 2:
        raise InputError(
            f"metric must not be {name!r}, which is of the second of two classes, for "
            f"{len(classes)} classes; did you mean {name + '-macro'!r}?"
        )
    if not metric.is_cost and len(decisions) > len(classes):
        actions = listed(decisions[len(classes) :])
        raise InputError(
            f"metric must be 'cost' where there are decisions besides the classes "
            f"({actions}), got {name!r}"
        )


def best_constant(
    confusions: Sequence[NDArray[np.int64]], metric: Metric
) -> tuple[int, float]:
    """The class that is best if it must always be decided, and its mean value.

    Args:
        confusions: Of each fold, counts `[true, decision]`; only the truths matter.
        metric: Any but the cost.
    """
    counts = [confusion.sum(axis=1) for confusion in confusions]
    values = []
    for index in range(len(counts[0])):
        always = [np.outer(truths, np.eye(len(truths))[index]) for truths in counts]
        values.append(float(np.mean([metric(table) for table in always])))
    best = int(np.argmax(values))
    return best, values[best]

"""The measures of decisions: their cost, and metrics of the confusion matrix."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import nan

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .. import metrics
from ._errors import InputError, listed, suggestion


@dataclass(frozen=True)
class Metric:
    """A measure of decisions by which losses are ranked.

    Attributes:
        name: Its name on the command line.
        words: Its name in a sentence.
        measure: Function of a confusion matrix `(K, K)` in float64 to the value; None
            for the cost, which depends on the costs too.
        loss: The loss that trains for it.
        binary: Whether it is for two classes only, and is that of the second class.
    """

    name: str
    words: str
    measure: Callable[[Tensor], Tensor] | None
    loss: str
    binary: bool = False

    @property
    def is_cost(self) -> bool:
        """Whether it is the cost, where smaller is better; elsewhere larger is."""
        return self.measure is None

    def __call__(self, confusion: NDArray[np.float64]) -> float:
        """The value for counts `[true, decision]`; NaN if all counts are 0."""
        if self.measure is None or not confusion.any():
            return nan
        return float(self.measure(torch.tensor(confusion, dtype=torch.float64)))


_f1 = partial(metrics.f_beta, beta=1.0)

_METRICS = (
    Metric("cost", "mean cost", None, "expected_cost_loss"),
    Metric("accuracy", "accuracy", metrics.accuracy, "accuracy_loss"),
    Metric(
        "balanced-accuracy",
        "balanced accuracy",
        metrics.balanced_accuracy,
        "balanced_accuracy_loss",
    ),
    Metric("f1-macro", "macro-F1", partial(_f1, average="macro"), "f_beta_loss"),
    Metric("f1", "F1", partial(_f1, average="binary"), "f_beta_loss", binary=True),
    Metric("mcc", "Matthews correlation", metrics.mcc, "mcc_loss"),
    Metric("kappa", "Cohen's kappa", metrics.cohen_kappa, "cohen_kappa_loss"),
    Metric(
        "kappa-quadratic",
        "quadratic kappa",
        partial(metrics.cohen_kappa, weights="quadratic"),
        "cohen_kappa_loss",
    ),
    Metric(
        "jaccard-macro",
        "macro-Jaccard",
        partial(metrics.jaccard, average="macro"),
        "jaccard_loss",
    ),
    Metric("g-mean", "G-mean", metrics.g_mean, "g_mean_loss"),
)

METRICS: dict[str, Metric] = {metric.name: metric for metric in _METRICS}
"""Every metric that losses can be compared by, by name."""

COST = METRICS["cost"]


def find_metric(name: str) -> Metric:
    """The metric of this name.

    Raises:
        InputError: If there is no such metric.
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
    """Refuses a metric that does not suit the classes and decisions.

    Args:
        metric: The metric to compare by.
        classes: Names of the classes.
        decisions: Names of the decisions: the classes, then the actions.

    Raises:
        InputError: If the metric is for two classes and there are more, or if it has no
            place for actions and there are some.
    """
    name = metric.name
    if metric.binary and len(classes) > 2:
        raise InputError(
            f"metric must not be {name!r}, which is for the second of two classes, for "
            f"{len(classes)} classes; did you mean {name + '-macro'!r}?"
        )
    if not metric.is_cost and len(decisions) > len(classes):
        actions = listed(decisions[len(classes) :])
        raise InputError(
            f"metric must be 'cost' where there are decisions besides the classes "
            f"({actions}), got {name!r}"
        )


def best_constant(
    confusions: Sequence[NDArray[np.float64]], metric: Metric
) -> tuple[int, float]:
    """The best class if all examples get the same decision, and its mean value.

    Args:
        confusions: Counts `[true, decision]` of each fold. Only the sums of their rows
            matter.
        metric: Any metric but the cost.
    """
    counts = [confusion.sum(axis=1) for confusion in confusions]
    values = []
    for index in range(len(counts[0])):
        always = [np.outer(truths, np.eye(len(truths))[index]) for truths in counts]
        values.append(float(np.mean([metric(table) for table in always])))
    best = int(np.argmax(values))
    return best, values[best]

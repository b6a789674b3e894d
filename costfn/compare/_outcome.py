"""What one loss with one decision achieves on one test fold."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score
from torch import Tensor

BINS = 10
"""Of predicted probabilities, for the picture of calibration."""
QUANTILES = tuple(round(0.05 * step, 2) for step in range(21))
SHARES = tuple(round(0.025 + 0.05 * step, 3) for step in range(20))
"""Of the cost of missing the second class in that of both mistakes, for its curve."""


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
        seconds: Wall time of training and tuning, the same for all decisions of a loss.
        failed: Whether the objective or a weight became infinite or NaN.
        confusion: Weights `[true, decision]` of the examples, shape `(K, D)`.
        chosen_by: What the setting was chosen by on inner folds: the loss's own value
            ("own loss"), or what decisions are compared by ("criterion").
        setting: The setting that was chosen.
        converged: Whether more training would hardly lower the objective.
        temperature: What logits were divided by, for rules that need probabilities.
        log_loss: Of the probabilities that the decision was made from; else NaN.
        reliability: Sums over bins of the likeliest class's probability: weight,
            probability, correct ones, each `(BINS,)`; or empty.
        cost_curve: For two classes and a rule that knows the costs: its mean cost at
            each of `SHARES`; or empty.
        expected_cost: What the examples are expected to cost, as quantiles from 0 to 1
            in steps of 0.05; or empty.
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
    confusion: NDArray[np.float64]
    chosen_by: str = "own loss"
    setting: Mapping[str, float] = field(default_factory=dict)
    converged: bool = True
    temperature: float = 1.0
    log_loss: float = float("nan")
    reliability: list[list[float]] = field(default_factory=list)
    cost_curve: list[float] = field(default_factory=list)
    expected_cost: list[float] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """What `from_json` takes back."""
        return asdict(self) | {"confusion": self.confusion.tolist()}


def from_json(found: dict[str, Any]) -> Outcome:
    """An outcome as it was kept."""
    return Outcome(**found | {"confusion": np.array(found["confusion"])})


def measured(
    truth: NDArray[np.int64],
    decisions: NDArray[np.int64],
    costs: NDArray[np.float64],
    shape: tuple[int, int],
    weight: NDArray[np.float64] | None,
) -> dict[str, Any]:
    """Cost, accuracy, macro-F1 and confusion matrix of some decisions.

    Args:
        truth: Indices of classes, shape `(examples,)`.
        decisions: Indices of decisions, shape `(examples,)`.
        costs: What each decision costs, shape `(examples,)`.
        shape: Numbers of classes and decisions.
        weight: How much each example counts.

    Returns:
        The values by their names in `Outcome`.
    """
    classes, width = shape
    return {
        "cost": float(np.average(costs, weights=weight)),
        "accuracy": float(accuracy_score(truth, decisions, sample_weight=weight)),
        "macro_f1": float(
            f1_score(
                truth,
                decisions,
                labels=np.arange(classes),
                average="macro",
                zero_division=0,
                sample_weight=weight,
            )
        ),
        "confusion": confusion_matrix(
            truth, decisions, labels=np.arange(width), sample_weight=weight
        )[:classes].astype(np.float64),
    }


def of_probabilities(
    probs: Tensor,
    truth: NDArray[np.int64],
    weight: NDArray[np.float64] | None,
    costs: NDArray[np.float64],
) -> dict[str, Any]:
    """Log loss, calibration, expected costs, and the cost curve for two classes.

    Args:
        probs: Those of the classes, `(examples, K)`.
        truth: Indices of classes, `(examples,)`.
        weight: How much each example counts.
        costs: `(K, D)`, or `(examples, K, D)` where they differ.
    """
    each = np.ones(len(truth)) if weight is None else weight
    p = probs.numpy()
    own = p[np.arange(len(truth)), truth]
    tiny = np.finfo(np.float64).tiny
    sure, right = p.max(axis=1), p.argmax(axis=1) == truth
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    sums = [
        np.bincount(bins, weights=each * x, minlength=BINS).tolist()
        for x in (np.ones(len(truth)), sure, right)
    ]
    found: dict[str, Any] = {
        "log_loss": float(-np.average(np.log(np.maximum(own, tiny)), weights=each)),
        "reliability": sums,
        "expected_cost": np.quantile(
            np.squeeze(p[:, None] @ costs, 1).min(axis=-1), QUANTILES
        ).tolist(),
    }
    if p.shape[1] == 2:
        found["cost_curve"] = [
            float(np.average(_cost_at(share, p[:, 1], truth), weights=each))
            for share in SHARES
        ]
    return found


def _cost_at(
    share: float, probs: NDArray[np.float64], truth: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Cost of each decision: missing class 1 costs `share`, a false alarm the rest."""
    alarm = probs * share > (1 - probs) * (1 - share)
    missed = (truth == 1) & ~alarm
    return np.asarray(share * missed + (1 - share) * ((truth == 0) & alarm))

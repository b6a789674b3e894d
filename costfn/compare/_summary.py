"""From the outcomes of all folds to one row per loss and decision."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ._candidates import BASELINE
from ._metrics import COST, Metric
from ._outcome import Outcome
from ._statistics import (
    PairedTest,
    corrected_paired_test,
    corrected_standard_error,
    holm,
)

LEVEL = 0.05
"""P-values below this count as a difference."""

Key = tuple[str, str, str]
NAN = float("nan")


@dataclass(frozen=True)
class Row:
    """One loss with one decision, over all folds.

    The results of a failed row are NaN.

    Attributes:
        loss: Name of the loss.
        decision: Name of the decision.
        chosen_by: What its setting was chosen by on inner folds.
        mean_cost: Mean test cost per example, in the user's unit.
        standard_error: Standard error of `value`, corrected for the overlap of folds.
        normalized_cost: `mean_cost` divided by that of the best constant decision.
            Below 1 the features help. NaN if the constant decision costs nothing.
        accuracy: Mean share of correct decisions. An action is not one.
        macro_f1: Mean over the folds of the mean F1 of the classes.
        log_loss: Mean log loss of its probabilities; NaN without.
        seconds: Mean wall time to tune and train once.
        difference: `value` minus that of the baseline.
        low, high: 95 % interval of `difference`; NaN for the baseline.
        p_value: Paired test of whether `difference` is 0. For the primary question,
            cross entropy with the rule that knows the costs or the metric, it is as it
            is; for the others Holm-adjusted. NaN for the baseline, and below 5 folds.
        p_value_to_reference: Test against the row of the primary question, or against
            the baseline where there is none; Holm-adjusted.
        to_reference, low_to_reference, high_to_reference: That difference.
        better_folds: Number of folds on which it is better than the baseline.
        folds: Number of folds.
        failed_folds: Number of folds on which the training failed.
        converged: Share of folds on which the training converged.
        confusion: Weights `[true, decision]` over all folds, shape `(K, D)`.
        score: Mean over the folds of the metric; None for the cost.
    """

    loss: str
    decision: str
    chosen_by: str
    mean_cost: float
    standard_error: float
    normalized_cost: float
    accuracy: float
    macro_f1: float
    log_loss: float
    seconds: float
    difference: float
    low: float
    high: float
    p_value: float
    p_value_to_reference: float
    to_reference: float
    low_to_reference: float
    high_to_reference: float
    better_folds: int
    folds: int
    failed_folds: int
    converged: float
    confusion: NDArray[np.float64]
    score: float | None = None

    @property
    def value(self) -> float:
        """What is compared: the score, where larger is better, or the mean cost."""
        return self.mean_cost if self.score is None else self.score

    @property
    def is_better(self) -> bool:
        """Whether its value is better than the baseline's, significantly or not."""
        return self.difference < 0 if self.score is None else self.difference > 0

    @property
    def is_baseline(self) -> bool:
        """Whether it is the row that all others are tested against."""
        return (self.loss, self.decision) == (BASELINE, "argmax")

    @property
    def is_primary(self) -> bool:
        """Whether it answers the first question: does a rule help cross entropy?"""
        return self.loss == BASELINE and self.decision in ("minimum_cost", "plug_in")

    @property
    def name(self) -> str:
        """Loss and decision in words."""
        chosen = ", chosen by the criterion" if self.chosen_by == "criterion" else ""
        return f"{self.loss} with {self.decision}{chosen}"


def summarize(
    outcomes: Sequence[Outcome], *, test_to_train: float, metric: Metric = COST
) -> list[Row]:
    """Mean, standard error and tests of each loss and decision, the best first.

    Args:
        outcomes: The outcomes of every candidate on every fold.
        test_to_train: Examples that test for each that trains.
        metric: The metric that is compared. The lowest mean cost is best, or the
            highest mean of another metric.

    Returns:
        The rows. Those with a failed training come last. What is chosen by the
        criterion has a row of its own where it decides otherwise on some fold.
    """
    groups: dict[Key, list[Outcome]] = {}
    for one in outcomes:
        groups.setdefault((one.loss, one.decision, one.chosen_by), []).append(one)
    groups = {key: each for key, each in groups.items() if not _same(key, groups)}
    values = {
        key: np.array([_value(one, metric) for one in group])
        for key, group in groups.items()
    }
    sound = [key for key, each in values.items() if np.isfinite(each).all()]
    sign = 1 if metric.is_cost else -1
    # Rows that are equal up to the last digits keep the order of the losses asked for.
    sound.sort(key=lambda key: round(sign * float(values[key].mean()), 12))
    base: Key = (BASELINE, "argmax", "own loss")
    reference = next((key for key in sound if _is_primary(key)), base)
    primary = [] if reference == base else [reference]
    to_base = _tests(base, sound, values, test_to_train)
    to_reference = _tests(reference, sound, values, test_to_train)
    p_to_base = _adjusted(to_base, alone=primary)
    p_to_reference = _adjusted(to_reference, alone=[base] if primary else [])
    constant = float(np.mean([one.constant_cost for one in outcomes]))

    def row(key: Key) -> Row:
        group, each = groups[key], values[key]
        mean = float(np.mean([one.cost for one in group]))
        difference, against = to_base.get(key), to_reference.get(key)
        better = sign * (each - values[base]) < 0
        return Row(
            loss=key[0],
            decision=key[1],
            chosen_by=key[2],
            mean_cost=mean,
            standard_error=corrected_standard_error(each, test_to_train=test_to_train),
            normalized_cost=mean / constant if constant > 0 else NAN,
            accuracy=float(np.mean([one.accuracy for one in group])),
            macro_f1=float(np.mean([one.macro_f1 for one in group])),
            log_loss=float(np.mean([one.log_loss for one in group])),
            seconds=float(np.mean([one.seconds for one in group])),
            difference=float(each.mean() - values[base].mean()),
            low=difference.low if difference else NAN,
            high=difference.high if difference else NAN,
            p_value=p_to_base.get(key, NAN),
            p_value_to_reference=p_to_reference.get(key, NAN),
            to_reference=against.difference if against else NAN,
            low_to_reference=against.low if against else NAN,
            high_to_reference=against.high if against else NAN,
            better_folds=int(better.sum()),
            folds=len(group),
            failed_folds=sum(one.failed for one in group),
            converged=float(np.mean([one.converged for one in group])),
            confusion=np.sum([one.confusion for one in group], axis=0),
            score=None if metric.is_cost else float(each.mean()),
        )

    return [row(key) for key in [*sound, *(key for key in groups if key not in sound)]]


def _same(key: Key, groups: Mapping[Key, Sequence[Outcome]]) -> bool:
    """Whether a choice by the criterion decides as that by the loss's own value."""
    if key[2] != "criterion":
        return False
    pairs = zip(groups[key], groups[(key[0], key[1], "own loss")], strict=True)
    return all(dict(one.setting) == dict(other.setting) for one, other in pairs)


def _is_primary(key: Key) -> bool:
    return key[0] == BASELINE and key[1] in ("minimum_cost", "plug_in")


def _value(outcome: Outcome, metric: Metric) -> float:
    return outcome.cost if metric.is_cost else metric(outcome.confusion)


def _tests(
    reference: Key,
    keys: Sequence[Key],
    values: Mapping[Key, NDArray[np.float64]],
    test_to_train: float,
) -> dict[Key, PairedTest]:
    if reference not in keys:
        return {}
    return {
        key: corrected_paired_test(
            values[key] - values[reference], test_to_train=test_to_train
        )
        for key in keys
        if key != reference
    }


def _adjusted(
    tests: Mapping[Key, PairedTest], alone: Sequence[Key]
) -> dict[Key, float]:
    """P-values, Holm-adjusted but for the questions that stand alone."""
    rest = [key for key in tests if key not in alone]
    adjusted = dict(zip(rest, holm([tests[key].p_value for key in rest]), strict=True))
    return adjusted | {key: tests[key].p_value for key in alone if key in tests}


def number(value: float) -> str:
    """A cost in at most four significant digits or three decimals."""
    return f"{value:.3f}" if abs(value) < 100 else f"{value:.4g}"


def p_value(value: float) -> str:
    """A p-value to three decimals, and never 0."""
    if np.isnan(value):
        return ""
    return "<0.001" if value < 0.001 else f"{value:.3f}"

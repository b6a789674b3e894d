"""From the outcomes of all folds to one row per loss and decision."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ._experiment import Outcome
from ._metrics import COST, Metric
from ._statistics import corrected_paired_test, corrected_standard_error, holm
from .candidates import BASELINE

LEVEL = 0.05
"""Adjusted p-values below this count as a difference."""


@dataclass(frozen=True)
class Row:
    """One loss with one decision, over all folds.

    The results of a failed row are NaN.

    Attributes:
        loss: Name of the loss.
        decision: Name of the decision.
        mean_cost: Mean test cost per example, in the user's unit.
        standard_error: Standard error of `value`, corrected for the overlap of folds.
        normalized_cost: `mean_cost` divided by that of the best constant decision.
            Below 1 the features help. NaN if the constant decision costs nothing.
        accuracy: Mean share of correct decisions. An action is not one.
        macro_f1: Mean over the folds of the mean F1 of the classes.
        seconds: Mean wall time of one training.
        difference: `value` minus that of the baseline.
        p_value: Paired test of whether `difference` is 0, Holm-adjusted over all rows;
            NaN for the baseline.
        p_value_to_best: The same test against the best row; NaN for the best row.
        failed_folds: Number of folds on which the training failed.
        confusion: Counts `[true, decision]` over all folds, shape `(K, D)`.
        score: Mean over the folds of the metric; None for the cost.
    """

    loss: str
    decision: str
    mean_cost: float
    standard_error: float
    normalized_cost: float
    accuracy: float
    macro_f1: float
    seconds: float
    difference: float
    p_value: float
    p_value_to_best: float
    failed_folds: int
    confusion: NDArray[np.int64]
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
    def name(self) -> str:
        """Loss and decision in words."""
        return f"{self.loss} with {self.decision}"


def summarize(
    outcomes: Sequence[Outcome], *, folds: int, metric: Metric = COST
) -> list[Row]:
    """Mean, standard error and tests of each loss and decision, the best first.

    Args:
        outcomes: The outcomes of every candidate on every fold.
        folds: Number of folds of one cross-validation.
        metric: The metric that is compared. The lowest mean cost is best, or the
            highest mean of another metric.

    Returns:
        The rows. Those with a failed training come last.
    """
    groups: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault((outcome.loss, outcome.decision), []).append(outcome)
    values = {
        key: np.array([_value(one, metric) for one in group])
        for key, group in groups.items()
    }
    sound = [key for key, each in values.items() if np.isfinite(each).all()]
    sign = 1 if metric.is_cost else -1
    # Rows that are equal up to the last digits keep the order of the losses asked for.
    sound.sort(key=lambda key: round(sign * float(values[key].mean()), 12))
    test_to_train = 1 / (folds - 1)
    to_baseline = _tests((BASELINE, "argmax"), sound, values, test_to_train)
    to_best = _tests(sound[0], sound, values, test_to_train) if sound else {}
    constant = float(np.mean([one.constant_cost for one in outcomes]))
    baseline = float(values[BASELINE, "argmax"].mean())

    def row(key: tuple[str, str]) -> Row:
        group = groups[key]
        value = float(values[key].mean())
        mean = float(np.mean([one.cost for one in group]))
        return Row(
            loss=key[0],
            decision=key[1],
            mean_cost=mean,
            standard_error=corrected_standard_error(
                values[key], test_to_train=test_to_train
            ),
            normalized_cost=mean / constant if constant > 0 else float("nan"),
            accuracy=float(np.mean([one.accuracy for one in group])),
            macro_f1=float(np.mean([one.macro_f1 for one in group])),
            seconds=float(np.mean([one.seconds for one in group])),
            difference=value - baseline,
            p_value=to_baseline.get(key, float("nan")),
            p_value_to_best=to_best.get(key, float("nan")),
            failed_folds=sum(one.failed for one in group),
            confusion=np.sum([one.confusion for one in group], axis=0),
            score=None if metric.is_cost else value,
        )

    return [row(key) for key in [*sound, *(key for key in groups if key not in sound)]]


def _value(outcome: Outcome, metric: Metric) -> float:
    return outcome.cost if metric.is_cost else metric(outcome.confusion)


def _tests(
    reference: tuple[str, str],
    keys: Sequence[tuple[str, str]],
    values: dict[tuple[str, str], NDArray[np.float64]],
    test_to_train: float,
) -> dict[tuple[str, str], float]:
    others = [key for key in keys if key != reference]
    if reference not in keys:
        return {}
    raw = [
        corrected_paired_test(
            values[key] - values[reference], test_to_train=test_to_train
        ).p_value
        for key in others
    ]
    return dict(zip(others, holm(raw), strict=True))


def verdict(
    rows: Sequence[Row],
    *,
    constant_decision: str,
    constant_value: float | None = None,
    metric: Metric = COST,
) -> list[str]:
    """What the rows show and what they do not, in plain sentences.

    Args:
        rows: From `summarize`.
        constant_decision: Name of the best constant decision.
        constant_value: Its value, if the metric is not the cost.
        metric: The metric that was compared.

    Returns:
        One or more sentences, each for a line of its own.
    """
    sound = [row for row in rows if np.isfinite(row.value)]
    failed = [row for row in rows if row not in sound]
    sentences = []
    if sound:
        sentences += _verdict_of_sound(sound, metric)
        if constant_value is None:
            useless = sound[0].normalized_cost >= 1
            words = "costs no more than any row"
        else:
            useless = constant_value >= sound[0].value
            words = f"has as high a {metric.words} as any row"
        if useless:
            sentences.append(
                f"But always deciding {constant_decision!r} {words}, so the features "
                "did not help."
            )
        sentences.append(
            "p: corrected resampled t-test on paired folds, Holm-adjusted; significant "
            f"below {LEVEL}. The {_superlative(metric)} of many rows looks a little "
            "better than it is."
        )
    if failed:
        names = "; ".join(row.name for row in failed)
        sentences.append(
            f"Failed with an infinite or NaN objective, and left out: {names}."
        )
    return sentences


def _verdict_of_sound(rows: Sequence[Row], metric: Metric) -> list[str]:
    best, top = rows[0], _superlative(metric)
    baseline = next((row for row in rows if row.is_baseline), None)
    lead = f"{top.capitalize()} {metric.words}: {best.name}, {number(best.value)}"
    leave = True
    if baseline is None:
        sentences = [f"{lead}. The baseline failed, so nothing is tested against it."]
    elif best is baseline:
        sentences = [f"{lead}: the baseline."]
    else:
        leave = best.p_value < LEVEL
        other = f"the baseline {baseline.name}, {number(baseline.value)}"
        p = f"(p {_relation(best.p_value)})"
        if leave:
            tested = f"It is significantly better than {other} {p}."
        else:
            tested = (
                f"It does not differ significantly from {other} {p}, so these folds "
                "give no reason to change the loss."
            )
        sentences = [f"{lead}. {tested}"]
    # Whether the baseline differs is said once, by the tests against the baseline; the
    # tests against the best row are adjusted apart, and could contradict that.
    equal = [
        row
        for row in rows[1:]
        if (not leave if row is baseline else not row.p_value_to_best < LEVEL)
    ]
    if len(equal) > 1 and len(equal) == len(rows) - 1:
        sentences.append(f"No row differs significantly from the {top}.")
    elif equal:
        names = "; ".join(row.name for row in equal)
        sentences.append(f"Not significantly different from the {top}: {names}.")
    else:
        sentences.append("Every other row is significantly worse, so use this one.")
    if leave and any(row.name == f"{BASELINE} with minimum_cost" for row in equal):
        sentences.append(
            f"The simplest of these is {BASELINE} with minimum_cost: train as usual, "
            "and use the cost matrix only to decide."
        )
    return sentences


def _superlative(metric: Metric) -> str:
    return "lowest" if metric.is_cost else "highest"


def number(value: float) -> str:
    """A cost in at most four significant digits or three decimals."""
    return f"{value:.3f}" if abs(value) < 100 else f"{value:.4g}"


def p_value(value: float) -> str:
    """A p-value to three decimals, and never 0."""
    if np.isnan(value):
        return ""
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def _relation(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"= {value:.3f}"

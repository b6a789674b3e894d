"""From the outcomes of all folds to one row per loss and decision."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .candidates import BASELINE
from .experiment import Outcome
from .statistics import corrected_paired_test, corrected_standard_error, holm

LEVEL = 0.05
"""Adjusted p-values below this count as a difference."""


@dataclass(frozen=True)
class Row:
    """One loss with one decision, over all folds.

    A failed row has NaN in the place of its results.

    Attributes:
        loss: Name of the loss.
        decision: Name of the decision.
        mean_cost: Mean test cost of an example, in the user's unit.
        standard_error: Of `mean_cost`, corrected for the overlap of the folds.
        normalized_cost: `mean_cost` over that of the best constant decision: below 1,
            the features help. NaN if the constant decision costs nothing.
        accuracy: Mean share of right decisions; an action is none.
        macro_f1: Mean over the folds of the mean F1 of the classes.
        seconds: Mean wall time of one training.
        difference: `mean_cost` less that of the baseline.
        p_value: Paired test that `difference` is 0, Holm-adjusted over all rows; NaN
            for the baseline.
        p_value_to_best: The same against the row of the lowest mean cost; NaN for it.
        failed_folds: Number of folds on which the training failed.
        confusion: Counts `[true, decision]` over all folds, shape `(K, D)`.
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

    @property
    def is_baseline(self) -> bool:
        """Whether every other row is tested against this one."""
        return (self.loss, self.decision) == (BASELINE, "argmax")

    @property
    def name(self) -> str:
        """Loss and decision in words."""
        return f"{self.loss} with {self.decision}"


def summarize(outcomes: Sequence[Outcome], *, folds: int) -> list[Row]:
    """Mean, error and tests of each loss and decision, the lowest mean cost first.

    Args:
        outcomes: Of every candidate on every fold.
        folds: Number of folds of one cross-validation.

    Returns:
        The rows; those of which a training failed come last.
    """
    groups: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault((outcome.loss, outcome.decision), []).append(outcome)
    costs = {
        key: np.array([one.cost for one in group]) for key, group in groups.items()
    }
    sound = [key for key, values in costs.items() if np.isfinite(values).all()]
    sound.sort(key=lambda key: float(costs[key].mean()))
    test_to_train = 1 / (folds - 1)
    to_baseline = _tests((BASELINE, "argmax"), sound, costs, test_to_train)
    to_best = _tests(sound[0], sound, costs, test_to_train) if sound else {}
    constant = float(np.mean([one.constant_cost for one in outcomes]))
    baseline_cost = float(costs[BASELINE, "argmax"].mean())

    def row(key: tuple[str, str]) -> Row:
        group = groups[key]
        mean = float(costs[key].mean())
        return Row(
            loss=key[0],
            decision=key[1],
            mean_cost=mean,
            standard_error=corrected_standard_error(
                costs[key], test_to_train=test_to_train
            ),
            normalized_cost=mean / constant if constant > 0 else float("nan"),
            accuracy=float(np.mean([one.accuracy for one in group])),
            macro_f1=float(np.mean([one.macro_f1 for one in group])),
            seconds=float(np.mean([one.seconds for one in group])),
            difference=mean - baseline_cost,
            p_value=to_baseline.get(key, float("nan")),
            p_value_to_best=to_best.get(key, float("nan")),
            failed_folds=sum(one.failed for one in group),
            confusion=np.sum([one.confusion for one in group], axis=0),
        )

    return [row(key) for key in [*sound, *(key for key in groups if key not in sound)]]


def _tests(
    reference: tuple[str, str],
    keys: Sequence[tuple[str, str]],
    costs: dict[tuple[str, str], NDArray[np.float64]],
    test_to_train: float,
) -> dict[tuple[str, str], float]:
    others = [key for key in keys if key != reference]
    if reference not in keys:
        return {}
    raw = [
        corrected_paired_test(
            costs[key] - costs[reference], test_to_train=test_to_train
        ).p_value
        for key in others
    ]
    return dict(zip(others, holm(raw), strict=True))


def verdict(rows: Sequence[Row], *, constant_decision: str) -> list[str]:
    """What the rows say and what they do not, in plain sentences.

    Args:
        rows: From `summarize`.
        constant_decision: Name of the best constant decision.

    Returns:
        One or more sentences, each to stand on a line.
    """
    sound = [row for row in rows if np.isfinite(row.mean_cost)]
    failed = [row for row in rows if row not in sound]
    sentences = []
    if sound:
        sentences += _verdict_of_sound(sound, constant_decision)
    if failed:
        names = "; ".join(row.name for row in failed)
        sentences.append(
            f"Failed, with an infinite or NaN objective, and left out: {names}."
        )
    return sentences


def _verdict_of_sound(rows: Sequence[Row], constant_decision: str) -> list[str]:
    best = rows[0]
    baseline = next((row for row in rows if row.is_baseline), None)
    lead = f"Lowest mean cost: {best.name}, {number(best.mean_cost)}"
    leave = True
    if baseline is None:
        sentences = [f"{lead}. The baseline failed: nothing is tested against it."]
    elif best is baseline:
        sentences = [f"{lead}: the baseline."]
    else:
        leave = best.p_value < LEVEL
        against = f"the baseline {baseline.name}, {number(baseline.mean_cost)}"
        sentences = [
            f"{lead}. It {'beats' if leave else 'cannot be told from'} {against} "
            f"(p {_relation(best.p_value)})"
            + ("." if leave else ": these folds give no reason to leave the baseline.")
        ]
    # One answer on the baseline: from the tests against it, not those against the best.
    equal = [
        row
        for row in rows[1:]
        if (not leave if row is baseline else not row.p_value_to_best < LEVEL)
    ]
    if len(equal) > 1 and len(equal) == len(rows) - 1:
        sentences.append("No row can be told from the lowest.")
    elif equal:
        names = "; ".join(row.name for row in equal)
        sentences.append(f"Cannot be told from the lowest: {names}.")
    else:
        sentences.append("Every other row can be told from it: use it.")
    if leave and any(row.name == f"{BASELINE} with minimum_cost" for row in equal):
        sentences.append(
            f"The simplest of these is {BASELINE} with minimum_cost: the usual "
            "training, and the cost matrix only in the decision."
        )
    if best.normalized_cost >= 1:
        sentences.append(
            f"But always deciding {constant_decision!r} costs no more than any row: "
            "the features did not help."
        )
    sentences.append(
        f"p: corrected resampled t-test on paired folds, Holm-adjusted; told apart "
        f"below {LEVEL}. The lowest of many rows flatters itself a little."
    )
    return sentences


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

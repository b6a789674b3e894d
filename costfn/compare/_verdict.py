"""What the rows show and what they do not, in plain sentences."""

from collections.abc import Sequence

import numpy as np

from ._metrics import COST, Metric
from ._references import LOGISTIC_REGRESSION
from ._statistics import FEWEST_FOLDS
from ._summary import LEVEL, Row, number

_RULES = {
    "minimum_cost": "the minimum-cost rule",
    "plug_in": "the plug-in rule",
    "argmax": "argmax",
}
_SHOWN = 5
CONVERGED = 0.9
"""Share of folds on which the training of a row that is to be trusted converged."""


def verdict(
    rows: Sequence[Row],
    *,
    folds: int,
    constant_decision: str,
    constant_value: float | None = None,
    metric: Metric = COST,
) -> list[str]:
    """The answer first, then what else the folds show.

    Args:
        rows: From `summarize`.
        folds: Number of folds, over all repeats.
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
        sentences += _answer(sound, metric, folds)
        sentences += _constant(sound, constant_decision, constant_value, metric)
        sentences += _trust(sound, metric)
        sentences.append(_method(folds, metric))
    if failed:
        names = "; ".join(row.name for row in failed)
        sentences.append(
            f"Failed with an infinite or NaN objective, and left out: {names}."
        )
    return sentences


def recommended(rows: Sequence[Row], metric: Metric = COST) -> Row | None:
    """The row to train and use; None if the baseline failed.

    Cross entropy with the rule, or with argmax where that is significantly better; or
    the best of the rows that are significantly better still and have converged.
    """
    sound = [row for row in rows if np.isfinite(row.value)]
    baseline = next((row for row in sound if row.is_baseline), None)
    primary = next((row for row in sound if row.is_primary), None)
    if baseline is None:
        return None
    chosen = primary or baseline
    if chosen.p_value < LEVEL and not chosen.is_better:
        chosen = baseline
    sign = 1 if metric.is_cost else -1
    better = [
        row
        for row in sound
        if row.p_value_to_reference < LEVEL
        and sign * row.to_reference < 0
        and row.converged >= CONVERGED
    ]
    return better[0] if better else chosen


def _answer(rows: Sequence[Row], metric: Metric, folds: int) -> list[str]:
    baseline = next((row for row in rows if row.is_baseline), None)
    primary = next((row for row in rows if row.is_primary), None)
    if baseline is None:
        return [
            f"{_superlative(metric).capitalize()} {metric.words}: {rows[0].name}, "
            f"{number(rows[0].value)}. The baseline failed, so nothing is tested."
        ]
    if folds < FEWEST_FOLDS:
        return [
            f"{_superlative(metric).capitalize()} {metric.words}: {rows[0].name}, "
            f"{number(rows[0].value)}; {baseline.name}: {number(baseline.value)}. "
            f"{folds} folds are too few for a test: use {FEWEST_FOLDS} or more."
        ]
    reference = primary or baseline
    sentences = [_first(primary, baseline, metric)] if primary else []
    return [*sentences, *_others(rows, reference, metric)]


def _first(primary: Row, baseline: Row, metric: Metric) -> str:
    """The primary question: does cross entropy need more than argmax?"""
    rule = _RULES[primary.decision]
    values = (
        f"cross_entropy decided by {rule}: {metric.words} {number(primary.value)}, by "
        f"argmax {number(baseline.value)}, difference {_difference(primary)}"
    )
    if primary.p_value < LEVEL and primary.is_better:
        return f"Decide by {rule}. {values}."
    if primary.p_value < LEVEL:
        return f"Decide by argmax: {rule} is worse. {values}."
    direction = _direction(primary)
    return f"No difference is shown between {rule} and argmax{direction}. {values}."


def _difference(row: Row) -> str:
    return (
        f"{_signed(row.difference)} (95 % interval {_signed(row.low)} to "
        f"{_signed(row.high)}, p {_relation(row.p_value)})"
    )


def _direction(row: Row) -> str:
    """Where most folds agree and the test does not: what would have been seen."""
    agree = max(row.better_folds, row.folds - row.better_folds)
    if agree < 0.8 * row.folds or row.difference == 0:
        return ""
    seen = number((row.high - row.low) / 2)
    words = "better" if row.is_better else "worse"
    return (
        f", though it is {words} in {agree} of {row.folds} folds: these folds can "
        f"show differences from {seen} on"
    )


def _others(rows: Sequence[Row], reference: Row, metric: Metric) -> list[str]:
    """Whether any other row is better than the reference."""
    others = [row for row in rows if row is not reference and not row.is_baseline]
    if not others:
        return []
    sign = 1 if metric.is_cost else -1
    better = [
        row
        for row in others
        if row.p_value_to_reference < LEVEL and sign * row.to_reference < 0
    ]
    worse = [
        row
        for row in others
        if row.p_value_to_reference < LEVEL and sign * row.to_reference > 0
    ]
    first = others[0]
    if better:
        sentences = [
            f"Significantly better than {reference.name}: "
            + "; ".join(f"{row.name}, {_to_reference(row)}" for row in better[:_SHOWN])
            + ("; ..." if len(better) > _SHOWN else "")
            + "."
        ]
    else:
        lead = f"No other row is significantly better than {reference.name}"
        best = sign * first.to_reference
        word = "The nearest" if best >= 0 else f"The {_superlative(metric)}"
        sentences = [f"{lead}. {word} is {first.name}, {_to_reference(first)}."]
    if worse:
        names = "; ".join(row.name for row in worse[:_SHOWN])
        more = f" and {len(worse) - _SHOWN} more" if len(worse) > _SHOWN else ""
        sentences.append(f"Significantly worse: {names}{more}.")
    return sentences


def _to_reference(row: Row) -> str:
    return (
        f"{_signed(row.to_reference)} ({_signed(row.low_to_reference)} to "
        f"{_signed(row.high_to_reference)}, p {_relation(row.p_value_to_reference)})"
    )


def _constant(
    rows: Sequence[Row], decision: str, value: float | None, metric: Metric
) -> list[str]:
    if value is None:
        useless = rows[0].normalized_cost >= 1
        words = "costs no more than any row"
    else:
        useless = value >= rows[0].value
        words = f"has as high a {metric.words} as any row"
    if not useless:
        return []
    return [f"But always deciding {decision!r} {words}: the features did not help."]


def _trust(rows: Sequence[Row], metric: Metric) -> list[str]:
    """Rows whose training had not ended, and a reference that beats the model."""
    sentences = []
    unfinished = [row for row in rows if row.converged < CONVERGED]
    if unfinished:
        names = "; ".join(
            f"{row.name} ({1 - row.converged:.0%} of folds)"
            for row in unfinished[:_SHOWN]
        )
        more = f" and {len(unfinished) - _SHOWN} more" * (len(unfinished) > _SHOWN)
        sentences.append(f"Not converged, so not to be trusted: {names}{more}.")
    sign = 1 if metric.is_cost else -1
    own = [row for row in rows if row.is_baseline or row.is_primary]
    linear = [row for row in rows if row.loss == LOGISTIC_REGRESSION]
    if own and linear:
        ours, theirs = own[0], linear[0]
        gap = sign * (ours.value - theirs.value)
        if gap > max(ours.standard_error, theirs.standard_error):
            sentences.append(
                f"Trust the linear model: {theirs.name} reaches "
                f"{number(theirs.value)}, this model {number(ours.value)}."
            )
    return sentences


def _method(folds: int, metric: Metric) -> str:
    return (
        f"p: corrected resampled t-test on {folds} paired folds, significant below "
        f"{LEVEL}; the first question as it is, all others Holm-adjusted. The "
        f"{_superlative(metric)} of many rows looks a little better than it is."
    )


def _superlative(metric: Metric) -> str:
    return "lowest" if metric.is_cost else "highest"


def _signed(value: float) -> str:
    text = number(value)
    return text if text.startswith("-") else f"+{text}"


def _relation(value: float) -> str:
    if np.isnan(value):
        return "unknown"
    return "< 0.001" if value < 0.001 else f"= {value:.3f}"

"""At which prices the answer would be another one."""

from collections.abc import Sequence

import numpy as np

from .._costs import NamedCost
from .._outcome import QUANTILES, SHARES, Outcome
from .._summary import Row, number

_SHOWN = (0.95, 0.8, 0.5)


def break_even(
    outcomes: Sequence[Outcome], rows: Sequence[Row], cost: NamedCost
) -> list[str]:
    """Where refusing pays, and from which ratio of costs on the rule does.

    Args:
        outcomes: Of all rows on all folds.
        rows: From `summarize`.
        cost: The costs.
    """
    return [*_refusing(outcomes, cost), *_rule(outcomes, rows, cost)]


def _of_rule(outcomes: Sequence[Outcome]) -> list[Outcome]:
    return [
        one
        for one in outcomes
        if (one.loss, one.decision) == ("cross_entropy", "minimum_cost")
        and not one.failed
    ]


def _refusing(outcomes: Sequence[Outcome], cost: NamedCost) -> list[str]:
    """An example is worth refusing where that costs less than it is expected to."""
    found = [one.expected_cost for one in _of_rule(outcomes) if one.expected_cost]
    if not found or len(cost.decisions) > len(cost.classes):
        return []
    quantiles = np.mean(found, axis=0)
    parts = [
        f"{number(float(quantiles[QUANTILES.index(at)]))} for "
        f"{round(100 * (1 - at))} % of the examples"
        for at in _SHOWN
    ]
    return [
        "Handing an example to a person pays if that costs less than "
        + ", ".join(parts)
        + f"; above {number(float(quantiles[-1]))} it never does."
    ]


def _rule(
    outcomes: Sequence[Outcome], rows: Sequence[Row], cost: NamedCost
) -> list[str]:
    """For two classes: between which ratios of costs argmax is as good."""
    curves = [one.cost_curve for one in _of_rule(outcomes) if one.cost_curve]
    baseline = next((row for row in rows if row.is_baseline), None)
    if not curves or baseline is None or cost.matrix.shape != (2, 2):
        return []
    share = np.array(SHARES)
    table = baseline.confusion / baseline.confusion.sum()
    by_argmax = share * table[1, 0] + (1 - share) * table[0, 1]
    gain = by_argmax - np.mean(curves, axis=0)
    level = 0.02 * by_argmax
    near = [s for s, g, at in zip(share, gain, level, strict=True) if g <= at]
    if not near:
        return []
    missed, alarm = cost.classes[1], cost.classes[0]
    low, high = min(near), max(near)
    return [
        f"The rule gains less than 2 % over argmax while missing {missed!r} costs "
        f"between {number(low / (1 - low))} and {number(high / (1 - high))} times what "
        f"missing {alarm!r} costs."
    ]

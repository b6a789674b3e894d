"""Every loss in one table: what it is, what it needs, what may be claimed of it.

The claims are tested: a loss that is called consistent agrees with the minimum-cost
decision on every posterior tried, one that is not disagrees on some.
"""

from ._foundation.entry import Decision, Entry, Synonym
from ._losses import (
    cost,
    decision_scores,
    imbalance,
    margin,
    noise_robust,
    per_label,
    regression,
    scoring_rules,
    soft_targets,
    transport,
)
from ._metrics import (
    accuracy,
    agreement,
    f_measures,
    generalized_dice,
    informedness,
    lovasz,
    overlap,
    rates,
    tversky,
)
from ._metrics import (
    cost as cost_metrics,
)

__all__ = ["LOSSES", "Decision", "Entry", "Synonym"]

_FAMILIES = (
    cost,
    margin,
    decision_scores,
    scoring_rules,
    soft_targets,
    transport,
    imbalance,
    noise_robust,
    per_label,
    regression,
    accuracy,
    agreement,
    rates,
    informedness,
    f_measures,
    overlap,
    tversky,
    generalized_dice,
    cost_metrics,
    lovasz,
)

LOSSES: dict[str, Entry] = {
    entry.name: entry for family in _FAMILIES for entry in family.ENTRIES
}

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
from ._metrics import metric_entries

__all__ = ["LOSSES", "Decision", "Entry", "Synonym"]

LOSSES: dict[str, Entry] = {
    entry.name: entry
    for entry in (
        *cost.ENTRIES,
        *margin.ENTRIES,
        *decision_scores.ENTRIES,
        *scoring_rules.ENTRIES,
        *soft_targets.ENTRIES,
        *transport.ENTRIES,
        *imbalance.ENTRIES,
        *noise_robust.ENTRIES,
        *per_label.ENTRIES,
        *regression.ENTRIES,
        *metric_entries.ENTRIES,
    )
}

"""Every loss in one table: what it is, what it needs, what may be claimed of it.

The claims are tested: a loss that is called consistent agrees with the minimum-cost
decision on every posterior tried, one that is not disagrees on some.
"""

from ._foundation.entry import Decision, Entry
from ._losses import cost_entries, regression
from ._metrics import (
    accuracy,
    agreement,
    cost,
    f_measures,
    generalized_dice,
    informedness,
    lovasz,
    overlap,
    rates,
    tversky,
)

__all__ = ["LOSSES", "Decision", "Entry"]

_FAMILIES = (
    cost_entries,
    regression,
    accuracy,
    agreement,
    rates,
    informedness,
    f_measures,
    overlap,
    tversky,
    generalized_dice,
    cost,
    lovasz,
)

LOSSES: dict[str, Entry] = {
    entry.name: entry for family in _FAMILIES for entry in family.ENTRIES
}

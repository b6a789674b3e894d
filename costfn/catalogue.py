"""Every loss in one table: what it is, what it needs, what may be claimed of it.

The claims are tested: a loss that is called consistent agrees with the minimum-cost
decision on every posterior tried, one that is not disagrees on some.
"""

from ._foundation.entry import Decision, Entry
from ._losses import cost_entries
from ._metrics import metric_entries

__all__ = ["LOSSES", "Decision", "Entry"]

LOSSES: dict[str, Entry] = {
    entry.name: entry for entry in (*cost_entries.ENTRIES, *metric_entries.ENTRIES)
}

"""Every loss in one table: what it is, what it needs, what may be claimed of it.

The claims are tested: a loss that is called consistent agrees with the minimum-cost
decision on every posterior tried, one that is not disagrees on some.
"""

from . import _cost_entries, _metric_entries
from ._entry import Decision, Entry

__all__ = ["LOSSES", "Decision", "Entry"]

LOSSES: dict[str, Entry] = {
    entry.name: entry for entry in (*_cost_entries.ENTRIES, *_metric_entries.ENTRIES)
}

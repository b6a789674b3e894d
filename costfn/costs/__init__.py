"""Cost matrices: build them, combine them with targets.

`cost[i, j]` is the cost of deciding `j` when the truth is `i`: a row per true class, a
column per decision, in any unit; losses and expected costs come out in the same unit.
Arguments may be tensors or array-likes: NumPy arrays, lists, data frames.
"""

from .._losses.cost_vector import cost_vector
from ._diagnosis import Diagnosis, diagnose
from ._hierarchy import from_hierarchy
from ._matrices import (
    from_utility,
    from_weights,
    metric_closure,
    ordinal,
    with_abstention,
    zero_one,
)

__all__ = [
    "Diagnosis",
    "cost_vector",
    "diagnose",
    "from_hierarchy",
    "from_utility",
    "from_weights",
    "metric_closure",
    "ordinal",
    "with_abstention",
    "zero_one",
]

"""What a package needs that puts another face before these losses.

`costfn_nn` is one: it has `torch.nn`'s axes, weights and labels to ignore, and leaves
the mathematics to the functions of `costfn`. It checks what it is given before it moves
axes, so that errors name the shapes that were passed. Here are the checks of the
losses, in the same words; array-likes as tensors; label smoothing and class weights,
with NaN for what is bad and cannot be seen; and the types of options that have no other
public home (see `costfn.metrics`, `confusion` and `relaxations` for theirs).

A check returns nothing and raises TypeError or ValueError, `<argument> must be <rule>,
got <value>`.
"""

from ._foundation.arrays import ArrayLike, as_tensor
from ._foundation.check import floating_point as check_floating_point
from ._foundation.check import label_sets as check_label_sets
from ._foundation.check import numbers as check_numbers
from ._foundation.check import one_of as check_one_of
from ._foundation.check import target as check_target
from ._foundation.check import tensor as check_tensor
from ._foundation.check import weights as check_weights
from ._foundation.check_costs import cost_matrix as check_cost_matrix
from ._foundation.check_costs import cost_values as check_cost_values
from ._foundation.targets import (
    smoothed_label_sets,
    smoothed_target,
    weight_of_target,
)
from ._losses.cost import Base
from ._losses.margin import Phi
from ._losses.soft_targets import Divergence
from ._metrics.lovasz import Present

__all__ = [
    "ArrayLike",
    "Base",
    "Divergence",
    "Phi",
    "Present",
    "as_tensor",
    "check_cost_matrix",
    "check_cost_values",
    "check_floating_point",
    "check_label_sets",
    "check_numbers",
    "check_one_of",
    "check_target",
    "check_tensor",
    "check_weights",
    "smoothed_label_sets",
    "smoothed_target",
    "weight_of_target",
]

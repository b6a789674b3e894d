"""Differentiable losses for when plain cross-entropy is the wrong objective.

Pure functions of tensors: classes on the last axis, any batch axes, one loss per
example; `reduce` weighs, masks and averages them.

What the losses per example share, and their pages do not repeat:

- `logits`: scores of floating point, `(*batch, classes)`, or `(*batch, decisions)` with
  one for each column of `cost`.
- `target`: labels `(*batch,)` of an integer type, or class probabilities
  `(*batch, classes)`, rows of sum 1. One-hot rows give what their labels give.
- `cost`: `cost[i, j]` of deciding `j` when the truth is `i`, one matrix for all,
  `(classes, decisions)`, or one per example, `(*batch, classes, decisions)`. Where the
  target may be None, `cost` is then the cost vector of each example,
  `(*batch, decisions)`.
- Options that are one number may be tensors of one element, and are then learned.
- Every loss raises a `TypeError` where an argument is no tensor, or of a type that has
  no meaning here, and a `ValueError` where shapes do not match, a label is out of
  range, rows of probabilities do not sum to 1, a cost is not finite or an option is out
  of range. Values that cannot be seen (under `torch.compile`, on an accelerator) are
  not refused: the loss is then NaN, and so is its gradient.
"""

import importlib as _importlib
import types as _types
import typing as _typing

from . import catalogue as catalogue
from . import confusion as confusion
from . import costs as costs
from . import decisions as decisions
from . import metrics as metrics
from . import relaxations as relaxations
from ._foundation.reduce import Reduction as Reduction
from ._foundation.reduce import reduce as reduce
from ._losses.cost import *
from ._losses.decision_scores import *
from ._losses.imbalance import *
from ._losses.margin import *
from ._losses.noise_robust import *
from ._losses.per_label import *
from ._losses.regression import *
from ._losses.scoring_rules import *
from ._losses.soft_targets import *
from ._losses.tracking import *
from ._losses.transport import *
from ._metrics.accuracy import *
from ._metrics.agreement import *
from ._metrics.cost import *
from ._metrics.duality import *
from ._metrics.f_measures import *
from ._metrics.generalized_dice import *
from ._metrics.informedness import *
from ._metrics.lovasz import *
from ._metrics.metric_loss import *
from ._metrics.overlap import *
from ._metrics.rates import *
from ._metrics.tversky import *
from .confusion import Counts as Counts
from .confusion import confusion_matrix as confusion_matrix
from .confusion import counts as counts

# The import hook of jaxtyping, by which users check shapes, adds its name.
_NAMES = sorted(x for x in globals() if not x.startswith(("_", "jaxtyping")))
# Type checkers follow the imports, and would take a computed list for an empty one.
if not _typing.TYPE_CHECKING:
    __all__ = _NAMES

# The rooms above the losses need more than torch, and load on first use.
_ROOMS = ("compare", "doctor", "per_sample", "testing")


def __getattr__(name: str) -> _types.ModuleType:
    if name in _ROOMS:
        return _importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*_NAMES, *_ROOMS]

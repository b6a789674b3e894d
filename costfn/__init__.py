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

from . import (
    catalogue as catalogue,
)
from . import (
    confusion as confusion,
)
from . import (
    costs as costs,
)
from . import (
    decisions as decisions,
)
from . import (
    metrics as metrics,
)
from . import (
    relaxations as relaxations,
)
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
from ._metrics.cost_metric_losses import (
    normalized_cost_loss as normalized_cost_loss,
)
from ._metrics.cost_metric_losses import (
    regret_loss as regret_loss,
)
from ._metrics.cost_metric_losses import (
    savings_loss as savings_loss,
)
from ._metrics.duality import (
    confusion_informed_weights as confusion_informed_weights,
)
from ._metrics.duality import (
    cost_of as cost_of,
)
from ._metrics.generalized_dice import generalized_dice_loss as generalized_dice_loss
from ._metrics.lovasz import (
    lovasz_hinge_loss as lovasz_hinge_loss,
)
from ._metrics.lovasz import (
    lovasz_softmax_loss as lovasz_softmax_loss,
)
from ._metrics.metric_loss import metric_loss as metric_loss
from ._metrics.overlap_losses import (
    dice_loss as dice_loss,
)
from ._metrics.overlap_losses import (
    f_beta_loss as f_beta_loss,
)
from ._metrics.overlap_losses import (
    focal_tversky_loss as focal_tversky_loss,
)
from ._metrics.overlap_losses import (
    jaccard_loss as jaccard_loss,
)
from ._metrics.overlap_losses import (
    tversky_loss as tversky_loss,
)
from ._metrics.rate_losses import (
    fowlkes_mallows_loss as fowlkes_mallows_loss,
)
from ._metrics.rate_losses import (
    informedness_loss as informedness_loss,
)
from ._metrics.rate_losses import (
    markedness_loss as markedness_loss,
)
from ._metrics.rate_losses import (
    precision_loss as precision_loss,
)
from ._metrics.rate_losses import (
    recall_loss as recall_loss,
)
from ._metrics.rate_losses import (
    specificity_loss as specificity_loss,
)
from ._metrics.table_losses import (
    accuracy_loss as accuracy_loss,
)
from ._metrics.table_losses import (
    balanced_accuracy_loss as balanced_accuracy_loss,
)
from ._metrics.table_losses import (
    cohen_kappa_loss as cohen_kappa_loss,
)
from ._metrics.table_losses import (
    g_mean_loss as g_mean_loss,
)
from ._metrics.table_losses import (
    hss_loss as hss_loss,
)
from ._metrics.table_losses import (
    mcc_loss as mcc_loss,
)
from .confusion import (
    Counts as Counts,
)
from .confusion import (
    confusion_matrix as confusion_matrix,
)
from .confusion import (
    counts as counts,
)

_NAMES = sorted(name for name in globals() if not name.startswith("_"))
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

"""The losses of `costfn` in JAX: the same names, arguments, values and errors.

Pure functions of arrays under `jit`, `grad`, `vmap` and `shard_map`. The documentation
of each is that of its counterpart in `costfn`. Never imports torch, but for `from_jax`.
"""

import typing as _typing

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

# Type checkers follow the imports, and would take a computed list for an empty one.
if _typing.TYPE_CHECKING:
    from ._from_jax import from_jax as from_jax
else:
    __all__ = sorted(["from_jax", *(x for x in globals() if not x.startswith("_"))])


def __getattr__(name: str) -> _typing.Any:
    # It needs torch, which nothing else here does.
    if name == "from_jax":
        from ._from_jax import from_jax

        return from_jax
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

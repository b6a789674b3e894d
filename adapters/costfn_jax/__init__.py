"""The losses of `costfn` in JAX: the same names, arguments, values and errors.

Pure functions of arrays under `jit`, `grad`, `vmap` and `shard_map`. The documentation
of each is that of its counterpart in `costfn`. Never imports torch, but for `from_jax`.
"""

import typing as _typing

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

# Type checkers follow the imports, and would take a computed list for an empty one.
if _typing.TYPE_CHECKING:
    from ._from_jax import from_jax as from_jax
else:
    # The import hook of jaxtyping, by which users check shapes, adds its name.
    _own = [x for x in globals() if not x.startswith(("_", "jaxtyping"))]
    __all__ = sorted(["from_jax", *_own])


def __getattr__(name: str) -> _typing.Any:
    # It needs torch, which nothing else here does.
    if name == "from_jax":
        from ._from_jax import from_jax

        return from_jax
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

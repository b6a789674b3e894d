"""The losses as `torch.nn` modules: classes on axis 1, weights, a reduction."""

import typing as _typing

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
from ._metrics.f_measures import *
from ._metrics.generalized_dice import *
from ._metrics.informedness import *
from ._metrics.lovasz import *
from ._metrics.overlap import *
from ._metrics.rates import *
from ._metrics.tversky import *

# Type checkers follow the imports, and would take a computed list for an empty one.
if not _typing.TYPE_CHECKING:
    # The import hook of jaxtyping, by which users check shapes, adds its name.
    __all__ = sorted(x for x in globals() if not x.startswith(("_", "jaxtyping")))

"""Differentiable losses for when plain cross-entropy is the wrong objective.

Pure functions of tensors: classes on the last axis, any batch axes, one loss per
example; `reduce` weighs, masks and averages them.
"""

import importlib
from types import ModuleType

from . import catalogue, costs, decisions
from ._cost import (
    cost_regularized_loss,
    expected_cost_loss,
    log_cost_loss,
    soft_decision_cost_loss,
)
from ._imbalance import class_balanced_weights, focal_loss, logit_adjusted_loss
from ._margin import (
    cost_hinge_loss,
    cost_regression_loss,
    softmax_margin_loss,
    sum_to_zero_loss,
)
from ._reduce import Reduction, reduce
from ._scoring_rules import energy_cost_loss, ranked_probability_loss
from ._soft_targets import (
    forward_corrected_loss,
    soft_target_loss,
    soft_targets,
    unmix,
)
from ._transport import generalized_wasserstein_dice_loss, sinkhorn_loss

__all__ = [
    "Reduction",
    "catalogue",
    "class_balanced_weights",
    "cost_hinge_loss",
    "cost_regression_loss",
    "cost_regularized_loss",
    "costs",
    "decisions",
    "energy_cost_loss",
    "expected_cost_loss",
    "focal_loss",
    "forward_corrected_loss",
    "generalized_wasserstein_dice_loss",
    "log_cost_loss",
    "logit_adjusted_loss",
    "ranked_probability_loss",
    "reduce",
    "sinkhorn_loss",
    "soft_decision_cost_loss",
    "soft_target_loss",
    "soft_targets",
    "softmax_margin_loss",
    "sum_to_zero_loss",
    "unmix",
]

# The rooms above the losses need more than torch, and load on first use.
_ROOMS = ("compare",)


def __getattr__(name: str) -> ModuleType:
    if name in _ROOMS:
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, *_ROOMS]

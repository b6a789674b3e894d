"""Differentiable losses for when plain cross-entropy is the wrong objective.

Pure functions of tensors: classes on the last axis, any batch axes, one loss per
example; `reduce` weighs, masks and averages them.
"""

import importlib
from types import ModuleType

from . import catalogue, confusion, costs, decisions, metrics, relaxations
from ._foundation.reduce import Reduction, reduce
from ._losses.cost import (
    cost_regularized_loss,
    expected_cost_loss,
    log_cost_loss,
    soft_decision_cost_loss,
)
from ._losses.imbalance import class_balanced_weights, focal_loss, logit_adjusted_loss
from ._losses.margin import (
    cost_hinge_loss,
    cost_regression_loss,
    softmax_margin_loss,
    sum_to_zero_loss,
)
from ._losses.per_label import asymmetric_loss, sigmoid_focal_loss
from ._losses.regression import q_error_loss
from ._losses.scoring_rules import energy_cost_loss, ranked_probability_loss
from ._losses.soft_targets import (
    forward_corrected_loss,
    soft_target_loss,
    soft_targets,
    unmix,
)
from ._losses.tracking import with_metrics
from ._losses.transport import generalized_wasserstein_dice_loss, sinkhorn_loss
from ._metrics.accuracy import accuracy_loss, balanced_accuracy_loss, g_mean_loss
from ._metrics.agreement import cohen_kappa_loss, hss_loss, mcc_loss
from ._metrics.cost import normalized_cost_loss, regret_loss, savings_loss
from ._metrics.duality import confusion_informed_weights, cost_of
from ._metrics.f_measures import f_beta_loss, fowlkes_mallows_loss
from ._metrics.generalized_dice import generalized_dice_loss
from ._metrics.informedness import informedness_loss, markedness_loss
from ._metrics.lovasz import lovasz_hinge_loss, lovasz_softmax_loss
from ._metrics.metric_loss import metric_loss
from ._metrics.overlap import dice_loss, jaccard_loss
from ._metrics.rates import precision_loss, recall_loss, specificity_loss
from ._metrics.tversky import focal_tversky_loss, tversky_loss
from .confusion import Counts, confusion_matrix, counts

__all__ = [
    "Counts",
    "Reduction",
    "accuracy_loss",
    "asymmetric_loss",
    "balanced_accuracy_loss",
    "catalogue",
    "class_balanced_weights",
    "cohen_kappa_loss",
    "confusion",
    "confusion_informed_weights",
    "confusion_matrix",
    "cost_hinge_loss",
    "cost_of",
    "cost_regression_loss",
    "cost_regularized_loss",
    "costs",
    "counts",
    "decisions",
    "dice_loss",
    "energy_cost_loss",
    "expected_cost_loss",
    "f_beta_loss",
    "focal_loss",
    "focal_tversky_loss",
    "forward_corrected_loss",
    "fowlkes_mallows_loss",
    "g_mean_loss",
    "generalized_dice_loss",
    "generalized_wasserstein_dice_loss",
    "hss_loss",
    "informedness_loss",
    "jaccard_loss",
    "log_cost_loss",
    "logit_adjusted_loss",
    "lovasz_hinge_loss",
    "lovasz_softmax_loss",
    "markedness_loss",
    "mcc_loss",
    "metric_loss",
    "metrics",
    "normalized_cost_loss",
    "precision_loss",
    "q_error_loss",
    "ranked_probability_loss",
    "recall_loss",
    "reduce",
    "regret_loss",
    "relaxations",
    "savings_loss",
    "sigmoid_focal_loss",
    "sinkhorn_loss",
    "soft_decision_cost_loss",
    "soft_target_loss",
    "soft_targets",
    "softmax_margin_loss",
    "specificity_loss",
    "sum_to_zero_loss",
    "tversky_loss",
    "unmix",
    "with_metrics",
]

# The rooms above the losses need more than torch, and load on first use.
_ROOMS = ("compare", "doctor", "per_sample", "testing")


def __getattr__(name: str) -> ModuleType:
    if name in _ROOMS:
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, *_ROOMS]

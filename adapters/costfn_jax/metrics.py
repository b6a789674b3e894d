"""Metrics of counts or of a confusion matrix, in JAX; differentiable."""

from ._metrics.agreement import (
    KappaWeights,
    accuracy,
    balanced_accuracy,
    cohen_kappa,
    g_mean,
    hss,
    mcc,
)
from ._metrics.averaging import Absent, Average, Table
from ._metrics.combined_rates import (
    fowlkes_mallows,
    informedness,
    markedness,
    precision,
    recall,
    specificity,
)
from ._metrics.cost_metrics import expected_cost, normalized_cost, regret, savings
from ._metrics.generalized_dice import Weighting, generalized_dice
from ._metrics.tversky import dice, f_beta, focal_tversky, jaccard, tversky

__all__ = [
    "Absent",
    "Average",
    "KappaWeights",
    "Table",
    "Weighting",
    "accuracy",
    "balanced_accuracy",
    "cohen_kappa",
    "dice",
    "expected_cost",
    "f_beta",
    "focal_tversky",
    "fowlkes_mallows",
    "g_mean",
    "generalized_dice",
    "hss",
    "informedness",
    "jaccard",
    "markedness",
    "mcc",
    "normalized_cost",
    "precision",
    "recall",
    "regret",
    "savings",
    "specificity",
    "tversky",
]

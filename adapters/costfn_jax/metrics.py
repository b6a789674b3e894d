"""Metrics of counts or of a confusion matrix, in JAX; differentiable."""

from ._metrics.accuracy import accuracy, balanced_accuracy, g_mean
from ._metrics.agreement import KappaWeights, cohen_kappa, hss, mcc
from ._metrics.averaging import Absent, Average, Table
from ._metrics.cost import expected_cost, normalized_cost, regret, savings
from ._metrics.f_measures import f_beta, fowlkes_mallows
from ._metrics.generalized_dice import Weighting, generalized_dice
from ._metrics.informedness import informedness, markedness
from ._metrics.overlap import dice, jaccard
from ._metrics.rates import precision, recall, specificity
from ._metrics.tversky import focal_tversky, tversky

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

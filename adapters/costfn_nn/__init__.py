"""The losses as `torch.nn` modules: classes on axis 1, weights, a reduction."""

from ._losses.cost import (
    CostRegularizedLoss,
    ExpectedCostLoss,
    LogCostLoss,
    SoftDecisionCostLoss,
)
from ._losses.decision_scores import CostRegressionLoss, SumToZeroLoss
from ._losses.imbalance import FocalLoss, LogitAdjustedLoss
from ._losses.margin import CostHingeLoss, SoftmaxMarginLoss
from ._losses.per_label import AsymmetricLoss, SigmoidFocalLoss
from ._losses.regression import QErrorLoss
from ._losses.scoring_rules import EnergyCostLoss, RankedProbabilityLoss
from ._losses.soft_targets import ForwardCorrectedLoss, SoftTargetLoss
from ._losses.tracking import WithMetrics
from ._losses.transport import GeneralizedWassersteinDiceLoss, SinkhornLoss
from ._metrics.accuracy import AccuracyLoss, BalancedAccuracyLoss, GMeanLoss
from ._metrics.agreement import CohenKappaLoss, HssLoss, MccLoss
from ._metrics.cost import NormalizedCostLoss, RegretLoss, SavingsLoss
from ._metrics.f_measures import FBetaLoss, FowlkesMallowsLoss
from ._metrics.generalized_dice import GeneralizedDiceLoss
from ._metrics.informedness import InformednessLoss, MarkednessLoss
from ._metrics.lovasz import LovaszHingeLoss, LovaszSoftmaxLoss
from ._metrics.overlap import DiceLoss, JaccardLoss
from ._metrics.rates import PrecisionLoss, RecallLoss, SpecificityLoss
from ._metrics.tversky import FocalTverskyLoss, TverskyLoss

__all__ = [
    "AccuracyLoss",
    "AsymmetricLoss",
    "BalancedAccuracyLoss",
    "CohenKappaLoss",
    "CostHingeLoss",
    "CostRegressionLoss",
    "CostRegularizedLoss",
    "DiceLoss",
    "EnergyCostLoss",
    "ExpectedCostLoss",
    "FBetaLoss",
    "FocalLoss",
    "FocalTverskyLoss",
    "ForwardCorrectedLoss",
    "FowlkesMallowsLoss",
    "GMeanLoss",
    "GeneralizedDiceLoss",
    "GeneralizedWassersteinDiceLoss",
    "HssLoss",
    "InformednessLoss",
    "JaccardLoss",
    "LogCostLoss",
    "LogitAdjustedLoss",
    "LovaszHingeLoss",
    "LovaszSoftmaxLoss",
    "MarkednessLoss",
    "MccLoss",
    "NormalizedCostLoss",
    "PrecisionLoss",
    "QErrorLoss",
    "RankedProbabilityLoss",
    "RecallLoss",
    "RegretLoss",
    "SavingsLoss",
    "SigmoidFocalLoss",
    "SinkhornLoss",
    "SoftDecisionCostLoss",
    "SoftTargetLoss",
    "SoftmaxMarginLoss",
    "SpecificityLoss",
    "SumToZeroLoss",
    "TverskyLoss",
    "WithMetrics",
]

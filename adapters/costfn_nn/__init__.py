"""The losses as `torch.nn` modules: classes on axis 1, weights, a reduction."""

from ._batch import GeneralizedWassersteinDiceLoss
from ._cost import (
    CostHingeLoss,
    CostRegressionLoss,
    CostRegularizedLoss,
    EnergyCostLoss,
    ExpectedCostLoss,
    LogCostLoss,
    SoftDecisionCostLoss,
    SoftmaxMarginLoss,
    SumToZeroLoss,
)
from ._labels import (
    FocalLoss,
    ForwardCorrectedLoss,
    LogitAdjustedLoss,
    RankedProbabilityLoss,
)
from ._soft_targets import SinkhornLoss, SoftTargetLoss

__all__ = [
    "CostHingeLoss",
    "CostRegressionLoss",
    "CostRegularizedLoss",
    "EnergyCostLoss",
    "ExpectedCostLoss",
    "FocalLoss",
    "ForwardCorrectedLoss",
    "GeneralizedWassersteinDiceLoss",
    "LogCostLoss",
    "LogitAdjustedLoss",
    "RankedProbabilityLoss",
    "SinkhornLoss",
    "SoftDecisionCostLoss",
    "SoftTargetLoss",
    "SoftmaxMarginLoss",
    "SumToZeroLoss",
]

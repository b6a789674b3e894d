"""The losses for metrics of the confusion matrix as modules."""

import costfn

from .._foundation.counted import CostMetricLoss, MetricLoss


class AccuracyLoss(MetricLoss):
    """Module of `costfn.accuracy_loss`, which documents the options."""

    loss = staticmethod(costfn.accuracy_loss)


class BalancedAccuracyLoss(MetricLoss):
    """Module of `costfn.balanced_accuracy_loss`, which documents the options.

    `weight` changes nothing in the mean over classes: each class is measured within its
    own examples, where the weight of the class cancels. `class_weight` weighs the mean.
    """

    loss = staticmethod(costfn.balanced_accuracy_loss)


class CohenKappaLoss(MetricLoss):
    """Module of `costfn.cohen_kappa_loss`, which documents the options."""

    loss = staticmethod(costfn.cohen_kappa_loss)


class DiceLoss(MetricLoss):
    """Module of `costfn.dice_loss`, which documents the options."""

    loss = staticmethod(costfn.dice_loss)


class FBetaLoss(MetricLoss):
    """Module of `costfn.f_beta_loss`, which documents the options."""

    loss = staticmethod(costfn.f_beta_loss)


class FocalTverskyLoss(MetricLoss):
    """Module of `costfn.focal_tversky_loss`, which documents the options."""

    loss = staticmethod(costfn.focal_tversky_loss)


class FowlkesMallowsLoss(MetricLoss):
    """Module of `costfn.fowlkes_mallows_loss`, which documents the options."""

    loss = staticmethod(costfn.fowlkes_mallows_loss)


class GMeanLoss(MetricLoss):
    """Module of `costfn.g_mean_loss`, which documents the options.

    `weight` changes nothing in the mean over classes: each class is measured within its
    own examples, where the weight of the class cancels. `class_weight` weighs the mean.
    """

    loss = staticmethod(costfn.g_mean_loss)


class GeneralizedDiceLoss(MetricLoss):
    """Module of `costfn.generalized_dice_loss`, which documents the options."""

    loss = staticmethod(costfn.generalized_dice_loss)


class HssLoss(MetricLoss):
    """Module of `costfn.hss_loss`, which documents the options."""

    loss = staticmethod(costfn.hss_loss)


class InformednessLoss(MetricLoss):
    """Module of `costfn.informedness_loss`, which documents the options."""

    loss = staticmethod(costfn.informedness_loss)


class JaccardLoss(MetricLoss):
    """Module of `costfn.jaccard_loss`, which documents the options."""

    loss = staticmethod(costfn.jaccard_loss)


class MarkednessLoss(MetricLoss):
    """Module of `costfn.markedness_loss`, which documents the options."""

    loss = staticmethod(costfn.markedness_loss)


class MccLoss(MetricLoss):
    """Module of `costfn.mcc_loss`, which documents the options."""

    loss = staticmethod(costfn.mcc_loss)


class PrecisionLoss(MetricLoss):
    """Module of `costfn.precision_loss`, which documents the options."""

    loss = staticmethod(costfn.precision_loss)


class RecallLoss(MetricLoss):
    """Module of `costfn.recall_loss`, which documents the options.

    `weight` changes nothing in the mean over classes: each class is measured within its
    own examples, where the weight of the class cancels. `class_weight` weighs the mean.
    """

    loss = staticmethod(costfn.recall_loss)


class SpecificityLoss(MetricLoss):
    """Module of `costfn.specificity_loss`, which documents the options."""

    loss = staticmethod(costfn.specificity_loss)


class TverskyLoss(MetricLoss):
    """Module of `costfn.tversky_loss`, which documents the options."""

    loss = staticmethod(costfn.tversky_loss)


class NormalizedCostLoss(CostMetricLoss):
    """Module of `costfn.normalized_cost_loss`, which documents the options."""

    loss = staticmethod(costfn.normalized_cost_loss)


class RegretLoss(CostMetricLoss):
    """Module of `costfn.regret_loss`, which documents the options."""

    loss = staticmethod(costfn.regret_loss)


class SavingsLoss(CostMetricLoss):
    """Module of `costfn.savings_loss`, which documents the options."""

    loss = staticmethod(costfn.savings_loss)

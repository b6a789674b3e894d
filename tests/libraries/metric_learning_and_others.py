"""Losses of pytorch-metric-learning, smp and torchmetrics, as documented."""

import pytorch_metric_learning.losses as pml
import segmentation_models_pytorch.losses as smp
import torch
import torchmetrics.functional as metrics

from tests.libraries.monai_and_kornia import labels, rand, randn

EMBEDDED = randn(12, 6), torch.arange(12) % 3
BINARY = randn(2, 1, 8, 8), labels(2, 1, 8, 8, upto=2).float()
MULTI = randn(2, 3, 8, 8), labels(2, 8, 8)
REAL = randn(8, 5), randn(8, 5)
LINE = randn(16), randn(16)
PML = [
    "AngularLoss",
    "CircleLoss",
    "ContrastiveLoss",
    "FastAPLoss",
    "GeneralizedLiftedStructureLoss",
    "IntraPairVarianceLoss",
    "LiftedStructureLoss",
    "MultiSimilarityLoss",
    "NCALoss",
    "NPairsLoss",
    "NTXentLoss",
    "PNPLoss",
    "RankedListLoss",
    "SignalToNoiseRatioContrastiveLoss",
    "SupConLoss",
    "TripletMarginLoss",
    "TupletMarginLoss",
]
OPTIONS = {"RankedListLoss": {"margin": 1, "Tn": 0}}
CLASSIFIERS = [
    "ArcFaceLoss",
    "CosFaceLoss",
    "NormalizedSoftmaxLoss",
    "ProxyAnchorLoss",
    "ProxyNCALoss",
    "SoftTripleLoss",
    "SphereFaceLoss",
    "SubCenterArcFaceLoss",
]


def classifier(name):
    torch.manual_seed(1)
    return getattr(pml, name)(num_classes=3, embedding_size=6)


CASES = {
    **{
        f"pml {name}": (getattr(pml, name)(**OPTIONS.get(name, {})), *EMBEDDED)
        for name in PML
    },
    **{f"pml {name}": (classifier(name), *EMBEDDED) for name in CLASSIFIERS},
    "pml VICRegLoss": (
        lambda p, t: pml.VICRegLoss()(p, ref_emb=t),
        randn(8, 6),
        randn(8, 6),
    ),
    "smp DiceLoss": (smp.DiceLoss("multiclass"), *MULTI),
    "smp DiceLoss binary": (smp.DiceLoss("binary"), *BINARY),
    "smp JaccardLoss": (smp.JaccardLoss("multiclass"), *MULTI),
    "smp TverskyLoss": (smp.TverskyLoss("multiclass"), *MULTI),
    "smp FocalLoss": (smp.FocalLoss("multiclass"), *MULTI),
    "smp FocalLoss binary": (smp.FocalLoss("binary"), *BINARY),
    "smp LovaszLoss": (smp.LovaszLoss("multiclass"), *MULTI),
    "smp SoftBCEWithLogitsLoss": (smp.SoftBCEWithLogitsLoss(), *BINARY),
    "smp SoftCrossEntropyLoss": (smp.SoftCrossEntropyLoss(smooth_factor=0.1), *MULTI),
    "smp MCCLoss": (smp.MCCLoss(), BINARY[0].sigmoid(), BINARY[1]),
    "torchmetrics mean_squared_error": (metrics.mean_squared_error, *LINE),
    "torchmetrics mean_absolute_error": (metrics.mean_absolute_error, *LINE),
    "torchmetrics log_cosh_error": (metrics.log_cosh_error, *LINE),
    "torchmetrics mean_squared_log_error": (
        metrics.mean_squared_log_error,
        rand(16) + 0.2,
        rand(16) + 0.2,
    ),
    "torchmetrics symmetric_mean_absolute_percentage_error": (
        metrics.symmetric_mean_absolute_percentage_error,
        rand(16) + 0.2,
        rand(16) + 0.2,
    ),
    "torchmetrics minkowski_distance": (
        lambda p, t: metrics.minkowski_distance(p, t, p=3),
        *LINE,
    ),
    "torchmetrics hinge_loss": (
        lambda p, t: metrics.hinge_loss(p, t, task="multiclass", num_classes=5),
        randn(8, 5),
        labels(8, upto=5),
    ),
    "torchmetrics kl_divergence": (
        lambda p, t: metrics.kl_divergence(t, p),
        randn(8, 5).softmax(1),
        randn(8, 5).softmax(1),
    ),
    "torchmetrics scale_invariant_signal_noise_ratio, negative": (
        lambda p, t: -metrics.scale_invariant_signal_noise_ratio(p, t).mean(),
        randn(4, 32),
        randn(4, 32),
    ),
    "torchmetrics structural_similarity, 1 minus": (
        lambda p, t: (
            1
            - metrics.structural_similarity_index_measure(
                p, t, data_range=1.0, kernel_size=5, sigma=0.8
            )
        ),
        rand(2, 1, 12, 12),
        rand(2, 1, 12, 12),
    ),
    "torchmetrics total_variation": (
        lambda p: metrics.total_variation(p, reduction="mean"),
        rand(2, 1, 8, 8),
        None,
    ),
    "torchmetrics perplexity": (
        metrics.perplexity,
        randn(2, 6, 5),
        labels(2, 6, upto=5),
    ),
    "torchmetrics concordance_corrcoef, 1 minus": (
        lambda p, t: 1 - metrics.concordance_corrcoef(p, t),
        *LINE,
    ),
}

"""Correct losses from elsewhere, in which the contract must find no fault.

The losses of torch itself, and forms from papers and libraries, written here.
"""

import math
from functools import partial

import numpy as np
import torch
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from costfn.testing import batches, regression_batches

POSITIVE = regression_batches(smallest=0.5)
PROBABILITIES = st.tuples(
    regression_batches(smallest=0.0, largest=1.0, sizes=(1, 5)),
    st.integers(0, 1),
).map(lambda drawn: (drawn[0][0], (np.arange(len(drawn[0][0])) + drawn[1]) % 2 * 1.0))
IDS = batches(classes=4, sizes=(6, 8), largest=2.0)


def pinball(prediction, target):
    error = target - prediction
    return torch.maximum(0.9 * error, -0.1 * error)


def log_cosh(prediction, target):
    error = prediction - target
    return error + functional.softplus(-2 * error) - math.log(2)


def charbonnier(prediction, target):
    return ((prediction - target) ** 2 + 1e-6).sqrt()


def welsch(prediction, target):
    return 1 - torch.exp(-((prediction - target) ** 2) / 2)


def gamma_deviance(prediction, target):
    if (prediction <= 0).any():
        raise ValueError("prediction must be positive")
    ratio = target / prediction
    return 2 * (ratio - 1 - ratio.log())


def squared_logarithms(prediction, target):
    if (prediction < 0.5).any():
        raise ValueError("prediction must be at least 0.5")
    return (prediction.log() - target.log()) ** 2


def brier(probability, target):
    if (probability < 0).any() or (probability > 1).any():
        raise ValueError("probability must be in [0, 1]")
    return (probability - target) ** 2


def sigmoid_focal(scores, target):
    losses = functional.binary_cross_entropy_with_logits(
        scores, target, reduction="none"
    )
    p = scores.sigmoid()
    p_true = p * target + (1 - p) * (1 - target)
    alpha = 0.25 * target + 0.75 * (1 - target)
    return alpha * (1 - p_true) ** 2 * losses


def soft_dice(scores, target):
    p = scores.sigmoid()
    return 1 - (2 * (p * target).sum() + 1) / (p.sum() + target.sum() + 1)


def asymmetric(scores, target):
    p = scores.sigmoid()
    shifted = (p - 0.05).clamp(min=0)
    of_ones = target * functional.logsigmoid(scores)
    of_zeros = (1 - target) * shifted**4 * torch.log1p(-shifted)
    return -(of_ones + of_zeros)


def hot(logits, labels):
    classes = torch.arange(logits.shape[-1], device=labels.device)
    return (labels[:, None] == classes).to(logits.dtype)


def generalized_cross_entropy(logits, labels):
    p = logits.softmax(-1).gather(-1, labels[:, None])[:, 0]
    return (1 - p**0.7) / 0.7


def focal(logits, labels):
    log_p = logits.log_softmax(-1).gather(-1, labels[:, None])[:, 0]
    return -((1 - log_p.exp()) ** 2) * log_p


def poly_1(logits, labels):
    losses = -logits.log_softmax(-1).gather(-1, labels[:, None])[:, 0]
    return losses + 1 - torch.exp(-losses)


def macro_dice(logits, labels):
    p, t = logits.softmax(-1), hot(logits, labels)
    return 1 - ((2 * (p * t).sum(0) + 1) / (p.sum(0) + t.sum(0) + 1)).mean()


def tversky(logits, labels):
    p, t = logits.softmax(-1), hot(logits, labels)
    hits, extra, missed = (p * t).sum(0), (p * (1 - t)).sum(0), ((1 - p) * t).sum(0)
    return (1 - (hits + 1) / (hits + 0.3 * extra + 0.7 * missed + 1)).mean()


def crammer_singer(logits, labels):
    t = hot(logits, labels)
    true = (logits * t).sum(-1)
    return (logits + (1 - t)).amax(-1) - true


def squared_probabilities(logits, probs):
    return ((logits.softmax(-1) - probs) ** 2).sum(-1)


def contrastive(points, groups):
    """Supervised contrastive loss: labels name groups and may be any integers."""
    unit = functional.normalize(points + 0.1, dim=-1)
    alike = groups[:, None] == groups
    other = ~torch.eye(len(points), dtype=torch.bool)
    pairs = (unit[:, None] * unit).sum(-1) / 0.5
    log_p = pairs - pairs.masked_fill(~other, -torch.inf).logsumexp(-1, keepdim=True)
    partners = (alike & other).to(points.dtype)
    return (-(partners * log_p).sum(-1) / partners.sum(-1).clamp(min=1)).mean()


def triplets(points, groups):
    distance = ((points[:, None] - points) ** 2).sum(-1)
    alike = (groups[:, None] == groups).to(points.dtype)
    margins = (distance[:, :, None] - distance[:, None] + 1).clamp(min=0)
    valid = alike[:, :, None] * (1 - alike)[:, None]
    return (margins * valid).sum() / valid.sum().clamp(min=1)


def of_torch(name, **options):
    return partial(getattr(functional, name), **options)


def per_example(name, **options):
    return of_torch(name, reduction="none", **options)


REGRESSION = {
    "l1_loss": per_example("l1_loss"),
    "l1_loss, mean": of_torch("l1_loss"),
    "l1_loss, sum": of_torch("l1_loss", reduction="sum"),
    "mse_loss": per_example("mse_loss"),
    "mse_loss, mean": of_torch("mse_loss"),
    "smooth_l1_loss": per_example("smooth_l1_loss", beta=0.5),
    "huber_loss": per_example("huber_loss", delta=2.0),
    "huber_loss, mean": of_torch("huber_loss"),
    "pinball": pinball,
    "log_cosh": log_cosh,
    "charbonnier": charbonnier,
    "welsch": welsch,
}
BINARY = {
    "binary_cross_entropy_with_logits": per_example("binary_cross_entropy_with_logits"),
    "binary_cross_entropy_with_logits, mean": nn.BCEWithLogitsLoss(),
    "pos_weight": nn.BCEWithLogitsLoss(pos_weight=torch.tensor(3.0), reduction="none"),
    "sigmoid_focal": sigmoid_focal,
    "soft_dice": soft_dice,
}
MULTILABEL = {
    "binary_cross_entropy_with_logits": per_example("binary_cross_entropy_with_logits"),
    "multilabel_soft_margin_loss": per_example("multilabel_soft_margin_loss"),
    "sigmoid_focal": sigmoid_focal,
    "asymmetric": asymmetric,
}
# The torch losses ignore the label -100.
MAPPED = ("vmap", "per_sample_gradients")
KEPT_OUT = {"skip": "bad_labels"}
MULTICLASS = {
    "cross_entropy": (per_example("cross_entropy"), KEPT_OUT),
    "cross_entropy, mean": (nn.CrossEntropyLoss(), KEPT_OUT),
    "cross_entropy, sum": (nn.CrossEntropyLoss(reduction="sum"), KEPT_OUT),
    "label_smoothing": (
        per_example("cross_entropy", label_smoothing=0.1),
        KEPT_OUT,
    ),
    # The power of a probability has infinite slope at 0.
    "generalized_cross_entropy": (
        generalized_cross_entropy,
        {"skip": ("saturation", "precision")},
    ),
    "focal": (focal, {}),
    "poly_1": (poly_1, {}),
    "macro_dice": (macro_dice, KEPT_OUT),
    "tversky": (tversky, KEPT_OUT),
    "crammer_singer": (crammer_singer, KEPT_OUT),
}
SOFT = {
    "cross_entropy": per_example("cross_entropy"),
    "cross_entropy, mean": nn.CrossEntropyLoss(),
    "kl_div": lambda z, q: functional.kl_div(
        z.log_softmax(-1), q, reduction="none"
    ).sum(-1),
    "kl_div, batchmean": lambda z, q: functional.kl_div(
        z.log_softmax(-1), q, reduction="batchmean"
    ),
    "squared_error": lambda z, q: functional.mse_loss(z.softmax(-1), q),
    "squared_probabilities": squared_probabilities,
}
ROWS = {
    **{
        f"regression {name}": (f, {"task": "regression"})
        for name, f in REGRESSION.items()
    },
    **{f"binary {name}": (f, {"task": "binary"}) for name, f in BINARY.items()},
    **{
        f"multilabel {name}": (f, {"task": "multilabel"})
        for name, f in MULTILABEL.items()
    },
    **{f"multiclass {name}": row for name, row in MULTICLASS.items()},
    **{f"soft {name}": (f, {"task": "soft"}) for name, f in SOFT.items()},
    "domain gamma_deviance": (
        gamma_deviance,
        {"task": "regression", "inputs": POSITIVE, "skip": MAPPED},  # it branches
    ),
    "domain squared_logarithms": (
        squared_logarithms,
        {"task": "regression", "inputs": POSITIVE, "skip": MAPPED},  # it branches
    ),
    "domain brier": (
        brier,
        {"task": "binary", "inputs": PROBABILITIES, "skip": MAPPED},
    ),
    "groups contrastive": (contrastive, {"inputs": IDS}),
    "groups triplets": (triplets, {"inputs": IDS}),
}

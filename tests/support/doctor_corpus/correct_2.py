"""Correct losses, among them traps for false alarms."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F

from doctor_corpus.case import case
from doctor_corpus.inputs import (
    _g,
    logits_bin,
    logits_cls,
    prob_bin,
    real,
)


@case(
    "c17_ohem_topk",
    "online hard example mining (top-k of per-sample loss)",
    False,
    note="TRAP: topk indices, detach, no_grad selection",
)
def _():
    def loss(pred, target):
        per = F.cross_entropy(pred, target, reduction="none")
        with torch.no_grad():
            idx = per.detach().topk(4).indices
        return per[idx].mean()

    return loss, logits_cls(12, 5)


@case(
    "c18_double_where",
    "jax#5798 / pytorch#52248 safe 'double where'",
    False,
    note="fix of b54",
)
def _():
    def loss(pred, target):
        ok = pred > 0.1
        safe = torch.where(ok, pred, torch.ones_like(pred))
        val = torch.where(ok, -torch.log(safe), 3.3 - 10 * pred)
        return (val * target + (1 - target) * pred).mean()

    return loss, prob_bin(14)


@case(
    "c19_rmse_eps",
    "openillumi.com NaN in PowBackward0: eps inside the root",
    False,
    note="fix of b50",
)
def _():
    def loss(pred, target):
        return torch.sqrt(F.mse_loss(pred, target) + 1e-8)

    return loss, real(10)


@case(
    "c20_pinball", "quantile (pinball) loss", False, note="torch.max of two live values"
)
def _():
    def loss(pred, target):
        e = target - pred
        return torch.max(0.9 * e, (0.9 - 1) * e).mean()

    return loss, real(14)


@case(
    "c21_metric_logged_inside",
    "common pattern: accuracy and .item() kept for logging only",
    False,
    note="TRAP: argmax/.item()/numpy escapes that never reach the loss",
)
def _():
    class LoggingCE(nn.Module):
        def __init__(self):
            super().__init__()
            self.last = {}

        def forward(self, pred, target):
            out = F.cross_entropy(pred, target)
            acc = (pred.argmax(1) == target).float().mean().item()
            self.last = {
                "acc": acc,
                "loss": out.item(),
                "max": float(pred.detach().numpy().max()),
            }
            if torch.isnan(out).any():
                raise ValueError("nan loss")
            return out

    return LoggingCE(), logits_cls()


@case(
    "c22_simsiam_stopgrad",
    "SimSiam / BYOL: target branch detached",
    False,
    note="TRAP: half of the prediction is detached on purpose",
)
def _():
    def loss(pred, target):
        p, z = pred[:, 0], pred[:, 1]
        a = F.cosine_similarity(p, z.detach(), dim=-1)
        b = F.cosine_similarity(z, target.detach(), dim=-1)
        return -(a.mean() + b.mean()) / 2

    def ex(seed=0):
        g = _g(seed)
        return torch.randn(6, 2, 5, generator=g), torch.randn(6, 5, generator=g)

    return loss, ex


@case(
    "c23_wing",
    "Wing loss (face landmarks)",
    False,
    note="comparison selects a branch of live values",
)
def _():
    def loss(pred, target):
        e = (pred - target).abs()
        c = 1.0 - 1.0 * math.log(1 + 1.0 / 0.5)
        return torch.where(e < 1.0, torch.log(1 + e / 0.5), e - c).mean()

    return loss, real(18)


@case(
    "c24_clamped_probability_bce",
    "BCE on probabilities with clamp(eps, 1-eps)",
    False,
    note="TRAP: clamp for stability",
)
def _():
    def loss(pred, target):
        p = pred.clamp(1e-6, 1 - 1e-6)
        return -(target * p.log() + (1 - target) * (1 - p).log()).mean()

    return loss, prob_bin(16)


@case(
    "c25_pairwise_rank_logistic",
    "RankNet-style pairwise logistic loss",
    False,
    note="TRAP: comparisons on the target only; explicit [:,None] broadcasting",
)
def _():
    def loss(pred, target):
        s = pred[:, None] - pred[None, :]
        w = (target[:, None] > target[None, :]).float()
        return (w * F.softplus(-s)).sum() / w.sum().clamp(min=1)

    return loss, real(10)


@case(
    "c26_dynamic_weight_detached",
    "loss balancing: total = a + b * (a.detach() / (b.detach()+eps))",
    False,
    note="TRAP: explicit detach in a weight",
)
def _():
    def loss(pred, target):
        a = F.mse_loss(pred, target)
        b = (pred[:, 1:] - pred[:, :-1]).abs().mean()
        w = a.detach() / (b.detach() + 1e-6)
        return a + w * b

    return loss, real(6, 8)


@case(
    "c27_log_softmax_then_ce",
    "princeton-vl/SimpleView#13, bhanML/Co-teaching#4 (log_softmax is idempotent)",
    False,
    note="TRAP: redundant but harmless double log_softmax",
)
def _():
    def loss(pred, target):
        return F.cross_entropy(F.log_softmax(pred, dim=1), target)

    return loss, logits_cls()


@case(
    "c28_value_from_one_gradient_from_other",
    "karlstratos/doe#1 (mi_loss - loss).detach() + loss",
    False,
    note="TRAP: deliberate value/gradient split in the last line",
)
def _():
    def loss(pred, target):
        soft = F.binary_cross_entropy_with_logits(pred, target)
        shown = ((pred > 0).float() != target).float().mean()
        return (shown - soft).detach() + soft

    return loss, logits_bin(14)


@case(
    "c29_corner_focal_guarded",
    "whosebug 6560032 with clamp; 'if' on the number of positives",
    False,
    note="TRAP: Python if on a target-only tensor",
)
def _():
    def loss(pred, target):
        p = pred.clamp(1e-4, 1 - 1e-4)
        pos = torch.log(p) * (1 - p) ** 2 * target
        neg = torch.log(1 - p) * p**2 * (1 - target)
        n = target.sum()
        if n == 0:
            return -neg.sum()
        return -(pos.sum() + neg.sum()) / n

    return loss, prob_bin(20)


@case(
    "c30_soft_histogram",
    "discuss.pytorch.org/t/25865 (answer: Gaussian-expanded histogram)",
    False,
    note="fix of b19",
)
def _():
    cent = torch.linspace(-2.5, 2.5, 8)

    def hist(x):
        h = torch.exp(-0.5 * ((x[None, :] - cent[:, None]) / 0.6) ** 2).sum(1)
        return h / (h.sum() + 1e-6)

    def loss(pred, target):
        return (hist(pred) - hist(target)).abs().sum()

    return loss, real(40)


@case(
    "c31_custom_function_right",
    "torch.autograd.Function with a right backward",
    False,
    note="TRAP: custom backward",
)
def _():
    class LogCosh(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x + F.softplus(-2 * x) - math.log(2.0)

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * torch.tanh(x)

    def loss(pred, target):
        return LogCosh.apply(pred - target).mean()

    return loss, real(16)


@case(
    "c32_mixup_python_float",
    "mixup: lam * CE(a) + (1-lam) * CE(b), lam a Python float drawn outside",
    False,
    note="TRAP: Python floats, tuple target",
)
def _():
    def loss(pred, target):
        ya, yb = target[:, 0], target[:, 1]
        lam = 0.37
        return lam * F.cross_entropy(pred, ya) + (1 - lam) * F.cross_entropy(pred, yb)

    def ex(seed=0):
        g = _g(seed)
        return torch.randn(8, 5, generator=g), torch.randint(0, 5, (8, 2), generator=g)

    return loss, ex

"""A second set kept apart, written after the fixes that the first one led to."""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

from doctor_corpus.case import case
from doctor_corpus.inputs import (
    _g,
    logits_bin,
    logits_cls,
    real,
    seg,
)


@case(
    "z01_one_hot_of_argmax",
    "Dice of the one-hot winner",
    True,
    {"INDEX_OP"},
    "hard = F.one_hot(pred.argmax(1), 3)",
)
def _():
    def loss(pred, target):
        hard = F.one_hot(pred.argmax(1), 3).float()
        truth = F.one_hot(target, 3).float()
        return 1 - (2 * (hard * truth).sum() + 1) / (hard.sum() + truth.sum() + 1)

    return loss, seg()


@case(
    "z02_new_leaf_in_front",
    "clone().detach().requires_grad_() of the input",
    True,
    {"DETACH", "REQUIRES_GRAD_MASK"},
    "x = pred.clone().detach().requires_grad_(True)",
)
def _():
    def loss(pred, target):
        x = pred.clone().detach().requires_grad_(True)
        return F.cross_entropy(x, target)

    return loss, logits_cls()


@case(
    "z03_python_sum",
    "tolist and a Python sum",
    True,
    {"ITEM_ESCAPE", "DETACH"},
    "flat = pred.detach().cpu().tolist()",
)
def _():
    def loss(pred, target):
        flat = pred.detach().cpu().tolist()
        total = sum((a - b) ** 2 for a, b in zip(flat, target.tolist()))
        return torch.tensor(total / len(flat), requires_grad=True)

    return loss, real(9)


@case(
    "z04_penalty_without_grad",
    "a penalty computed with gradients off",
    True,
    {"DEAD_TERM", "NO_GRAD"},
    "with torch.set_grad_enabled(False):||drift = (pred.mean(0)",
)
def _():
    def loss(pred, target):
        fit = F.mse_loss(pred, target)
        with torch.set_grad_enabled(False):
            drift = (pred.mean(0) - target.mean(0)).square().sum()
        return fit + drift

    return loss, real(7, 3)


@case(
    "z05_integer_error",
    "the error cast to integers",
    True,
    {"INT_CAST"},
    "steps = ((pred - target).abs() * 10).to(torch.int64)",
)
def _():
    def loss(pred, target):
        steps = ((pred - target).abs() * 10).to(torch.int64)
        return steps.float().mean() / 10

    return loss, real(12)


@case(
    "z06_pair_returned",
    "the loss and an accuracy as a float",
    True,
    {"NOT_SCALAR"},
    "return out, hits",
)
def _():
    def loss(pred, target):
        out = F.cross_entropy(pred, target)
        hits = (pred.argmax(1) == target).float().mean().item()
        return out, hits

    return loss, logits_cls()


@case(
    "z07_bce_by_hand",
    "log of a saturated sigmoid",
    True,
    {"NAN_SINGULAR"},
    "torch.log(p)||torch.log(1 - p)",
)
def _():
    def loss(pred, target):
        p = torch.sigmoid(pred)
        return -(target * torch.log(p) + (1 - target) * torch.log(1 - p)).mean()

    return loss, logits_bin(12)


@case(
    "z08_unit_vectors_by_hand",
    "division by a norm of zero",
    True,
    {"NAN_DIV0", "NAN_SINGULAR"},
    "a = pred / pred.norm(dim=1, keepdim=True)",
)
def _():
    def loss(pred, target):
        a = pred / pred.norm(dim=1, keepdim=True)
        b = F.normalize(target, dim=1)
        return (a - b).square().sum(1).mean()

    return loss, real(8, 5)


@case(
    "z09_numpy_weights",
    "weights drawn by numpy on each call",
    True,
    {"NONDET"},
    "w = torch.tensor(np.random.rand(len(pred)))",
)
def _():
    def loss(pred, target):
        w = torch.tensor(np.random.rand(len(pred))).float()
        return (w * (pred - target).abs()).mean()

    return loss, real(11)


@case(
    "z10_modules_twice",
    "nn.Sigmoid and nn.BCEWithLogitsLoss",
    True,
    {"DOUBLE_ACTIVATION", "SATURATION"},
    "return self.loss(self.squash(pred), target)",
)
def _():
    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.squash, self.loss = nn.Sigmoid(), nn.BCEWithLogitsLoss()

        def forward(self, pred, target):
            return self.loss(self.squash(pred), target)

    return Both(), logits_bin(14)


@case(
    "z11_hand_made_log_loss_broadcast",
    "(N, 1) probabilities, (N,) labels",
    True,
    {"BROADCAST"},
    "ll = target * torch.log(p) + (1 - target) * torch.log(1 - p)",
)
def _():
    def loss(pred, target):
        p = torch.sigmoid(pred).clamp(1e-6, 1 - 1e-6)
        ll = target * torch.log(p) + (1 - target) * torch.log(1 - p)
        return -ll.mean()

    def ex(seed=0):
        g = _g(seed)
        return torch.randn(10, 1, generator=g), torch.randint(
            0, 2, (10,), generator=g
        ).float()

    return loss, ex


@case(
    "z12_r2_returned",
    "R squared minimised",
    True,
    {"WRONG_SIGN"},
    "return 1 - residual / total",
)
def _():
    def loss(pred, target):
        residual = (target - pred).square().sum()
        total = (target - target.mean()).square().sum() + 1e-6
        return 1 - residual / total

    return loss, real(12)


@case(
    "z13_running_max_over_batch",
    "cummax along the batch",
    True,
    {"BATCH_ORDER"},
    "top = torch.cummax(pred, 0).values",
)
def _():
    def loss(pred, target):
        top = torch.cummax(pred, 0).values
        return F.mse_loss(top, target)

    return loss, real(10)


@case(
    "z14_scale_forgotten",
    "backward of a scaled function",
    True,
    {"WRONG_BACKWARD"},
    "def backward(ctx, g)||return g * (x > 0)||Scaled.apply(",
)
def _():
    class Scaled(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, scale):
            ctx.save_for_backward(x)
            ctx.scale = scale
            return scale * x.clamp(min=0)

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * (x > 0), None

    def loss(pred, target):
        return Scaled.apply((pred - target).abs(), 3.0).mean()

    return loss, real(12)


@case(
    "z15_targets_clipped",
    "clamp_ on the target",
    True,
    {"MUTATES_INPUT"},
    "target.clamp_(-0.5, 0.5)",
)
def _():
    def loss(pred, target):
        target.clamp_(-0.5, 0.5)
        return F.smooth_l1_loss(pred, target)

    return loss, real(12)


@case(
    "z16_ratio_of_predictions",
    "a relative error by the prediction",
    True,
    {"NAN_DIV0"},
    "rel = (target - pred) / pred",
)
def _():
    def loss(pred, target):
        rel = (target - pred) / pred
        return rel.abs().mean()

    return loss, real(12)

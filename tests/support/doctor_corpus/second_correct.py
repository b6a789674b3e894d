"""A second set kept apart, written after the fixes that the first one led to."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F

from doctor_corpus.case import case
from doctor_corpus.inputs import (
    _g,
    emb_labels,
    logits_bin,
    logits_cls,
    real,
)


@case("w01_soft_argmax", "expected position of a heatmap", False)
def _():
    def loss(pred, target):
        p = pred.flatten(1).softmax(1)
        where = (p * torch.arange(p.shape[1])).sum(1)
        return F.smooth_l1_loss(where, target)

    def ex(seed=0):
        g = _g(seed)
        return torch.randn(6, 3, 4, generator=g), torch.rand(6, generator=g) * 11

    return loss, ex


@case("w02_squared_emd", "squared earth mover's distance of ordered classes", False)
def _():
    def loss(pred, target):
        truth = F.one_hot(target, pred.shape[1]).float()
        gap = pred.softmax(1).cumsum(1) - truth.cumsum(1)
        return gap.square().sum(1).mean() + 0.1 * F.cross_entropy(pred, target)

    return loss, logits_cls()


@case("w03_poly_loss", "cross entropy and one minus the probability", False)
def _():
    def loss(pred, target):
        ce = F.cross_entropy(pred, target, reduction="none")
        return (ce + 1.0 * (1 - torch.exp(-ce))).mean()

    return loss, logits_cls()


@case("w04_center_loss", "learned centres in the module", False)
def _():
    class Centres(nn.Module):
        def __init__(self):
            super().__init__()
            self.centres = nn.Parameter(torch.zeros(3, 6))

        def forward(self, pred, target):
            return (pred - self.centres[target]).square().sum(1).mean() / 2

    return Centres(), emb_labels()


@case(
    "w05_pseudo_labels", "confident own labels, masked, with a supervised term", False
)
def _():
    def loss(pred, target):
        weak, strong = pred[:, 0], pred[:, 1]
        with torch.no_grad():
            confidence, label = weak.softmax(-1).max(-1)
            mask = (confidence > 0.5).float()
        per = F.cross_entropy(strong, label, reduction="none")
        return F.cross_entropy(weak, target) + (per * mask).mean()

    def ex(seed=0):
        g = _g(seed)
        return 2 * torch.randn(9, 2, 4, generator=g), torch.randint(
            0, 4, (9,), generator=g
        )

    return loss, ex


@case("w06_ranking_margin", "margin between all pairs of classes", False)
def _():
    def loss(pred, target):
        positive = pred[target > 0.5]
        negative = pred[target <= 0.5]
        gap = 1 - (positive[:, None] - negative[None, :])
        return F.relu(gap).sum() / max(gap.numel(), 1)

    return loss, logits_bin(14)


@case("w07_log_domain", "error of logarithms of positive values", False)
def _():
    def loss(pred, target):
        return (
            torch.log1p(pred.clamp(min=0)) - torch.log1p(target)
        ).square().mean() + 0.01 * (pred - target).abs().mean()

    def ex(seed=0):
        g = _g(seed)
        return torch.rand(12, generator=g) * 4 + 0.1, torch.rand(12, generator=g) * 4

    return loss, ex


@case("w08_adaptive_wing", "comparison of errors picks a branch", False)
def _():
    def loss(pred, target):
        gap = (pred - target).abs()
        small = gap < 0.5
        return torch.where(
            small,
            2 * torch.log1p(gap / 0.5),
            gap * 2 / 1.0 * 0.5 + 2 * math.log(2) - 0.5,
        ).mean()

    return loss, real(14)


@case(
    "w09_clipped_gradient_norm",
    "a weight that equalises gradients, by autograd.grad",
    False,
)
def _():
    def loss(pred, target):
        a, b = F.mse_loss(pred, target), (pred - target).abs().mean()
        (ga,) = torch.autograd.grad(a, pred, retain_graph=True)
        (gb,) = torch.autograd.grad(b, pred, retain_graph=True)
        return a + (ga.norm() / (gb.norm() + 1e-6)).detach() * b

    return loss, real(6, 4)


@case("w10_dice_and_bce", "the sum of soft Dice and cross entropy", False)
def _():
    def loss(pred, target):
        p = torch.sigmoid(pred)
        dice = 1 - (2 * (p * target).sum() + 1) / (p.sum() + target.sum() + 1)
        return dice + F.binary_cross_entropy_with_logits(pred, target)

    return loss, logits_bin(3, 20)

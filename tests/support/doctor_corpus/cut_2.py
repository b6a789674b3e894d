"""The graph is cut."""

import numpy as np
import torch
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
    "b16_topology_numpy",
    "HuXiaoling/TopoLoss#8 detach to numpy, then how does it back-propagate",
    True,
    {"NUMPY_ESCAPE", "DETACH", "REWRAP"},
    "img = torch.sigmoid(pred).detach().cpu().numpy()",
    "numpy computation then from_numpy",
)
def _():
    def loss(pred, target):
        img = torch.sigmoid(pred).detach().cpu().numpy()
        rough = np.abs(np.diff(img, axis=-1)).sum(-1)
        want = np.abs(np.diff(target.numpy(), axis=-1)).sum(-1)
        return torch.from_numpy((rough - want) ** 2).mean()

    return loss, logits_bin(4, 12)


@case(
    "b17_erosion_numpy_nograd",
    "JunMa11/SegLossOdyssey#21 HausdorffERLoss is not differentiable",
    True,
    {"NO_GRAD", "NUMPY_ESCAPE"},
    "with torch.no_grad():||bound = (pred - target) ** 2",
    "whole computation under no_grad, result tensor rebuilt",
)
def _():
    def loss(pred, target):
        total = []
        with torch.no_grad():
            bound = (pred - target) ** 2
            for k in range(3):
                b = np.clip(bound.numpy() - 0.1 * k, 0, None)
                total.append(b.sum() * (k + 1) ** 2)
        return torch.as_tensor(np.mean(total), dtype=torch.float32)

    return loss, prob_bin(4, 12)


@case(
    "b18_grad_mode_left_off",
    "Alibaba-MIIL/ASL#59 torch._C.set_grad_enabled(False) around the focal weight",
    True,
    {"NO_GRAD"},
    "torch.set_grad_enabled(False)||w = (p * target",
    "switch back on is skipped on one path",
)
def _():
    def loss(pred, target):
        p = torch.sigmoid(pred)
        like = target * torch.log(p.clamp(min=1e-8)) + (1 - target) * torch.log(
            (1 - p).clamp(min=1e-8)
        )
        torch.set_grad_enabled(False)
        w = (p * target + (1 - p) * (1 - target)).neg().add(1).pow(2)
        return -(w * like).mean()

    return loss, logits_bin(16)


@case(
    "b19_histogram",
    "discuss.pytorch.org/t/25865 differentiable torch.histc?",
    True,
    {"NONDIFF_OP"},
    "hp = torch.histc(",
    "histogram matching; histc has no derivative",
)
def _():
    def loss(pred, target):
        hp = torch.histc(pred, bins=8, min=-3, max=3)
        ht = torch.histc(target, bins=8, min=-3, max=3)
        return ((hp - ht) / pred.numel()).abs().sum()

    return loss, real(40)


@case(
    "b20_entropy_by_counting",
    "forum thread 'How to define an information entropy loss' (p[y[i].int()] += 1)",
    True,
    {"INT_CAST"},
    "bins[v.int()]",
    "counting with an integer index",
)
def _():
    def loss(pred, target):
        bins = torch.zeros(6)
        for v in pred.flatten():
            bins[v.int()] = bins[v.int()] + 1
        q = bins / pred.numel()
        ent = -(q * (q + 1e-9).log2()).sum()
        return (ent - target.float().mean()) ** 2

    def ex(seed=0):
        g = _g(seed)
        return torch.rand(24, generator=g) * 5, torch.rand(24, generator=g) * 2

    return loss, ex


@case(
    "b21_spearman_argsort",
    "forum.numer.ai/t/2287 differentiable Spearman in PyTorch",
    True,
    {"INDEX_OP"},
    "rank_p = pred.argsort().argsort().float()",
    "rank correlation",
)
def _():
    def loss(pred, target):
        rank_p = pred.argsort().argsort().float()
        rank_t = target.argsort().argsort().float()
        a, b = rank_p - rank_p.mean(), rank_t - rank_t.mean()
        return 1 - (a * b).sum() / (a.norm() * b.norm() + 1e-9)

    return loss, real(15)


@case(
    "b22_hierarchy_dead_term",
    "Ugenteraan/Deep_Hierarchical_Classification#6 dependency loss uses argmax",
    True,
    {"INDEX_OP", "DEAD_TERM", "HARD_THRESHOLD"},
    "top = pred.argmax(1)",
    "CE is alive, the second term never trains",
)
def _():
    parent = torch.tensor([0, 0, 1, 1, 1])

    def loss(pred, target):
        ce = F.cross_entropy(pred, target)
        top = pred.argmax(1)
        wrong = (parent[top] != parent[target]).float()
        return ce + 0.8 * wrong.mean()

    return loss, logits_cls(8, 5)

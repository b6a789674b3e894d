"""The graph is cut."""

import math

import numpy as np
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


@case(
    "b23_added_item",
    "somuchtome/SimAC#3 loss + target_loss.detach().item()",
    True,
    {"ITEM_ESCAPE", "DETACH", "DEAD_TERM"},
    "total = total + feat.detach().item()",
    "feature term is a number",
)
def _():
    def loss(pred, target):
        total = F.l1_loss(pred, target)
        feat = (pred.mean(0) - target.mean(0)).pow(2).sum()
        total = total + feat.detach().item()
        return total

    return loss, real(6, 4)


@case(
    "b24_fresh_buffer_term",
    "Wuziyi616/multi_part_assembly#4 new loss term built in a fresh torch.Tensor",
    True,
    {"ITEM_ESCAPE", "DEAD_TERM", "REWRAP"},
    "buf[i] = float(",
    "penalty buffer filled with floats",
)
def _():
    def loss(pred, target):
        buf = torch.zeros(pred.shape[0])
        for i in range(pred.shape[0]):
            buf[i] = float((pred[i] ** 2).sum())
        return F.mse_loss(pred, target) + 0.05 * buf.mean()

    return loss, real(6, 3)


@case(
    "b25_python_float_loss",
    "whosebug 2678905 'Custom loss function in PyTorch' + discuss t/31066 external libs",
    True,
    {"ITEM_ESCAPE", "NOT_SCALAR"},
    "math.sqrt(float(",
    "math module; returns a Python float",
)
def _():
    def loss(pred, target):
        sq = ((pred - target) ** 2).sum()
        return math.sqrt(float(sq) / pred.numel())

    return loss, real(8)


@case(
    "b26_token_error_rate",
    "discuss.pytorch.org/t/31066 external libraries in the middle of forward/backward",
    True,
    {"INDEX_OP", "ITEM_ESCAPE", "REWRAP"},
    "hyp = pred.argmax(-1).tolist()",
    "edit distance on decoded tokens",
)
def _():
    def edit(a, b):
        d = list(range(len(b) + 1))
        for i, x in enumerate(a, 1):
            prev, d[0] = d[0], i
            for j, y in enumerate(b, 1):
                prev, d[j] = d[j], min(d[j] + 1, d[j - 1] + 1, prev + (x != y))
        return d[-1]

    def loss(pred, target):
        hyp = pred.argmax(-1).tolist()
        ref = target.tolist()
        return torch.tensor([edit(h, r) / len(r) for h, r in zip(hyp, ref)]).mean()

    def ex(seed=0):
        g = _g(seed)
        return torch.randn(3, 7, 5, generator=g), torch.randint(
            0, 5, (3, 7), generator=g
        )

    return loss, ex


@case(
    "b27_np_asarray_sneak",
    "pattern seen in TopoLoss#8 / discuss t/31066 (numpy statistic via np.asarray, no single thread)",
    True,
    {"NUMPY_ESCAPE", "DETACH", "REWRAP", "REQUIRES_GRAD_MASK"},
    "q = np.quantile(np.asarray(err.detach()), 0.9)",
    "np.asarray(tensor) goes through __array__",
)
def _():
    def loss(pred, target):
        err = (pred - target).abs()
        q = np.quantile(np.asarray(err.detach()), 0.9)
        return torch.FloatTensor([q]).requires_grad_().mean()

    return loss, real(30)


@case(
    "b28_module_metric_buffer",
    "speechbrain#735 / Procgen exploring_meta#16 (loss must be set to requires_grad)",
    True,
    {"DETACH", "REQUIRES_GRAD_MASK"},
    "z = self.squash(pred).detach()",
    "nn.Module loss, cut in a helper call",
)
def _():
    class CenterPull(nn.Module):
        def __init__(self):
            super().__init__()
            self.squash = nn.Tanh()

        def forward(self, pred, target):
            z = self.squash(pred).detach()
            out = ((z - target) ** 2).mean()
            if not out.requires_grad:
                out.requires_grad_(True)
            return out

    return CenterPull(), real(10)


@case(
    "b29_soft_count_gate",
    "confifu/RepNet-Pytorch#6 (y2pred > 0) divided by the period",
    True,
    {"HARD_THRESHOLD", "DEAD_TERM"},
    "gate = (score > 0).float()",
    "period head trains, the gate head never does",
)
def _():
    def loss(pred, target):
        period, score = pred[:, 0], pred[:, 1]
        gate = (score > 0).float()
        count = (gate / (period.abs() + 0.5)).sum()
        return (count - target.sum()) ** 2

    def ex(seed=0):
        g = _g(seed)
        return torch.randn(10, 2, generator=g), torch.rand(10, generator=g)

    return loss, ex

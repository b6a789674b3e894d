"""The graph is cut."""

import math

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

from doctor_corpus.case import case
from doctor_corpus.inputs import (
    _g,
    real,
)


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

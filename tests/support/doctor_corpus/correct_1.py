"""Correct losses, among them traps for false alarms."""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

from doctor_corpus.case import case
from doctor_corpus.inputs import _g, emb_labels, logits_bin, logits_cls, real, seg


@case(
    "c01_ce_label_smoothing",
    "torch.nn.CrossEntropyLoss(label_smoothing)",
    False,
    note="reference",
)
def _():
    return nn.CrossEntropyLoss(label_smoothing=0.1), logits_cls()


@case(
    "c02_bce_logits_pos_weight",
    "torch.nn.BCEWithLogitsLoss(pos_weight)",
    False,
    note="reference",
)
def _():
    return nn.BCEWithLogitsLoss(pos_weight=torch.tensor(3.0)), logits_bin(10, 3)


@case(
    "c03_huber",
    "torch.nn.SmoothL1Loss / HuberLoss",
    False,
    note="kinked second derivative",
)
def _():
    return nn.SmoothL1Loss(beta=0.5), real(12)


@case(
    "c04_soft_dice_monai",
    "Project-MONAI DiceLoss(to_onehot_y, softmax) re-expressed",
    False,
    note="one-hot target cast, sums",
)
def _():
    def loss(pred, target):
        p = torch.softmax(pred, 1)
        t = F.one_hot(target, pred.shape[1]).movedim(-1, 1).float()
        dims = (2, 3)
        inter = (p * t).sum(dims)
        den = p.sum(dims) + t.sum(dims)
        return (1 - (2 * inter + 1e-5) / (den + 1e-5)).mean()

    return loss, seg()


@case(
    "c05_sigmoid_focal_torchvision",
    "torchvision.ops.sigmoid_focal_loss re-expressed (pytorch/vision#8519 discusses its sign)",
    False,
)
def _():
    def loss(pred, target):
        p = torch.sigmoid(pred)
        ce = F.binary_cross_entropy_with_logits(pred, target, reduction="none")
        pt = p * target + (1 - p) * (1 - target)
        a = 0.25 * target + 0.75 * (1 - target)
        return (a * ce * (1 - pt) ** 2).mean()

    return loss, logits_bin(16)


@case("c06_tversky_kornia", "kornia.losses.tversky_loss re-expressed", False)
def _():
    def loss(pred, target):
        p = F.softmax(pred, 1)
        t = torch.zeros_like(p).scatter_(1, target[:, None], 1.0)
        d = (1, 2, 3)
        i = (p * t).sum(d)
        fp = (p * (1 - t)).sum(d)
        fn = ((1 - p) * t).sum(d)
        return (1 - i / (i + 0.4 * fp + 0.6 * fn + 1e-8)).mean()

    return loss, seg()


@case(
    "c07_jaccard_smp",
    "segmentation_models.pytorch JaccardLoss (soft, whole batch) re-expressed",
    False,
    note="batch-global ratio",
)
def _():
    def loss(pred, target):
        p = F.logsigmoid(pred).exp()
        i = (p * target).sum()
        u = p.sum() + target.sum() - i
        return 1 - (i + 1.0) / (u + 1.0)

    return loss, logits_bin(3, 20)


@case(
    "c08_lovasz_hinge",
    "bermanmaxim/LovaszSoftmax re-expressed",
    False,
    note="TRAP: sort permutation via .data, weights without gradient",
)
def _():
    def loss(pred, target):
        signs = 2.0 * target - 1.0
        errors = 1.0 - pred * signs
        errors_sorted, perm = torch.sort(errors, dim=0, descending=True)
        perm = perm.data
        gt = target[perm]
        gts = gt.sum()
        inter = gts - gt.cumsum(0)
        union = gts + (1 - gt).cumsum(0)
        jac = 1.0 - inter / union
        grad = torch.cat([jac[:1], jac[1:] - jac[:-1]])
        return torch.dot(F.relu(errors_sorted), grad)

    return loss, logits_bin(20)


@case(
    "c09_circle_detached_weights",
    "TinyZeaMays/CircleLoss#28 meaning of detaching sp and sn",
    False,
    note="TRAP: intended detach of a factor",
)
def _():
    m, gamma = 0.25, 8.0

    def loss(pred, target):
        z = F.normalize(pred, dim=1)
        s = z @ z.T
        same = target[:, None] == target[None, :]
        up = torch.triu(torch.ones_like(s), 1).bool()
        sp, sn = s[same & up], s[~same & up]
        ap = torch.clamp_min(-sp.detach() + 1 + m, 0.0)
        an = torch.clamp_min(sn.detach() + m, 0.0)
        lp = -ap * (sp - (1 - m)) * gamma
        ln = an * (sn - m) * gamma
        return F.softplus(torch.logsumexp(ln, 0) + torch.logsumexp(lp, 0))

    return loss, emb_labels()


@case(
    "c10_quantile_huber_detach",
    "senya-ashukha/quantile-regression-dqn-pytorch#2 why diff.detach() < 0",
    False,
    note="TRAP: comparison + detach as weight",
)
def _():
    def loss(pred, target):
        tau = (torch.arange(pred.shape[1]) + 0.5) / pred.shape[1]
        diff = target[:, None] - pred
        hub = torch.where(diff.abs() < 1, 0.5 * diff**2, diff.abs() - 0.5)
        w = (tau - (diff.detach() < 0).float()).abs()
        return (hub * w).mean()

    def ex(seed=0):
        g = _g(seed)
        return torch.randn(7, 4, generator=g), torch.randn(7, generator=g)

    return loss, ex


@case(
    "c11_ste_round",
    "daniel03c1/masked_wavelet_nerf#10, pytorch/functorch#353 straight-through estimator",
    False,
    note="TRAP: autograd != finite differences on purpose",
)
def _():
    def loss(pred, target):
        hard = torch.round(pred)
        q = pred + (hard - pred).detach()
        return ((q - target) ** 2).mean()

    return loss, real(20)


@case(
    "c12_hausdorff_dt_weight",
    "JunMa11/SegLossOdyssey#36, PatRyg99/HausdorffLoss#5 distance map as constant weight",
    False,
    note="TRAP: numpy + no_grad on the prediction, used as a factor only",
)
def _():
    @torch.no_grad()
    def field(img):
        m = (img.cpu().numpy() > 0.5).astype(np.float32)
        out = np.zeros_like(m)
        for b in range(m.shape[0]):
            on = np.flatnonzero(m[b])
            if len(on):
                out[b] = np.abs(np.arange(m.shape[1])[:, None] - on[None, :]).min(1)
        return torch.from_numpy(out)

    def loss(pred, target):
        p = torch.sigmoid(pred)
        w = field(p) ** 2 + field(target) ** 2 + 1
        return ((p - target) ** 2 * w).mean()

    return loss, logits_bin(3, 16)


@case(
    "c13_multiclass_hinge",
    "torch.nn.MultiMarginLoss re-expressed",
    False,
    note="zero gradient once the margin holds",
)
def _():
    def loss(pred, target):
        right = pred.gather(1, target[:, None])
        m = (1 + pred - right).clamp(min=0)
        m = m.scatter(1, target[:, None], 0.0)
        return m.sum(1).mean()

    return loss, logits_cls()


@case(
    "c14_batch_hard_triplet",
    "triplet-reid / pytorch-metric-learning batch-hard, eps inside sqrt",
    False,
    note="TRAP: max/min values + boolean masks",
)
def _():
    def loss(pred, target):
        d2 = (pred[:, None, :] - pred[None, :, :]).pow(2).sum(-1)
        d = torch.sqrt(d2 + 1e-8)
        same = target[:, None] == target[None, :]
        hp = (d * same).max(1).values
        hn = (d + same * 1e6).min(1)[0]
        return F.softplus(hp - hn).mean()

    return loss, emb_labels(9, 5, 3)


@case(
    "c15_info_nce",
    "SimCLR / InfoNCE with in-batch negatives",
    False,
    note="TRAP: samples mix, permutation-equivariant",
)
def _():
    def loss(pred, target):
        a, b = F.normalize(pred, dim=1), F.normalize(target, dim=1)
        s = a @ b.T / 0.2
        return F.cross_entropy(s, torch.arange(len(s)))

    return loss, real(8, 6)


@case(
    "c16_supcon_guarded",
    "HobbitLong/SupContrast#142 (fix of #141)",
    False,
    note="denominator guarded",
)
def _():
    def loss(pred, target):
        z = F.normalize(pred, dim=1)
        s = z @ z.T / 0.5
        eye = torch.eye(len(z), dtype=torch.bool)
        pos = ((target[:, None] == target[None, :]) & ~eye).float()
        logp = s - torch.logsumexp(s.masked_fill(eye, -1e9), 1, keepdim=True)
        n = pos.sum(1)
        n = torch.where(n < 1, torch.ones_like(n), n)
        return -((pos * logp).sum(1) / n).mean()

    return loss, emb_labels(9, 6, 3)

"""Not finite, or without gradient, at reachable inputs."""

import math

import torch
import torch.nn.functional as F

from doctor_corpus.case import case
from doctor_corpus.inputs import (
    _g,
    emb_labels,
    prob_bin,
    real,
)


@case(
    "b50_rmse",
    "discuss.pytorch.org/t/94875 sqrt(mse) gives nan when the loss is zero",
    True,
    {"NAN_SINGULAR"},
    "return torch.sqrt(F.mse_loss(pred, target))",
    "perfect prediction -> nan",
)
def _():
    def loss(pred, target):
        return torch.sqrt(F.mse_loss(pred, target))

    return loss, real(10)


@case(
    "b51_siamese_distance",
    "adambielski/siamese-triplet#18 sqrt of a zero distance",
    True,
    {"NAN_SINGULAR"},
    "dist = (a - b).pow(2).sum(1).sqrt()",
    "two identical embeddings -> nan",
)
def _():
    def loss(pred, target):
        a, b = pred[:, 0], pred[:, 1]
        dist = (a - b).pow(2).sum(1).sqrt()
        return (target * dist**2 + (1 - target) * F.relu(1 - dist) ** 2).mean()

    def ex(seed=0):
        g = _g(seed)
        return torch.randn(8, 2, 4, generator=g), (torch.arange(8) % 2).float()

    return loss, ex


@case(
    "b52_arcface_sine",
    "ronghuaiyang/arcface-pytorch#91 sqrt(1-cos^2) at cos=1",
    True,
    {"NAN_SINGULAR"},
    "sine = torch.sqrt((1.0 - cosine ** 2).clamp(0, 1))",
    "cosine exactly 1",
)
def _():
    m = 0.5

    def loss(pred, target):
        cosine = pred.clamp(-1, 1)
        sine = torch.sqrt((1.0 - cosine**2).clamp(0, 1))
        phi = cosine * math.cos(m) - sine * math.sin(m)
        oh = F.one_hot(target, pred.shape[1]).bool()
        return F.cross_entropy(10 * torch.where(oh, phi, cosine), target)

    def ex(seed=0):
        g = _g(seed)
        return torch.rand(8, 4, generator=g) * 1.6 - 0.8, torch.randint(
            0, 4, (8,), generator=g
        )

    return loss, ex


@case(
    "b53_geodesic_acos",
    "papagina/RotationContinuity#1,#11; geoopt#79 acos at +-1",
    True,
    {"NAN_SINGULAR"},
    "theta = torch.acos(cos)",
    "identical rotations: clamp then acos",
)
def _():
    def loss(pred, target):
        cos = ((torch.einsum("bij,bij->b", pred, target)) - 1) / 2
        cos = torch.clamp(cos, -1.0, 1.0)
        theta = torch.acos(cos)
        return theta.mean()

    def ex(seed=0):
        g = _g(seed)
        q1, _ = torch.linalg.qr(torch.randn(5, 3, 3, generator=g))
        q2, _ = torch.linalg.qr(torch.randn(5, 3, 3, generator=g))
        fix = lambda q: q * torch.det(q).sign()[:, None, None]
        return fix(q1), fix(q2)

    return loss, ex


@case(
    "b54_where_log",
    "pytorch/pytorch#108618, #68425 unselected branch of torch.where",
    True,
    {"NAN_WHERE"},
    "torch.log(pred)",
    "log(0) in the branch that is not taken",
)
def _():
    def loss(pred, target):
        val = torch.where(pred > 0.1, -torch.log(pred), 3.3 - 10 * pred)
        return (val * target + (1 - target) * pred).mean()

    return loss, prob_bin(14)


@case(
    "b55_divide_then_mask",
    "pytorch/pytorch#4132 x.grad is nan after x/0 although masked",
    True,
    {"NAN_WHERE"},
    "rel = (pred - target).abs() / target",
    "MAPE with zero targets masked afterwards",
)
def _():
    def loss(pred, target):
        rel = (pred - target).abs() / target
        rel = rel.masked_fill(target == 0, 0.0)
        return rel.mean()

    def ex(seed=0):
        g = _g(seed)
        return torch.rand(10, generator=g) + 0.2, torch.rand(10, generator=g) + 0.2

    return loss, ex


@case(
    "b56_supcon_no_positive",
    "HobbitLong/SupContrast#141 nan when an anchor has no positive",
    True,
    {"NAN_DIV0"},
    "mean_pos = (mask * logp).sum(1) / mask.sum(1)",
    "class with one sample in the batch",
)
def _():
    def loss(pred, target):
        z = F.normalize(pred, dim=1)
        sim = z @ z.T / 0.5
        eye = torch.eye(len(z), dtype=torch.bool)
        mask = ((target[:, None] == target[None, :]) & ~eye).float()
        logp = sim - torch.logsumexp(sim.masked_fill(eye, -1e9), dim=1, keepdim=True)
        mean_pos = (mask * logp).sum(1) / mask.sum(1)
        return -mean_pos.mean()

    return loss, emb_labels(9, 6, 3)


@case(
    "b57_empty_mask_mean",
    "Deci-AI/super-gradients#912, NVIDIA-NeMo/Automodel#3796 mean over no element",
    True,
    {"NAN_DIV0"},
    "return err[keep].mean()",
    "batch without a valid pixel",
)
def _():
    def loss(pred, target):
        keep = target > 0
        err = (pred - target).abs()
        return err[keep].mean()

    def ex(seed=0):
        g = _g(seed)
        t = torch.rand(4, 8, generator=g) * 2 - 0.6
        return torch.randn(4, 8, generator=g), t.clamp(min=0)

    return loss, ex

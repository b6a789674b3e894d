"""The third set: correct losses with checkpoints, own functions, masks, odd inputs."""

import collections

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint

from doctor_corpus.case import case
from doctor_corpus.third_inputs import (
    binary,
    classes,
    integer,
    normal,
    normals,
    uniform,
)

Batch = collections.namedtuple("Batch", "x y w")


@case(
    "v43_checkpoint_reentrant",
    "reentrant checkpoint: backward works, autograd.grad does not",
    False,
)
def _():
    torch.manual_seed(0)
    head = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))

    def loss(z, y):
        return F.cross_entropy(checkpoint(head, z, use_reentrant=True), y)

    def ex(seed=0):
        return normal(16, 8, seed=seed), integer(4, 16, seed=seed)

    return loss, ex


@case("v44_checkpoint_non_reentrant", "checkpoint, not reentrant", False)
def _():
    torch.manual_seed(0)
    head = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))

    def loss(z, y):
        return F.cross_entropy(checkpoint(head, z, use_reentrant=False), y)

    def ex(seed=0):
        return normal(16, 8, seed=seed), integer(4, 16, seed=seed)

    return loss, ex


@case(
    "v45_clamp_passed_through",
    "custom Function: clamp with the gradient passed through",
    False,
)
def _():
    class STClamp(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, lo, hi):
            return x.clamp(lo, hi)

        @staticmethod
        def backward(ctx, g):
            return g.clone(), None, None

    def loss(x, y):
        return F.mse_loss(STClamp.apply(x, 0.0, 1.0), y)

    def ex(seed=0):
        return normal(16, 3, seed=seed) * 2, uniform(16, 3, seed=seed)

    return loss, ex


@case(
    "v46_stable_log1mexp", "custom Function with setup_context: log(1 - exp(x))", False
)
def _():
    class Log1mExp(torch.autograd.Function):
        @staticmethod
        def forward(x):
            return torch.where(
                x > -0.6931, torch.log(-torch.expm1(x)), torch.log1p(-torch.exp(x))
            )

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(inputs[0])

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return -g / torch.expm1(-x)

    def loss(logp, y):
        logp = logp.clamp(max=-1e-4)
        return -(y * logp + (1 - y) * Log1mExp.apply(logp)).mean()

    def ex(seed=0):
        return -uniform(16, 3, seed=seed) - 0.1, integer(2, 16, 3, seed=seed).float()

    return loss, ex


@case("v47_semi_hard_triplet", "semi-hard triplet by detached indices", False)
def _():
    def triplet(z, y, m=0.2):
        z = F.normalize(z, dim=1)
        d = torch.cdist(z, z)
        with torch.no_grad():
            same = y[:, None] == y[None]
            pos = (d * same).argmax(1)
            dp = d.gather(1, pos[:, None])
            semi = (~same) & (d > dp)
            neg = torch.where(semi, d, torch.full_like(d, 1e6)).argmin(1)
        return F.relu(
            (z - z[pos]).pow(2).sum(1) - (z - z[neg]).pow(2).sum(1) + m
        ).mean()

    def ex(seed=0):
        return normal(32, 8, seed=seed), torch.arange(32) // 4

    return triplet, ex


@case("v48_barlow_twins", "Barlow twins", False)
def _():
    def barlow(a, b):
        n, d = a.shape
        a = (a - a.mean(0)) / torch.sqrt(a.var(0) + 1e-5)
        b = (b - b.mean(0)) / torch.sqrt(b.var(0) + 1e-5)
        c = a.T @ b / n
        on = torch.diagonal(c).add_(-1).pow_(2).sum()
        off = c.flatten()[:-1].view(d - 1, d + 1)[:, 1:].flatten().pow(2).sum()
        return on + 0.005 * off

    return barlow, normals(32, 6)


@case("v49_symmetric_cross_entropy", "symmetric cross entropy with clamps", False)
def _():
    def sce(x, y):
        ce = F.cross_entropy(x, y)
        p = F.softmax(x, 1).clamp(1e-7, 1.0)
        oh = F.one_hot(y, 5).float().clamp(1e-4, 1.0)
        return 0.1 * ce + (-(p * oh.log()).sum(1)).mean()

    return sce, classes(16, 5)


@case(
    "v50_vae_reparametrised",
    "VAE with randn_like (stochastic)",
    False,
    stochastic=True,
)
def _():
    W = normal(4, 4, seed=9)

    def vae(out, x):
        mu, logvar = out.chunk(2, 1)
        z = mu + torch.randn_like(mu) * (0.5 * logvar).exp()
        kl = -0.5 * (1 + logvar - mu**2 - logvar.exp()).sum(1).mean()
        return F.mse_loss(z @ W, x, reduction="sum") / len(x) + kl

    def ex(seed=0):
        return normal(16, 8, seed=seed), normal(16, 4, seed=seed + 1)

    return vae, ex


@case("v51_empty_mask_exit", "early out for an empty mask", False)
def _():
    def loss(p, t):
        y, m = t
        if not m.any():
            return p.sum() * 0.0
        return F.l1_loss(p[m], y[m])

    def ex(seed=0):
        return normal(16, 4, seed=seed), (
            normal(16, 4, seed=seed + 1),
            integer(2, 16, seed=seed).bool(),
        )

    return loss, ex


@case(
    "v52_logged_and_asserted", "the loss logged to a list, and asserted finite", False
)
def _():
    log = []

    def loss(p, t):
        l = torch.log(torch.cosh((p - t).clamp(-20, 20))).mean()
        assert torch.isfinite(l), "nan"
        log.append(l.item())
        if len(log) > 100:
            log.pop(0)
        return l

    return loss, normals(16, 4)


@case("v53_deep_supervision", "deep supervision with interpolate", False)
def _():
    def ds(x, y):
        total = F.cross_entropy(x, y)
        for k, w in ((4, 0.5), (2, 0.25)):
            small = F.interpolate(x, size=(k, k), mode="bilinear", align_corners=False)
            yy = F.interpolate(y[:, None].float(), size=(k, k), mode="nearest")[
                :, 0
            ].long()
            total = total + w * F.cross_entropy(small, yy)
        return total

    def ex(seed=0):
        return normal(8, 3, 8, 8, seed=seed), integer(3, 8, 8, 8, seed=seed)

    return ds, ex


@case("v54_trimmed_by_quantile", "trimmed loss via quantile of detached errors", False)
def _():
    def trimmed(p, y):
        e = (p - y).abs()
        keep = e.detach() <= torch.quantile(e.detach(), 0.9)
        return e[keep].mean()

    return trimmed, normals(32)


@case("v55_wrapped_angle", "von Mises wrap", False)
def _():
    def angle(p, t):
        d = torch.atan2(torch.sin(p - t), torch.cos(p - t))
        return (d**2).mean()

    def ex(seed=0):
        return normal(16, seed=seed) * 2, normal(16, seed=seed + 1) * 2

    return angle, ex


@case("v56_quaternion_double_cover", "quaternion double cover min", False)
def _():
    def quat(p, q):
        p = F.normalize(p, dim=1)
        return torch.minimum((p - q).norm(dim=1), (p + q).norm(dim=1)).mean()

    def ex(seed=0):
        pred = normal(16, 4, seed=seed)
        target = F.normalize(normal(16, 4, seed=seed + 1), dim=1)
        return pred, target

    return quat, ex


@case(
    "v57_boundary_distance_map",
    "boundary loss: scipy distance map of the target",
    False,
)
def _():
    from scipy.ndimage import distance_transform_edt as edt

    def boundary(x, y):
        t = y.cpu().numpy().astype(bool)
        d = np.stack([edt(~m) * (~m) - (edt(m) - 1) * m for m in t])
        return (torch.sigmoid(x) * torch.from_numpy(d).to(x)).mean()

    return boundary, binary(8, 1, 8, 8)


@case("v58_smape", "SMAPE", False)
def _():
    def smape(p, t):
        return (2 * (p - t).abs() / (p.abs() + t.abs() + 1e-6)).mean()

    return smape, normals(16, 5)


@case("v59_weighted_poisson", "namedtuple target, weighted Poisson", False)
def _():
    def poisson(p, b):
        return (
            b.w * F.poisson_nll_loss(p, b.y, log_input=True, reduction="none")
        ).sum() / b.w.sum()

    def ex(seed=0):
        pred = normal(16, seed=seed)
        target = Batch(
            None, integer(6, 16, seed=seed).float(), uniform(16, seed=seed) + 0.1
        )
        return pred, target

    return poisson, ex


@case("v60_graph_smoothness", "graph Laplacian smoothness, sparse product", False)
def _():
    i = torch.arange(15)
    idx = torch.stack([torch.cat([i, i + 1]), torch.cat([i + 1, i])])

    def loss(p, y):
        A = torch.sparse_coo_tensor(idx, torch.ones(30, dtype=p.dtype), (16, 16))
        return F.mse_loss(p, y) + 0.1 * (p - torch.sparse.mm(A, p) / 2).pow(2).mean()

    return loss, normals(16, 3)


@case("v61_bfloat16_cross_entropy", "bf16 prediction, CE", False)
def _():
    def loss(x, y):
        return F.cross_entropy(x.float(), y)

    def ex(seed=0):
        return normal(16, 5, seed=seed).bfloat16(), integer(5, 16, seed=seed)

    return loss, ex


@case("v62_tanh_squashed_policy", "tanh-squashed log probability (SAC)", False)
def _():
    def sac(out, b):
        act, q = b
        mu, ls = out.chunk(2, 1)
        ls = ls.clamp(-5, 2)
        pre = torch.atanh(act)
        lp = torch.distributions.Normal(mu, ls.exp()).log_prob(pre) - torch.log(
            1 - act**2 + 1e-6
        )
        w = torch.softmax(q, 0) * len(q)
        return -(w * lp.sum(1)).mean()

    def ex(seed=0):
        return normal(16, 4, seed=seed), (
            normal(16, 2, seed=seed + 1).tanh() * 0.9,
            normal(16, seed=seed + 2),
        )

    return sac, ex


@case(
    "v63_self_adversarial_negatives",
    "self-adversarial negative sampling (RotatE)",
    False,
)
def _():
    def rotate(s):
        pos, neg = s[:, 0], s[:, 1:]
        w = F.softmax(neg * 1.0, dim=1).detach()
        return (-F.logsigmoid(pos) - (w * F.logsigmoid(-neg)).sum(1)).mean() / 2

    def ex(seed=0):
        return normal(16, 9, seed=seed), None

    return rotate, ex


@case("v64_loss_and_logs", "the loss and a dict of logs", False)
def _():
    def loss(x, y):
        l = F.cross_entropy(x, y)
        return l, {"acc": (x.argmax(1) == y).float().mean().item(), "loss": l.detach()}

    return loss, classes(16, 5)


@case("v65_fixmatch", "FixMatch pseudo labels, mask by confidence", False)
def _():
    def fixmatch(x, y):
        weak, strong = x[:, 0], x[:, 1]
        with torch.no_grad():
            conf, pl = weak.softmax(1).max(1)
            m = (conf >= 0.7).float()
        return (
            F.cross_entropy(weak, y)
            + (F.cross_entropy(strong, pl, reduction="none") * m).mean()
        )

    def ex(seed=0):
        return normal(16, 2, 4, seed=seed) * 3, integer(4, 16, seed=seed)

    return fixmatch, ex


@case("v66_logging_hook", "retain_grad and a hook that logs", False)
def _():
    norms = []

    def loss(p, t):
        h = p * 2
        if h.requires_grad:
            h.retain_grad()
            h.register_hook(lambda g: norms.append(g.norm().item()))
        return F.huber_loss(h, t)

    return loss, normals(16, 3)

"""A third set, by a second author: correct losses as published code writes them."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F

from doctor_corpus.case import case
from doctor_corpus.third_inputs import (
    boxes,
    classes,
    integer,
    normal,
    normals,
    uniform,
)


@case("v01_soft_dtw", "soft-DTW loop", False)
def _():
    def soft_dtw(x, y, gamma=1.0):
        D = torch.cdist(x, y).pow(2)
        B, n, m = D.shape
        inf = D.new_full((B,), 1e8)
        Rm = {(0, 0): D.new_zeros(B)}
        for i in range(1, n + 1):
            for j in range(1, m + 1):
                prev = torch.stack(
                    [
                        Rm.get((i - 1, j), inf),
                        Rm.get((i, j - 1), inf),
                        Rm.get((i - 1, j - 1), inf),
                    ]
                )
                Rm[i, j] = D[:, i - 1, j - 1] - gamma * torch.logsumexp(
                    -prev / gamma, 0
                )
        return Rm[n, m].mean()

    return soft_dtw, normals(8, 6, 2)


@case("v02_ciou", "CIoU ultralytics (alpha no_grad)", False)
def _():
    def ciou(p, t, eps=1e-7):
        w1, h1 = p[:, 2] - p[:, 0], p[:, 3] - p[:, 1] + eps
        w2, h2 = t[:, 2] - t[:, 0], t[:, 3] - t[:, 1] + eps
        inter = (torch.min(p[:, 2], t[:, 2]) - torch.max(p[:, 0], t[:, 0])).clamp(0) * (
            torch.min(p[:, 3], t[:, 3]) - torch.max(p[:, 1], t[:, 1])
        ).clamp(0)
        union = w1 * h1 + w2 * h2 - inter + eps
        iou = inter / union
        cw = torch.max(p[:, 2], t[:, 2]) - torch.min(p[:, 0], t[:, 0])
        ch = torch.max(p[:, 3], t[:, 3]) - torch.min(p[:, 1], t[:, 1])
        c2 = cw**2 + ch**2 + eps
        rho2 = (
            (t[:, 0] + t[:, 2] - p[:, 0] - p[:, 2]) ** 2
            + (t[:, 1] + t[:, 3] - p[:, 1] - p[:, 3]) ** 2
        ) / 4
        v = (4 / math.pi**2) * (torch.atan(w2 / h2) - torch.atan(w1 / h1)).pow(2)
        with torch.no_grad():
            alpha = v / (v - iou + (1 + eps))
        return (1 - (iou - (rho2 / c2 + v * alpha))).mean()

    def ex(seed=0):
        return boxes(16, seed=seed), boxes(16, seed=seed + 5)

    return ciou, ex


@case("v03_detr_matching", "DETR Hungarian matching", False)
def _():
    from scipy.optimize import linear_sum_assignment

    def loss(out, target):
        labels, bx = target
        logits, pb = out[..., :5], out[..., 5:].sigmoid()
        total = 0
        for b in range(len(out)):
            with torch.no_grad():
                cost = -logits[b].softmax(-1)[:, labels[b]] + torch.cdist(
                    pb[b], bx[b], p=1
                )
                row, col = linear_sum_assignment(cost.cpu().numpy())
            cls = torch.full((len(logits[b]),), 4)
            cls[row] = labels[b][col]
            total = (
                total
                + F.cross_entropy(logits[b], cls)
                + 5 * F.l1_loss(pb[b][row], bx[b][col])
            )
        return total / len(out)

    def ex(seed=0):
        return normal(8, 6, 9, seed=seed), (
            integer(4, 8, 3, seed=seed),
            uniform(8, 3, 4, seed=seed + 3),
        )

    return loss, ex


@case("v04_multibox_hard_negatives", "SSD multibox hard negative 3:1", False)
def _():
    def loss(conf, labels):
        ce = F.cross_entropy(conf.view(-1, 4), labels.view(-1), reduction="none").view(
            labels.shape
        )
        pos = labels > 0
        with torch.no_grad():
            bg = -F.log_softmax(conf, 2)[:, :, 0]
            bg[pos] = -math.inf
            _, idx = bg.sort(1, descending=True)
            _, rank = idx.sort(1)
            neg = rank < 3 * pos.sum(1, keepdim=True)
        return ce[pos | neg].sum() / pos.sum().clamp(min=1)

    def ex(seed=0):
        pred = normal(8, 20, 4, seed=seed)
        target = (
            integer(4, 8, 20, seed=seed) * (uniform(8, 20, seed=seed + 9) > 0.8).long()
        )
        return pred, target

    return loss, ex


@case("v05_ppo_entropy", "PPO clipped with entropy", False)
def _():
    def ppo(logits, b):
        dist = torch.distributions.Categorical(logits=logits)
        ratio = (dist.log_prob(b["a"]) - b["logp"]).exp()
        adv = (b["adv"] - b["adv"].mean()) / (b["adv"].std() + 1e-8)
        s1, s2 = ratio * adv, torch.clamp(ratio, 0.8, 1.2) * adv
        return -torch.min(s1, s2).mean() - 0.01 * dist.entropy().mean()

    def ex(seed=0):
        return normal(32, 4, seed=seed), {
            "a": integer(4, 32, seed=seed),
            "logp": -1.4 + 0.1 * normal(32, seed=seed + 2),
            "adv": normal(32, seed=seed + 3),
        }

    return ppo, ex


@case("v06_a2c", "A2C actor critic", False)
def _():
    def a2c(out, batch):
        act, ret = batch
        logits, value = out[:, :4], out[:, 4]
        adv = (ret - value).detach()
        logp = F.log_softmax(logits, 1).gather(1, act[:, None]).squeeze(1)
        return -(logp * adv).mean() + 0.5 * F.mse_loss(value, ret)

    def ex(seed=0):
        return normal(16, 5, seed=seed), (
            integer(4, 16, seed=seed),
            normal(16, seed=seed + 4),
        )

    return a2c, ex


@case(
    "v07_dqn_semi_gradient", "DQN semi-gradient, next q in the same prediction", False
)
def _():
    def dqn(q, batch):
        a, r, done = batch
        now = q[:, 0].gather(1, a.unsqueeze(1)).squeeze(1)
        with torch.no_grad():
            target = r + 0.99 * (1 - done) * q[:, 1].max(1).values
        return F.smooth_l1_loss(now, target)

    def ex(seed=0):
        return normal(16, 2, 4, seed=seed), (
            integer(4, 16, seed=seed),
            normal(16, seed=seed + 4),
            integer(2, 16, seed=seed + 5).float(),
        )

    return dqn, ex


@case("v08_beta_nll", "beta-NLL", False)
def _():
    def beta_nll(out, y, beta=0.5):
        mean, var = out[:, 0], F.softplus(out[:, 1]) + 1e-6
        nll = 0.5 * ((y - mean) ** 2 / var + var.log())
        return (nll * var.detach() ** beta).mean()

    def ex(seed=0):
        return normal(16, 2, seed=seed), normal(16, seed=seed + 1)

    return beta_nll, ex


@case("v09_mixture_density", "mixture density network", False)
def _():
    def mdn(out, y):
        pi, mu, ls = out.chunk(3, dim=1)
        comp = torch.distributions.Normal(mu, F.softplus(ls) + 1e-3).log_prob(
            y[:, None]
        )
        return -torch.logsumexp(F.log_softmax(pi, 1) + comp, 1).mean()

    def ex(seed=0):
        return normal(16, 9, seed=seed), normal(16, seed=seed + 1)

    return mdn, ex


@case("v10_deephit", "DeepHit: likelihood + ranking", False)
def _():
    def deephit(phi, target):
        t, e = target
        pmf = F.softmax(phi, 1)
        cif = pmf.cumsum(1)
        at = pmf.gather(1, t[:, None]).squeeze(1)
        surv = 1 - cif.gather(1, t[:, None]).squeeze(1)
        nll = -(
            e * torch.log(at + 1e-7) + (1 - e) * torch.log(surv.clamp(min=0) + 1e-7)
        ).mean()
        rank = ((t[:, None] < t[None]) & (e[:, None] == 1)).float()
        F_ = cif[:, t].T  # F_[i,j]: cif of j at t_i
        own = cif.gather(1, t[:, None])
        return nll + 0.2 * (rank * torch.exp((F_ - own) / 0.1 * 0.1)).mean()

    def ex(seed=0):
        return normal(16, 8, seed=seed), (
            integer(8, 16, seed=seed),
            integer(2, 16, seed=seed + 2).float(),
        )

    return deephit, ex


@case("v11_corn", "CORN ordinal", False)
def _():
    def corn(logits, y):
        total, n = 0.0, 0
        for k in range(logits.shape[1]):
            mask = y > k - 1
            if mask.sum() < 1:
                continue
            lab = (y[mask] > k).to(logits.dtype)
            z = logits[mask, k]
            total = total - torch.sum(
                F.logsigmoid(z) * lab + (F.logsigmoid(z) - z) * (1 - lab)
            )
            n += int(mask.sum())
        return total / n

    def ex(seed=0):
        return normal(16, 4, seed=seed), integer(5, 16, seed=seed)

    return corn, ex


@case("v12_pinn_residual", "PINN residual, weights as the prediction", False)
def _():
    def pinn(w, x):
        x = x.clone().requires_grad_(True)
        u = (torch.tanh(x * w[0] + w[1]) * w[2]).sum(1, keepdim=True)
        (du,) = torch.autograd.grad(u, x, torch.ones_like(u), create_graph=True)
        (d2,) = torch.autograd.grad(du, x, torch.ones_like(du), create_graph=True)
        return (d2 + math.pi**2 * torch.sin(math.pi * x)).pow(2).mean() + u[0].pow(
            2
        ).sum()

    def ex(seed=0):
        return normal(3, 16, seed=seed) * 0.5, uniform(20, 1, seed=seed)

    return pinn, ex


@case("v13_wgan_gp", "WGAN-GP on fake through closure critic", False)
def _():
    torch.manual_seed(0)
    D = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 1))

    def wgan_gp(fake, real):
        eps = torch.rand(len(real), 1)
        mid = eps * real + (1 - eps) * fake
        (g,) = torch.autograd.grad(D(mid).sum(), mid, create_graph=True)
        return -D(fake).mean() + 10 * ((g.norm(2, dim=1) - 1) ** 2).mean()

    return wgan_gp, normals(16, 8)


@case("v14_ctc_batch_first", "CTC wrapped (B,T,C)", False)
def _():
    def ctc(logits, target):
        y, ylen = target
        lp = F.log_softmax(logits, -1).transpose(0, 1)
        xlen = torch.full((logits.shape[0],), logits.shape[1], dtype=torch.long)
        return F.ctc_loss(lp, y, xlen, ylen, blank=0, zero_infinity=True)

    def ex(seed=0):
        return normal(8, 12, 6, seed=seed), (
            1 + integer(5, 8, 4, seed=seed),
            torch.full((8,), 4),
        )

    return ctc, ex


@case("v15_distillation", "knowledge distillation T^2", False)
def _():
    def kd(s, target, T=4.0, alpha=0.7):
        teacher, y = target
        soft = (
            F.kl_div(
                F.log_softmax(s / T, 1),
                F.softmax(teacher / T, 1),
                reduction="batchmean",
            )
            * T
            * T
        )
        return alpha * soft + (1 - alpha) * F.cross_entropy(s, y)

    def ex(seed=0):
        return normal(16, 5, seed=seed), (
            normal(16, 5, seed=seed + 1),
            integer(5, 16, seed=seed),
        )

    return kd, ex


@case("v16_label_smoothing_scatter", "label smoothing via scatter_ in no_grad", False)
def _():
    class LabelSmoothing(nn.Module):
        def __init__(self, n, eps=0.1):
            super().__init__()
            self.n, self.eps = n, eps

        def forward(self, pred, target):
            logp = pred.log_softmax(-1)
            with torch.no_grad():
                true = torch.zeros_like(logp)
                true.fill_(self.eps / (self.n - 1))
                true.scatter_(1, target.data.unsqueeze(1), 1 - self.eps)
            return torch.mean(torch.sum(-true * logp, -1))

    return LabelSmoothing(6), classes(16, 6)


@case("v17_mixup_tuple", "mixup tuple target", False)
def _():
    def mixup(pred, t):
        a, b, lam = t
        return lam * F.cross_entropy(pred, a) + (1 - lam) * F.cross_entropy(pred, b)

    def ex(seed=0):
        return normal(16, 5, seed=seed), (
            integer(5, 16, seed=seed),
            integer(5, 16, seed=seed + 1),
            0.3,
        )

    return mixup, ex


@case("v18_padded_mse", "padded sequence masked MSE with lengths", False)
def _():
    def masked(pred, t):
        y, n = t
        mask = (
            (torch.arange(pred.shape[1])[None] < n[:, None])
            .unsqueeze(-1)
            .expand_as(pred)
        )
        err = F.mse_loss(pred, y, reduction="none").masked_fill(~mask, 0.0)
        return err.sum() / mask.sum().clamp(min=1)

    def ex(seed=0):
        return normal(8, 10, 3, seed=seed), (
            normal(8, 10, 3, seed=seed + 1),
            torch.tensor([10, 3, 5, 7, 1, 2, 9, 4]),
        )

    return masked, ex

"""A third set, by a second author: gradients cut, terms dead, values not finite."""

import math

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

from doctor_corpus.case import case
from doctor_corpus.third_inputs import (
    classes,
    integer,
    normal,
    normals,
    uniform,
)


@case(
    "u01_rasterised_iou",
    "IoU of rasterised boxes",
    True,
    {"INT_CAST", "PIECEWISE_CONST"},
    "q = (b * 32).long()",
)
def _():
    def raster(b):
        q = (b * 32).long()
        m = torch.zeros(len(b), 32, 32)
        for i, (x1, y1, x2, y2) in enumerate(q.tolist()):
            m[i, y1:y2, x1:x2] = 1
        return m

    def loss(p, t):
        a, b = raster(p), raster(t)
        return 1 - (a * b).sum() / (a + b).clamp(max=1).sum()

    def ex(seed=0):
        pred = uniform(8, 4, seed=seed) * 0.4 + torch.tensor([0, 0, 0.5, 0.5])
        target = uniform(8, 4, seed=seed + 1) * 0.4 + torch.tensor([0, 0, 0.5, 0.5])
        return pred, target

    return loss, ex


@case(
    "u02_ppo_no_grad_log_prob",
    "PPO with log prob under no_grad, entropy live",
    True,
    {"DEAD_TERM", "NO_GRAD"},
    "with torch.no_grad():||logp = logp_all.gather(",
)
def _():
    def ppo(logits, b):
        logp_all = F.log_softmax(logits, 1)
        with torch.no_grad():
            logp = logp_all.gather(1, b["a"][:, None]).squeeze(1)
        ratio = torch.exp(logp - b["logp"])
        pg = -torch.min(ratio * b["adv"], ratio.clamp(0.8, 1.2) * b["adv"]).mean()
        ent = -(logp_all.exp() * logp_all).sum(1).mean()
        return pg - 0.01 * ent

    def ex(seed=0):
        return normal(16, 4, seed=seed), {
            "a": integer(4, 16, seed=seed),
            "logp": -1.4 + 0.1 * normal(16, seed=seed + 2),
            "adv": normal(16, seed=seed + 3),
        }

    return ppo, ex


@case(
    "u03_a2c_detached_value_error",
    "A2C: value loss from detached advantage",
    True,
    {"DEAD_TERM", "DETACH"},
    "adv = (ret - value).detach()",
)
def _():
    def a2c(out, batch):
        act, ret = batch
        logits, value = out[:, :4], out[:, 4]
        adv = (ret - value).detach()
        logp = F.log_softmax(logits, 1).gather(1, act[:, None]).squeeze(1)
        return -(logp * adv).mean() + 0.5 * adv.pow(2).mean()

    def ex(seed=0):
        return normal(16, 5, seed=seed), (
            integer(4, 16, seed=seed),
            normal(16, seed=seed + 4),
        )

    return a2c, ex


@case(
    "u04_vae_normal_sample",
    "VAE sampled by Normal.sample",
    True,
    {"DEAD_TERM", "DETACH", "NONDIFF_OP", "NO_GRAD"},
    "z = q.sample()",
    stochastic=True,
)
def _():
    W = normal(4, 4, seed=9)

    def vae(out, x):
        mu, logvar = out.chunk(2, 1)
        q = torch.distributions.Normal(mu, (0.5 * logvar).exp())
        z = q.sample()
        kl = -0.5 * (1 + logvar - mu**2 - logvar.exp()).sum(1).mean()
        return F.mse_loss(z @ W, x) + kl

    def ex(seed=0):
        return normal(16, 8, seed=seed), normal(16, 4, seed=seed + 1)

    return vae, ex


@case(
    "u05_vae_torch_normal",
    "VAE sampled by torch.normal(mu, std)",
    True,
    {"DEAD_TERM", "NONDIFF_OP", "NO_GRAD", "PIECEWISE_CONST", "WRONG_BACKWARD"},
    "z = torch.normal(",
    stochastic=True,
)
def _():
    W = normal(4, 4, seed=9)

    def vae(out, x):
        mu, logvar = out.chunk(2, 1)
        z = torch.normal(mu, (0.5 * logvar).exp())
        kl = -0.5 * (1 + logvar - mu**2 - logvar.exp()).sum(1).mean()
        return F.mse_loss(z @ W, x) + 0.1 * kl

    def ex(seed=0):
        return normal(16, 8, seed=seed), normal(16, 4, seed=seed + 1)

    return vae, ex


@case(
    "u06_straight_through_detached",
    "straight-through with all of the gate detached",
    True,
    {"DETACH", "HARD_THRESHOLD", "INDEX_OP"},
    "hard = F.one_hot(soft.argmax(1), 6)||gate = (hard - soft + soft).detach()",
)
def _():
    def loss(x, y):
        soft = F.softmax(x, 1)
        hard = F.one_hot(soft.argmax(1), 6).float()
        gate = (hard - soft + soft).detach()
        return F.mse_loss(gate * y.abs(), y)

    return loss, normals(16, 6)


@case(
    "u07_hard_ndcg",
    "NDCG hard: relevance gathered in predicted order",
    True,
    {"INDEX_OP"},
    "order = s.argsort(",
)
def _():
    def ndcg_loss(s, rel):
        order = s.argsort(1, descending=True)
        got = (2 ** rel.gather(1, order) - 1) / torch.log2(torch.arange(8) + 2.0)
        best = (2 ** rel.sort(1, descending=True).values - 1) / torch.log2(
            torch.arange(8) + 2.0
        )
        return 1 - (got.sum(1) / best.sum(1).clamp(min=1e-6)).mean()

    def ex(seed=0):
        return normal(16, 8, seed=seed), integer(4, 16, 8, seed=seed).float()

    return ndcg_loss, ex


@case(
    "u08_concordance_index",
    "concordance index",
    True,
    {"HARD_THRESHOLD"},
    "(risk[i] > risk[j])",
)
def _():
    def cindex(risk, target):
        t, e = target
        num = den = 0.0
        for i in range(len(t)):
            for j in range(len(t)):
                if e[i] == 1 and t[i] < t[j]:
                    den += 1
                    num = num + (risk[i] > risk[j]).float()
        return 1 - num / max(den, 1)

    def ex(seed=0):
        return normal(16, seed=seed), (
            uniform(16, seed=seed),
            integer(2, 16, seed=seed + 4),
        )

    return cindex, ex


@case(
    "u09_ordinal_level_count",
    "ordinal level count",
    True,
    {"HARD_THRESHOLD"},
    "level = (torch.sigmoid(x) > 0.5)",
)
def _():
    def loss(x, y):
        level = (torch.sigmoid(x) > 0.5).sum(1)
        return (level - y).abs().float().mean()

    def ex(seed=0):
        return normal(16, 4, seed=seed), integer(5, 16, seed=seed)

    return loss, ex


@case(
    "u10_coverage_by_counting",
    "pinball plus coverage penalty by counting",
    True,
    {"DEAD_TERM", "HARD_THRESHOLD"},
    "cover = (y[:, None] <= p)",
)
def _():
    q = torch.tensor([0.1, 0.5, 0.9])

    def loss(p, y):
        e = y[:, None] - p
        pin = torch.max(q * e, (q - 1) * e).mean()
        cover = (y[:, None] <= p).to(p.dtype).mean(0)
        return pin + (cover - q).pow(2).sum()

    def ex(seed=0):
        return normal(32, 3, seed=seed), normal(32, seed=seed + 1)

    return loss, ex


@case(
    "u11_pinn_without_create_graph",
    "PINN, grad without create_graph",
    True,
    {"DEAD_TERM", "DETACH", "NONDIFF_OP", "NO_GRAD", "UNSEEN_CUT"},
    "du = torch.autograd.grad(",
)
def _():
    def pinn(w, x):
        x = x.clone().requires_grad_(True)
        u = (torch.tanh(x * w[0] + w[1]) * w[2]).sum(1, keepdim=True)
        du = torch.autograd.grad(u, x, torch.ones_like(u), retain_graph=True)[0]
        return (du - torch.cos(x)).pow(2).mean() + u[0].pow(2).sum()

    def ex(seed=0):
        return normal(3, 16, seed=seed) * 0.5, uniform(20, 1, seed=seed)

    return pinn, ex


@case(
    "u12_penalty_without_create_graph",
    "gradient penalty without create_graph",
    True,
    {"DEAD_TERM", "DETACH", "NONDIFF_OP", "NO_GRAD", "UNSEEN_CUT"},
    "g = torch.autograd.grad(",
)
def _():
    torch.manual_seed(0)
    D = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 1))

    def loss(fake, real):
        mid = 0.5 * real + 0.5 * fake
        g = torch.autograd.grad(outputs=D(mid).sum(), inputs=mid, retain_graph=True)[0]
        gp = ((g.norm(2, dim=1) - 1) ** 2).mean()
        return D(fake).mean() - D(real).mean() + 10 * gp

    return loss, normals(16, 8)


@case(
    "u13_dtw_in_numpy",
    "DTW in numpy",
    True,
    {"NUMPY_ESCAPE"},
    "a = p.detach().cpu().numpy()",
)
def _():
    def dtw(a, b):
        D = np.full((len(a) + 1, len(b) + 1), np.inf)
        D[0, 0] = 0
        for i in range(len(a)):
            for j in range(len(b)):
                D[i + 1, j + 1] = abs(a[i] - b[j]) + min(
                    D[i, j + 1], D[i + 1, j], D[i, j]
                )
        return D[-1, -1]

    def loss(p, y):
        a = p.detach().cpu().numpy()
        b = y.cpu().numpy()
        return torch.tensor(
            np.mean([dtw(u, v) for u, v in zip(a, b)]), requires_grad=True
        )

    return loss, normals(8, 6)


@case(
    "u14_fully_masked_attention",
    "attention over a fully masked row",
    True,
    {"NAN_DIV0", "NAN_SINGULAR", "NAN_WHERE"},
    "w = F.softmax(s.masked_fill(",
)
def _():
    vals = normal(8, 5, seed=3)

    def loss(s, t):
        y, m = t
        w = F.softmax(s.masked_fill(m == 0, float("-inf")), 1)
        return F.mse_loss((w * vals.to(w)).sum(1), y)

    def ex(seed=0):
        return normal(8, 5, seed=seed), (
            normal(8, seed=seed + 1),
            torch.cat(
                [integer(2, 7, 5, seed=seed), torch.zeros(1, 5, dtype=torch.long)]
            ),
        )

    return loss, ex


@case(
    "u15_masked_action_entropy",
    "masked-action entropy: 0 * -inf",
    True,
    {"NAN_DIV0", "NAN_SINGULAR", "NAN_WHERE"},
    "ent = -(p * logp)||logp = F.log_softmax(x.masked_fill(",
)
def _():
    def loss(x, b):
        a, adv, ok = b
        logp = F.log_softmax(x.masked_fill(~ok, -math.inf), 1)
        p = logp.exp()
        ent = -(p * logp).sum(1).mean()
        return -(logp.gather(1, a[:, None]).squeeze(1) * adv).mean() - 0.01 * ent

    def ex(seed=0):
        return normal(16, 4, seed=seed), (
            torch.zeros(16, dtype=torch.long),
            normal(16, seed=seed + 2),
            torch.tensor([[1, 1, 0, 1]] * 16).bool(),
        )

    return loss, ex


@case(
    "u16_running_mean_keeps_graph",
    "the running mean keeps the graph of the last call",
    True,
    {"EXCEPTION", "INPLACE", "MUTATES_INPUT", "NONDET"},
    "self.avg = 0.9 * self.avg + 0.1 * l",
    "backward a second time raises",
)
def _():
    class L(nn.Module):
        def __init__(self):
            super().__init__()
            self.avg = torch.tensor(0.0)

        def forward(self, p, t):
            l = F.mse_loss(p, t)
            self.avg = 0.9 * self.avg + 0.1 * l
            return self.avg

    return L(), normals(16, 3)


@case(
    "u17_ema_buffer_returned",
    "EMA buffer returned",
    True,
    {"DETACH", "NO_GRAD"},
    "with torch.no_grad():||self.ema.mul_(||return self.ema",
)
def _():
    class L(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("ema", torch.tensor(1.0))

        def forward(self, p, t):
            l = F.l1_loss(p, t)
            with torch.no_grad():
                self.ema.mul_(0.9).add_(l, alpha=0.1)
            return self.ema

    return L(), normals(16, 3)


@case(
    "u18_huber_backward_scale",
    "custom Function, Huber backward without the scale",
    True,
    {"WRONG_BACKWARD"},
    "def backward(ctx, g)||return e.clamp(-ctx.delta||Huber.apply(",
)
def _():
    class Huber(torch.autograd.Function):
        @staticmethod
        def forward(ctx, e, delta):
            ctx.save_for_backward(e)
            ctx.delta = delta
            a = e.abs()
            return torch.where(a < delta, 0.5 * e * e, delta * (a - 0.5 * delta)).mean()

        @staticmethod
        def backward(ctx, g):
            (e,) = ctx.saved_tensors
            return e.clamp(-ctx.delta, ctx.delta), None

    def loss(p, t):
        return Huber.apply(p - t, 1.0)

    def ex(seed=0):
        return normal(16, 3, seed=seed) * 3, normal(16, 3, seed=seed + 1)

    return loss, ex


@case(
    "u19_exp_in_half",
    "exp in half precision",
    True,
    {"OVERFLOW"},
    "torch.exp(h)",
)
def _():
    def loss(x, t):
        h = x.half()
        return (torch.exp(h).float().log1p() - t.abs()).pow(2).mean()

    def ex(seed=0):
        return normal(16, 3, seed=seed) * 3, normal(16, 3, seed=seed + 1)

    return loss, ex


@case(
    "u20_compiled_argmax",
    "torch.compile'd with argmax",
    True,
    {"INDEX_OP"},
    "guess = x.argmax(1)",
)
def _():
    @torch.compile
    def loss(x, y):
        guess = x.argmax(1)
        return (guess != y).float().mean()

    return loss, classes(16, 5)


@case(
    "u21_vmapped_round",
    "vmap with round",
    True,
    {"PIECEWISE_CONST"},
    "q = torch.round(a * 2)",
)
def _():
    def one(a, b):
        q = torch.round(a * 2) / 2
        return (q - b).pow(2).mean()

    def loss(p, t):
        return torch.func.vmap(one)(p, t).mean()

    return loss, normals(16, 5)

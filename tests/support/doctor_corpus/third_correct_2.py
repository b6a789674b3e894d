"""The third set: correct losses with state, of rankings, transport and sound."""

import itertools

import torch
import torch.nn as nn
import torch.nn.functional as F

from doctor_corpus.case import case
from doctor_corpus.third_inputs import (
    binary,
    integer,
    missing,
    normal,
    normals,
    uniform,
)


@case(
    "v19_uncertainty_weighting",
    "Kendall's uncertainty weighting, a dict of predictions",
    False,
)
def _():
    class Multi(nn.Module):
        def __init__(self):
            super().__init__()
            self.log_vars = nn.Parameter(torch.zeros(2))

        def forward(self, p, t):
            l = torch.stack(
                [F.cross_entropy(p["cls"], t["c"]), F.mse_loss(p["reg"], t["r"])]
            )
            return (torch.exp(-self.log_vars) * l + self.log_vars).sum()

    m = Multi()

    def loss(p, t):
        return m({"cls": p[:, :5], "reg": p[:, 5]}, t)

    def ex(seed=0):
        return normal(16, 6, seed=seed), {
            "c": integer(5, 16, seed=seed),
            "r": normal(16, seed=seed + 2),
        }

    return loss, ex


@case("v20_ema_normalised", "loss normalised by its own EMA buffer", False)
def _():
    class Norm(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("ema", torch.tensor(1.0))
            self.register_buffer("n", torch.tensor(0))

        def forward(self, p, t):
            l = F.smooth_l1_loss(p, t)
            if self.training:
                with torch.no_grad():
                    self.ema.mul_(0.9).add_(0.1 * l)
                    self.n += 1
            return l / self.ema.clamp(min=1e-6)

    return Norm(), normals(16, 3)


@case("v21_autocast_prototypes", "autocast bf16 with prototypes", False)
def _():
    W = normal(4, 8, seed=7)

    def loss(z, y):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = z @ W.T
        return F.cross_entropy(logits.float(), y)

    def ex(seed=0):
        return normal(16, 8, seed=seed), integer(4, 16, seed=seed)

    return loss, ex


@case("v22_compiled_focal_tversky", "torch.compile'd focal Tversky", False)
def _():
    @torch.compile
    def focal_tversky(x, y):
        p = torch.sigmoid(x).flatten(1)
        t = y.flatten(1)
        tp = (p * t).sum(1)
        fp = (p * (1 - t)).sum(1)
        fn = ((1 - p) * t).sum(1)
        ti = (tp + 1) / (tp + 0.3 * fp + 0.7 * fn + 1)
        return ((1 - ti) ** 0.75).mean()

    return focal_tversky, binary(8, 1, 6, 6)


@case("v23_sobolev_vmap", "Sobolev training: vmap of grad", False)
def _():
    def f(x, w):
        return (torch.tanh(x[0] * w[0] + x[1] * w[1]) * w[2]).sum()

    def sobolev(w, x):
        g = torch.func.vmap(torch.func.grad(f), in_dims=(0, None))(x, w)
        v = torch.func.vmap(f, in_dims=(0, None))(x, w)
        return (v - x.sum(1)).pow(2).mean() + (g - 1).pow(2).mean()

    def ex(seed=0):
        return normal(3, 8, seed=seed) * 0.5, normal(16, 2, seed=seed + 1)

    return sobolev, ex


@case("v24_nt_xent", "NT-Xent of 2N stacked views, the diagonal filled in place", False)
def _():
    def nt_xent(z, tau=0.5):
        n = len(z) // 2
        z = F.normalize(z, dim=1)
        sim = z @ z.T / tau
        sim.fill_diagonal_(-1e9)
        lab = (torch.arange(2 * n) + n) % (2 * n)
        return F.cross_entropy(sim[: 2 * n, : 2 * n], lab)

    def ex(seed=0):
        return normal(32, 16, seed=seed), None

    return nt_xent, ex


@case(
    "v25_supcon_two_views", "contrast of two stacked views, 64 samples, no guard", False
)
def _():
    def supcon(z, y, tau=0.1):
        z = F.normalize(z, dim=1)
        sim = z @ z.T / tau
        eye = torch.eye(len(z), dtype=torch.bool)
        pos = (y[:, None] == y[None]) & ~eye
        logp = sim - torch.logsumexp(sim.masked_fill(eye, -1e9), 1, keepdim=True)
        return -((logp * pos).sum(1) / pos.sum(1)).mean()

    def ex(seed=0):
        return normal(64, 16, seed=seed), torch.arange(32).repeat(2)

    return supcon, ex


@case("v26_clip_einsum", "CLIP symmetric einsum", False)
def _():
    class Clip(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.tensor(2.6))

        def forward(self, a, b):
            s = self.scale.exp().clamp(max=100) * torch.einsum(
                "id,jd->ij", F.normalize(a, dim=-1), F.normalize(b, dim=-1)
            )
            y = torch.arange(len(a), device=a.device)
            return (F.cross_entropy(s, y) + F.cross_entropy(s.T, y)) / 2

    return Clip(), normals(16, 8)


@case("v27_mean_per_graph", "per-graph mean by scatter_add", False)
def _():
    def per_graph(p, t):
        y, g = t
        err = (p - y).abs().sum(1)
        n = int(g.max()) + 1
        s = (
            torch.zeros(n).scatter_add(0, g, err)
            if err.dtype == torch.float32
            else err.new_zeros(n).scatter_add(0, g, err)
        )
        c = torch.bincount(g, minlength=n).clamp(min=1)
        return (s / c).mean()

    def ex(seed=0):
        return normal(24, 2, seed=seed), (
            normal(24, 2, seed=seed + 1),
            torch.arange(24) // 4,
        )

    return per_graph, ex


@case("v28_listmle", "ListMLE", False)
def _():
    def listmle(s, rel, eps=1e-10):
        order = rel.argsort(1, descending=True)
        s = s.gather(1, order)
        tail = torch.logcumsumexp(s.flip(1), 1).flip(1)
        return (tail - s).sum(1).mean()

    return listmle, normals(16, 6)


@case("v29_lambdarank", "LambdaRank with ranks of detached scores", False)
def _():
    def lambdarank(s, rel):
        rank = s.detach().argsort(1, descending=True).argsort(1)
        disc = 1 / torch.log2(rank + 2.0)
        gain = 2**rel - 1
        delta = (gain[:, :, None] - gain[:, None]) * (disc[:, :, None] - disc[:, None])
        pair = rel[:, :, None] > rel[:, None]
        l = F.softplus(-(s[:, :, None] - s[:, None])) * delta.abs()
        return l[pair].sum() / pair.sum().clamp(min=1)

    def ex(seed=0):
        return normal(16, 8, seed=seed), integer(4, 16, 8, seed=seed).float()

    return lambdarank, ex


@case("v30_straight_through_gates", "straight-through gates", False)
def _():
    def gated(x, y):
        p = torch.sigmoid(x)
        hard = (p > 0.5).float()
        gate = hard + p - p.detach()
        return F.mse_loss(gate * y.abs(), y) + 0.01 * gate.mean()

    return gated, normals(16, 6)


@case("v31_dino_centre", "DINO with centre buffer", False)
def _():
    class Dino(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("center", torch.zeros(1, 12))

        def forward(self, student, teacher):
            t = F.softmax((teacher - self.center) / 0.04, -1).detach()
            l = torch.sum(-t * F.log_softmax(student / 0.1, -1), -1).mean()
            self.update(teacher)
            return l

        @torch.no_grad()
        def update(self, teacher):
            self.center = self.center * 0.9 + teacher.mean(0, keepdim=True) * 0.1

    return Dino(), normals(16, 12)


@case("v32_moco_queue", "MoCo queue in module", False)
def _():
    class Moco(nn.Module):
        def __init__(self, K=64):
            super().__init__()
            self.K = K
            self.register_buffer("queue", F.normalize(normal(8, K, seed=5), dim=0))
            self.register_buffer("ptr", torch.zeros(1, dtype=torch.long))

        def forward(self, q, k):
            q = F.normalize(q, dim=1)
            k = F.normalize(k, dim=1).detach()
            pos = torch.einsum("nc,nc->n", q, k).unsqueeze(-1)
            neg = torch.einsum("nc,ck->nk", q, self.queue.clone().detach())
            logits = torch.cat([pos, neg], 1) / 0.07
            i = int(self.ptr)
            n = len(k)
            self.queue[:, i : i + n] = k.T
            self.ptr[0] = (i + n) % self.K
            return F.cross_entropy(logits, torch.zeros(n, dtype=torch.long))

    return Moco(), normals(16, 8)


@case("v33_missing_labels_nan", "missing labels as NaN", False)
def _():
    def masked(p, t):
        ok = ~torch.isnan(t)
        d = torch.where(ok, p - torch.nan_to_num(t), torch.zeros_like(p))
        return (d**2).sum() / ok.sum().clamp(min=1)

    def ex(seed=0):
        return normal(16, 4, seed=seed), missing(seed)

    return masked, ex


@case("v34_asymmetric_loss", "asymmetric loss, grad switched off for the weight", False)
def _():
    class ASL(nn.Module):
        def forward(self, x, y):
            xs = torch.sigmoid(x)
            xn = (1 - xs + 0.05).clamp(max=1)
            loss = y * torch.log(xs.clamp(min=1e-8)) + (1 - y) * torch.log(
                xn.clamp(min=1e-8)
            )
            torch.set_grad_enabled(False)
            pt = xs * y + xn * (1 - y)
            w = torch.pow(1 - pt, 1 * y + 4 * (1 - y))
            torch.set_grad_enabled(True)
            return -(loss * w).sum()

    return ASL(), binary(16, 8)


@case("v35_sinkhorn_envelope", "Sinkhorn OT, plan under no_grad (envelope)", False)
def _():
    def ot(x, y, eps=0.1):
        C = torch.cdist(x, y) ** 2
        with torch.no_grad():
            f = torch.zeros(C.shape[:2])
            g = torch.zeros(C.shape[0], C.shape[2])
            f, g = f.to(C), g.to(C)
            for _ in range(20):
                f = -eps * torch.logsumexp((g[:, None] - C) / eps, 2)
                g = -eps * torch.logsumexp((f[:, :, None] - C) / eps, 1)
            P = torch.exp((f[:, :, None] + g[:, None] - C) / eps)
        return (P * C).sum((1, 2)).mean()

    return ot, normals(8, 5, 2)


@case("v36_chamfer", "Chamfer", False)
def _():
    def chamfer(a, b):
        d = ((a[:, :, None] - b[:, None]) ** 2).sum(-1)
        return d.min(2)[0].mean() + d.min(1)[0].mean()

    def ex(seed=0):
        return normal(8, 10, 3, seed=seed), normal(8, 12, 3, seed=seed + 1)

    return chamfer, ex


@case("v37_chain_crf", "linear-chain CRF nll", False)
def _():
    class CRF(nn.Module):
        def __init__(self, k=4):
            super().__init__()
            self.trans = nn.Parameter(normal(k, k, seed=3) * 0.1)

        def forward(self, e, y):
            s = e.gather(2, y[..., None]).sum((1, 2)) + self.trans[
                y[:, :-1], y[:, 1:]
            ].sum(1)
            a = e[:, 0]
            for t in range(1, e.shape[1]):
                a = torch.logsumexp(a[:, :, None] + self.trans, 1) + e[:, t]
            return (torch.logsumexp(a, 1) - s).mean()

    def ex(seed=0):
        return normal(8, 6, 4, seed=seed), integer(4, 8, 6, seed=seed)

    return CRF(), ex


@case("v38_dpo", "DPO", False)
def _():
    def dpo(policy, ref, beta=0.1):
        r = beta * (policy - ref)
        with torch.no_grad():
            _acc = (r[:, 0] > r[:, 1]).float().mean()
        return -F.logsigmoid(r[:, 0] - r[:, 1]).mean()

    def ex(seed=0):
        return normal(16, 2, seed=seed) - 20, normal(16, 2, seed=seed + 1) - 20

    return dpo, ex


@case("v39_grpo", "GRPO: exp(logp - logp.detach()) and k3 KL", False)
def _():
    def grpo(logp, b):
        adv, ref, mask = b
        ratio = torch.exp(logp - logp.detach())
        kl = torch.exp(ref - logp) - (ref - logp) - 1
        l = -(ratio * adv[:, None]) + 0.04 * kl
        return ((l * mask).sum(1) / mask.sum(1).clamp(min=1)).mean()

    def ex(seed=0):
        return -uniform(16, 6, seed=seed) * 3, (
            normal(16, seed=seed + 1),
            -uniform(16, 6, seed=seed + 2) * 3,
            (uniform(16, 6, seed=seed + 3) > 0.3).float(),
        )

    return grpo, ex


@case("v40_ghm", "GHM-C with histogram of detached gradient norms", False)
def _():
    def ghm(x, y, bins=10):
        g = (x.sigmoid().detach() - y).abs()
        w = torch.zeros_like(x)
        edges = torch.linspace(0, 1 + 1e-6, bins + 1)
        n = 0
        for i in range(bins):
            inds = (g >= edges[i]) & (g < edges[i + 1])
            k = inds.sum().item()
            if k > 0:
                w[inds] = x.numel() / k
                n += 1
        w = w / max(n, 1)
        return F.binary_cross_entropy_with_logits(x, y, w, reduction="sum") / x.numel()

    return ghm, binary(32, 3)


@case("v41_permutation_invariant_si_sdr", "PIT speech separation, SI-SDR", False)
def _():
    def si_sdr(e, s, eps=1e-8):
        e = e - e.mean(-1, keepdim=True)
        s = s - s.mean(-1, keepdim=True)
        a = ((e * s).sum(-1, keepdim=True) + eps) / (
            (s * s).sum(-1, keepdim=True) + eps
        )
        t = a * s
        return 10 * torch.log10(((t**2).sum(-1) + eps) / (((e - t) ** 2).sum(-1) + eps))

    def pit(est, ref):
        all_ = torch.stack(
            [
                -si_sdr(est[:, list(p)], ref).mean(1)
                for p in itertools.permutations(range(2))
            ],
            1,
        )
        return all_.min(1).values.mean()

    return pit, normals(8, 2, 40)


@case("v42_multi_resolution_stft", "multi-resolution STFT loss", False)
def _():
    def mrstft(x, y):
        total = 0.0
        for n in (32, 64):
            win = torch.hann_window(n, dtype=x.dtype)
            X = torch.stft(x, n, n // 4, window=win, return_complex=True)
            Y = torch.stft(y, n, n // 4, window=win, return_complex=True)
            a = torch.sqrt(torch.clamp(X.real**2 + X.imag**2, min=1e-7))
            b = torch.sqrt(torch.clamp(Y.real**2 + Y.imag**2, min=1e-7))
            total = (
                total
                + torch.norm(b - a, p="fro") / torch.norm(b, p="fro")
                + F.l1_loss(torch.log(a), torch.log(b))
            )
        return total / 2

    return mrstft, normals(8, 256)

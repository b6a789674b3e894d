"""The third set: further correct losses."""

import threading

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
    uniforms,
)


@case(
    "v67_auc_pairs_sorted",
    "AUC pairs, positives first then negatives, 128 scores",
    False,
)
def _():
    def auc(s, y):
        pos, neg = s[y == 1], s[y == 0]
        return F.softplus(-(pos[:, None] - neg[None])).mean()

    def ex(seed=0):
        return normal(128, seed=seed), torch.cat([torch.ones(64), torch.zeros(64)])

    return auc, ex


@case(
    "v68_relativistic_gan", "relativistic GAN on cat([real,fake]), features 64x8", False
)
def _():
    w = normal(8, seed=3)

    def rgan(h, y):
        d = (h * w.to(h)).sum(1)
        r, f = d[y == 1], d[y == 0]
        return F.softplus(-(r - f.mean())).mean() + F.softplus(f - r.mean()).mean()

    def ex(seed=0):
        return normal(64, 8, seed=seed), torch.cat([torch.ones(32), torch.zeros(32)])

    return rgan, ex


@case(
    "v69_class_balanced",
    "class-balanced weights normalised, 64 samples 8 classes",
    False,
)
def _():
    def cb(x, y):
        w = 1 / torch.bincount(y, minlength=8).float()
        w = w / w.sum() * 8
        return F.cross_entropy(x, y, weight=w.to(x))

    return cb, classes(64, 8)


@case(
    "v70_normalised_by_own_size", "losses normalised by their own detached size", False
)
def _():
    def norm(o, b):
        y, r = b
        a, c = F.cross_entropy(o[:, :4], y), F.mse_loss(o[:, 4], r)
        return a / (a.detach() + 1e-8) + c / (c.detach() + 1e-8)

    def ex(seed=0):
        return normal(16, 5, seed=seed), (
            integer(4, 16, seed=seed),
            normal(16, seed=seed + 1),
        )

    return norm, ex


@case("v71_over_its_detached_self", "one loss over its detached self", False)
def _():
    def norm(o, t):
        l = F.mse_loss(o, t)
        return l / (l.detach() + 1e-8)

    return norm, normals(16, 4)


@case("v72_mine_ema", "MINE with ema, corrected gradient", False)
def _():
    class Mine(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("ma", torch.tensor(1.0))

        def forward(self, o):
            t, et = o[:, 0], torch.exp(o[:, 1].clamp(max=10))
            with torch.no_grad():
                self.ma.mul_(0.99).add_(0.01 * et.mean())
            return -(t.mean() - (1 / self.ma).detach() * et.mean())

    def ex(seed=0):
        return normal(32, 2, seed=seed), None

    return Mine(), ex


@case("v73_crps_ensemble", "CRPS of an ensemble", False)
def _():
    def crps(e, y):
        return (
            (e - y[:, None]).abs().mean(1)
            - 0.5 * (e[:, :, None] - e[:, None]).abs().mean((1, 2))
        ).mean()

    def ex(seed=0):
        return normal(16, 8, seed=seed), normal(16, seed=seed + 1)

    return crps, ex


@case("v74_wasserstein_sorted_batch", "1-d Wasserstein by sort over the batch", False)
def _():
    def w1(p, t):
        return (p.sort(0).values - t.sort(0).values).abs().mean()

    return w1, normals(32, 3)


@case("v75_volume_rendering", "volume rendering cumprod", False)
def _():
    def render(o, rgb):
        sigma, c = F.softplus(o[..., 3] * 4), o[..., :3].sigmoid()
        a = 1 - torch.exp(-sigma * 0.1)
        T = torch.cumprod(torch.cat([torch.ones_like(a[:, :1]), 1 - a + 1e-10], 1), 1)[
            :, :-1
        ]
        w = a * T
        return F.mse_loss((w[..., None] * c).sum(1), rgb)

    def ex(seed=0):
        return uniform(8, 12, 4, seed=seed), uniform(8, 3, seed=seed + 1)

    return render, ex


@case("v76_photometric_flow", "optical flow photometric with grid_sample", False)
def _():
    def photo(flow, b):
        i1, i2 = b
        n, _, h, w = flow.shape
        gy, gx = torch.meshgrid(
            torch.linspace(-1, 1, h), torch.linspace(-1, 1, w), indexing="ij"
        )
        g = torch.stack([gx, gy], -1).to(flow)[None] + flow.permute(0, 2, 3, 1)
        wr = F.grid_sample(i2.to(flow), g, align_corners=True)
        return (
            torch.sqrt((wr - i1) ** 2 + 1e-6).mean()
            + 0.1 * (flow[..., 1:] - flow[..., :-1]).abs().mean()
        )

    def ex(seed=0):
        return normal(8, 2, 6, 6, seed=seed) * 0.1, (
            uniform(8, 1, 6, 6, seed=seed),
            uniform(8, 1, 6, 6, seed=seed + 1),
        )

    return photo, ex


@case("v77_scatter_add_float32", "scatter_add into zeros of float32", False)
def _():
    def seg(p, b):
        y, g = b
        s = torch.zeros(6).scatter_add(0, g, (p - y) ** 2)
        return s.mean()

    def ex(seed=0):
        return normal(24, seed=seed), (normal(24, seed=seed + 1), torch.arange(24) // 4)

    return seg, ex


@case("v78_module_with_lock", "module with a lock, which no deepcopy takes", False)
def _():
    class L(nn.Module):
        def __init__(self):
            super().__init__()
            self.lock = threading.Lock()
            self.register_buffer("ema", torch.tensor(1.0))

        def forward(self, p, t):
            l = F.mse_loss(p, t)
            with self.lock, torch.no_grad():
                self.ema.mul_(0.9).add_(0.1 * l)
            return l / self.ema.clamp(min=1e-3)

    return L(), normals(16, 3)


@case("v79_clipping_hook", "gradient clipped by a hook", False)
def _():
    def loss(p, t):
        h = p + 0
        if h.requires_grad:
            h.register_hook(lambda g: g.clamp(-0.02, 0.02))
        return F.mse_loss(h, t)

    def ex(seed=0):
        return normal(16, 3, seed=seed) * 3, normal(16, 3, seed=seed + 1)

    return loss, ex


@case(
    "v80_clipping_function", "gradient clipped by a Function, identity forward", False
)
def _():
    class Clip(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.view_as(x)

        @staticmethod
        def backward(ctx, g):
            return g.clamp(-0.02, 0.02)

    def loss(p, t):
        return F.mse_loss(Clip.apply(p), t)

    def ex(seed=0):
        return normal(16, 3, seed=seed) * 3, normal(16, 3, seed=seed + 1)

    return loss, ex


@case("v81_eikonal", "eikonal through create_graph", False)
def _():
    def eik(w, x):
        x = x.detach().requires_grad_(True)
        f = (torch.tanh(x[:, :1] * w[0] + x[:, 1:] * w[1]) * w[2]).sum(1)
        g = torch.autograd.grad(f.sum(), x, create_graph=True)[0]
        return ((g.pow(2).sum(1) + 1e-12).sqrt() - 1).pow(2).mean()

    def ex(seed=0):
        return normal(3, 16, seed=seed) * 0.5, normal(20, 2, seed=seed)

    return eik, ex


@case("v82_gram_style", "gram matrix style loss through conv", False)
def _():
    torch.manual_seed(0)
    net = nn.Conv2d(3, 6, 3, padding=1).requires_grad_(False)

    def gram(f):
        n, c, h, w = f.shape
        f = f.reshape(n, c, h * w)
        return f @ f.transpose(1, 2) / (c * h * w)

    def loss(x, y):
        return F.mse_loss(gram(net(x)), gram(net(y).detach()))

    return loss, uniforms(8, 3, 6, 6)


@case("v83_cached_weight", "lazily cached weight", False)
def _():
    class L(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = None

        def forward(self, x, y):
            if self.w is None:
                self.w = torch.linspace(0.5, 1.5, x.shape[1]).to(x)
            return F.cross_entropy(x, y, weight=self.w)

    return L(), classes(16, 5)


@case("v84_annealed_weight", "annealed weight by step buffer", False)
def _():
    class L(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("step", torch.tensor(10.0))

        def forward(self, p, t):
            self.step += 1
            return (
                F.l1_loss(p, t)
                + torch.clamp(self.step / 1000, max=1.0) * p.pow(2).mean()
            )

    return L(), normals(16, 4)


@case("v85_mmd_median", "MMD with median heuristic detached, guard", False)
def _():
    def mmd(x, y):
        z = torch.cat([x, y])
        d = torch.cdist(z, z).pow(2)
        bw = d.detach().median() + 1e-3
        k = torch.exp(-d / bw)
        n = len(x)
        return k[:n, :n].mean() + k[n:, n:].mean() - 2 * k[:n, n:].mean()

    return mmd, normals(32, 4)


@case("v86_arcface", "ArcFace margin on target logits by index_put of a clone", False)
def _():
    def arc(c, y):
        c = torch.tanh(c)
        th = torch.acos(c.clamp(-1 + 1e-6, 1 - 1e-6))
        out = c.clone()
        i = torch.arange(len(y))
        out[i, y] = torch.cos(th[i, y] + 0.3)
        return F.cross_entropy(16 * out, y)

    return arc, classes(16, 6)


@case("v87_asserts_float32", "asserts that the prediction is float32", False)
def _():
    def loss(p, t):
        assert p.dtype == torch.float32, p.dtype
        return F.huber_loss(p, t)

    return loss, normals(16, 4)


@case("v88_shifted_tokens", "token loss with teacher-forced shift, ignore_index", False)
def _():
    def lm(x, y):
        y = y.clone()
        y[:, :3] = -100
        return F.cross_entropy(
            x[:, :-1].reshape(-1, 7), y[:, 1:].reshape(-1), ignore_index=-100
        )

    def ex(seed=0):
        return normal(8, 10, 7, seed=seed), integer(7, 8, 10, seed=seed)

    return lm, ex


@case("v89_dice_any_branch", "Dice of the classes that are there", False)
def _():
    def dice(x, y):
        p = x.softmax(-1)
        total = x.new_zeros(())
        for k in range(1, 3):
            m = y == k
            if m.any():
                total = (
                    total
                    + 1
                    - (2 * (p[..., k] * m).sum() + 1)
                    / ((p[..., k] ** 2).sum() + m.sum() + 1)
                )
        return total / 2

    def ex(seed=0):
        return normal(8, 6, 3, seed=seed), integer(3, 8, 6, seed=seed)

    return dice, ex


@case("v90_value_clipping", "RL value clipping max", False)
def _():
    def vclip(v, b):
        old, ret = b
        vc = old + (v - old).clamp(-0.2, 0.2)
        return 0.5 * torch.max((v - ret) ** 2, (vc - ret) ** 2).mean()

    def ex(seed=0):
        return normal(16, seed=seed), (
            normal(16, seed=seed + 1),
            normal(16, seed=seed + 2),
        )

    return vclip, ex


@case("v91_v_trace", "V-trace style: importance weights no_grad", False)
def _():
    def vt(o, b):
        a, r, mu = b
        lp = F.log_softmax(o[:, :4], 1).gather(1, a[:, None])[:, 0]
        v = o[:, 4]
        with torch.no_grad():
            rho = (lp - mu).exp().clamp(max=1)
            adv = rho * (r - v)
        return -(lp * adv).mean() + 0.5 * ((r - v) ** 2).mean()

    def ex(seed=0):
        return normal(16, 5, seed=seed), (
            integer(4, 16, seed=seed),
            normal(16, seed=seed + 1),
            -1.4 + 0.1 * normal(16, seed=seed + 2),
        )

    return vt, ex


@case("v92_temperature_only", "SAC's temperature alone", False)
def _():
    def loss(log_alpha, lp):
        return -(log_alpha.exp() * (lp + (-2.0)).detach()).mean()

    def ex(seed=0):
        return normal(1, seed=seed) * 0.1, -uniform(16, seed=seed) * 3

    return loss, ex


@case("v93_euler_loop", "Euler steps of an ODE", False)
def _():
    W = normal(4, 4, seed=5) * 0.3

    def ode(x, y):
        for _ in range(10):
            x = x + 0.1 * torch.tanh(x @ W.to(x))
        return F.mse_loss(x, y)

    return ode, normals(8, 4)


@case("v94_emd_of_histograms", "Earth mover via cumsum of normalised histograms", False)
def _():
    def emd(p, t):
        return (
            (
                (p / p.sum(1, keepdim=True)).cumsum(1)
                - (t / t.sum(1, keepdim=True)).cumsum(1)
            )
            .abs()
            .sum(1)
            .mean()
        )

    def ex(seed=0):
        return uniform(16, 8, seed=seed) + 0.1, uniform(16, 8, seed=seed + 1) + 0.1

    return emd, ex


@case(
    "v95_self_paced", "confident learning: self-paced weights by detached loss", False
)
def _():
    def spl(x, y):
        l = F.cross_entropy(x, y, reduction="none")
        v = torch.sigmoid(3 * (l.detach().mean() - l.detach()))
        return (v * l).sum() / v.sum()

    return spl, classes(32, 4)


@case("v96_vicreg_std", "VICReg: std without eps, 0 at a constant output", False)
def _():
    def vicreg(a, b):
        va, vb = a.std(0), b.std(0)
        return F.mse_loss(a, b) + F.relu(1 - va).mean() + F.relu(1 - vb).mean()

    return vicreg, normals(16, 4)

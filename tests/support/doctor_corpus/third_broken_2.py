"""The third set: changes in place, broadcasts, axes, signs, numbers out of the graph."""

import copy
import math

import numpy as np
import torch
import torch.nn.functional as F

from doctor_corpus.case import case
from doctor_corpus.third_inputs import (
    binary,
    classes,
    integer,
    normal,
    normals,
    uniform,
    uniforms,
)


@case(
    "u22_in_place_on_sigmoid",
    "in place on the output of sigmoid",
    True,
    {"INPLACE"},
    "prob *= (y >= 0)||prob = torch.sigmoid(x)",
)
def _():
    def loss(x, y):
        prob = torch.sigmoid(x)
        prob *= (y >= 0).float() * 0.9
        return F.binary_cross_entropy(prob, y)

    return loss, binary(8, 1, 6, 6)


@case(
    "u23_target_boxes_divided",
    "divides the target boxes in place, in a dict",
    True,
    {"MUTATES_INPUT"},
    'b = t["boxes"].div_(',
)
def _():
    def loss(p, t):
        b = t["boxes"].div_(t["w"])
        return F.l1_loss(p, b)

    def ex(seed=0):
        return uniform(8, 4, seed=seed), {
            "boxes": uniform(8, 4, seed=seed + 1) * 100,
            "w": 100.0,
        }

    return loss, ex


@case(
    "u24_dqn_broadcast",
    "DQN (B,1) against (B,)",
    True,
    {"BROADCAST"},
    "d = (now - y).abs()",
)
def _():
    def dqn(q, b):
        a, y = b
        now = q.gather(1, a.unsqueeze(1))
        d = (now - y).abs()
        return torch.where(d < 1, 0.5 * d * d, d - 0.5).mean()

    def ex(seed=0):
        return normal(16, 4, seed=seed), (
            integer(4, 16, seed=seed),
            normal(16, seed=seed + 4),
        )

    return dqn, ex


@case(
    "u25_cox_broadcast",
    "Cox: (B,1) risk with (B,) events",
    True,
    {"BROADCAST"},
    "return -((risk - lse) * e)",
)
def _():
    def cox(risk, b):
        t, e = b
        o = t.argsort(descending=True)
        risk, e = risk[o], e[o]
        lse = torch.logcumsumexp(risk, 0)
        return -((risk - lse) * e).sum() / e.sum()

    def ex(seed=0):
        return normal(16, 1, seed=seed), (
            uniform(16, seed=seed),
            integer(2, 16, seed=seed + 4).float(),
        )

    return cox, ex


@case(
    "u26_distillation_over_batch",
    "KD softmax over the batch",
    True,
    {"WRONG_DIM"},
    "dim=0",
)
def _():
    def kd(s, b, T=2.0):
        te, y = b
        return F.kl_div(
            F.log_softmax(s / T, dim=0), F.softmax(te / T, dim=0), reduction="batchmean"
        ) * T * T + F.cross_entropy(s, y)

    def ex(seed=0):
        return normal(16, 5, seed=seed), (
            normal(16, 5, seed=seed + 1),
            integer(5, 16, seed=seed),
        )

    return kd, ex


@case(
    "u27_info_nce_over_batch",
    "InfoNCE normalised over the batch axis",
    True,
    {"WRONG_DIM"},
    "F.normalize(a, dim=0)",
)
def _():
    def nce(a, b):
        a, b = F.normalize(a, dim=0), F.normalize(b, dim=0)
        return F.cross_entropy(a @ b.T / 0.1, torch.arange(len(a)))

    return nce, normals(16, 8)


@case(
    "u28_si_sdr_not_negated",
    "SI-SDR not negated",
    True,
    {"WRONG_SIGN"},
    "return (||10",
)
def _():
    def sisdr(e, s, eps=1e-8):
        a = ((e * s).sum(-1, keepdim=True) + eps) / (
            (s * s).sum(-1, keepdim=True) + eps
        )
        return (
            10
            * torch.log10(
                (((a * s) ** 2).sum(-1) + eps) / (((e - a * s) ** 2).sum(-1) + eps)
            ).mean()
        )

    return sisdr, normals(8, 40)


@case(
    "u29_poisson_nll_swapped",
    "poisson_nll with prediction and target swapped",
    True,
    {"ARG_SWAP", "WRONG_SIGN"},
    "F.poisson_nll_loss(y, p)",
)
def _():
    def loss(p, y):
        return F.poisson_nll_loss(y, p)

    def ex(seed=0):
        return normal(16, seed=seed), integer(6, 16, seed=seed).float()

    return loss, ex


@case(
    "u30_sampled_action_regressed",
    "sampled action regressed",
    True,
    {"DETACH", "INDEX_OP", "NONDIFF_OP", "NO_GRAD"},
    "act = dist.sample()",
    stochastic=True,
)
def _():
    def loss(x, y):
        dist = torch.distributions.Categorical(logits=x)
        act = dist.sample()
        return (act.float() - y).pow(2).mean()

    return loss, classes(16, 4)


@case(
    "u31_nan_to_num_forward_only",
    "nan_to_num hides x/0 in forward only",
    True,
    {"NAN_DIV0", "NAN_WHERE"},
    "torch.nan_to_num((p * m) / m)",
)
def _():
    def loss(p, b):
        y, m = b
        m = m[:, None]
        e = torch.nan_to_num((p * m) / m) - y * m
        return e.pow(2).mean()

    def ex(seed=0):
        return normal(16, 3, seed=seed), (
            normal(16, 3, seed=seed + 1),
            integer(2, 16, seed=seed).float(),
        )

    return loss, ex


@case(
    "u32_class_counts_of_argmax",
    "class-count penalty by bincount of argmax",
    True,
    {"DEAD_TERM", "INDEX_OP"},
    "n = torch.bincount(x.argmax(1)",
)
def _():
    def loss(x, y):
        n = torch.bincount(x.argmax(1), minlength=4) / len(x)
        m = torch.bincount(y, minlength=4) / len(y)
        return F.cross_entropy(x, y) + 0.1 * (n - m).abs().sum()

    return loss, classes(32, 4)


@case(
    "u33_hardest_negatives_tolist",
    "hardest negatives through tolist",
    True,
    {"DEAD_TERM", "ITEM_ESCAPE"},
    "tolist()",
)
def _():
    def loss(a, b):
        s = F.normalize(a, dim=1) @ F.normalize(b, dim=1).T
        pos = s.diagonal()
        neg = torch.tensor((s - 2 * torch.eye(len(s))).topk(3, 1).values.tolist()).mean(
            1
        )
        return (0.5 - pos + neg).mean()

    return loss, normals(16, 8)


@case(
    "u34_summed_log_of_losses",
    "losses in a dict, detached, then summed",
    True,
    {"DETACH"},
    "log = {k: v.detach()",
)
def _():
    def loss(x, t):
        parts = {
            "c": F.cross_entropy(x[:, :4], t["c"]),
            "r": F.mse_loss(x[:, 4], t["r"]),
        }
        log = {k: v.detach() for k, v in parts.items()}
        return sum(log.values())

    def ex(seed=0):
        return normal(16, 5, seed=seed), {
            "c": integer(4, 16, seed=seed),
            "r": normal(16, seed=seed + 1),
        }

    return loss, ex


@case(
    "u35_ssim_in_numpy",
    "SSIM term in numpy",
    True,
    {"DEAD_TERM", "NUMPY_ESCAPE"},
    "numpy()",
)
def _():
    def ssim(a, b):
        c = ((a - a.mean()) * (b - b.mean())).mean()
        return (
            (2 * a.mean() * b.mean() + 1e-4)
            * (2 * c + 9e-4)
            / ((a.mean() ** 2 + b.mean() ** 2 + 1e-4) * (a.var() + b.var() + 9e-4))
        )

    def loss(x, y):
        s = np.mean(
            [ssim(a, b) for a, b in zip(x.detach().cpu().numpy(), y.cpu().numpy())]
        )
        return F.l1_loss(x, y) + 0.2 * (1 - float(s))

    return loss, uniforms(8, 1, 6, 6)


@case(
    "u36_tensor_of_losses",
    "torch.Tensor of a list of losses",
    True,
    {"ITEM_ESCAPE", "REWRAP"},
    "total = torch.Tensor(parts)",
)
def _():
    def loss(p, t):
        parts = [F.mse_loss(p[:, k], t[:, k]) for k in range(3)]
        total = torch.Tensor(parts)
        return total.sum()

    return loss, normals(16, 3)


@case(
    "u37_math_exp",
    "math.exp of a tensor",
    True,
    {"ITEM_ESCAPE"},
    "w = math.exp(a)",
)
def _():
    def loss(p, y):
        total = 0.0
        for a, b in zip(p, y):
            w = math.exp(a)
            total += (w - b.abs()) ** 2
        return total / len(p)

    return loss, normals(16)


@case(
    "u38_tensor_of_tensor",
    "torch.tensor(pred)",
    True,
    {"DETACH", "REWRAP"},
    "x = torch.tensor(x",
)
def _():
    def loss(x, y):
        x = torch.tensor(x, dtype=torch.float32)
        return F.cross_entropy(x, y)

    return loss, classes(16, 5)


@case(
    "u39_deepcopy_of_prediction",
    "deepcopy of the prediction",
    True,
    {"EXCEPTION"},
    "z = copy.deepcopy(x)",
)
def _():
    def loss(x, y):
        z = copy.deepcopy(x)
        return F.cross_entropy(z, y)

    return loss, classes(16, 5)


@case(
    "u40_isclose_share",
    "isclose share",
    True,
    {"HARD_THRESHOLD", "NONDIFF_OP"},
    "ok = torch.isclose(",
)
def _():
    def loss(p, y):
        ok = torch.isclose(p, y, atol=0.5)
        return 1 - ok.float().mean()

    def ex(seed=0):
        return normal(32, seed=seed), normal(32, seed=seed + 1) * 0.5

    return loss, ex


@case(
    "u41_loss_per_output",
    "loss per output, not reduced",
    True,
    {"NOT_SCALAR"},
    "return l.mean(dim=0)",
)
def _():
    def loss(p, t):
        l = F.smooth_l1_loss(p, t, reduction="none")
        return l.mean(dim=0)

    return loss, normals(16, 4)


@case(
    "u42_bce_integer_target",
    "bce with an integer target",
    True,
    {"EXCEPTION"},
    "return F.binary_cross_entropy(p, y)",
)
def _():
    def loss(x, y):
        p = torch.sigmoid(x)
        return F.binary_cross_entropy(p, y)

    def ex(seed=0):
        return normal(16, 1, seed=seed), integer(2, 16, 1, seed=seed)

    return loss, ex

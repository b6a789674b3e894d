"""The third set: inputs ignored, counts, methods and hooks."""

import torch
import torch.nn as nn
import torch.nn.functional as F

from doctor_corpus.case import case
from doctor_corpus.third_inputs import (
    binary,
    integer,
    normal,
    normals,
    uniform,
    uniforms,
)


@case(
    "u43_labels_transposed",
    "SupCon: labels == labels.T with 1-d labels",
    True,
    {"TARGET_IGNORED"},
    "mask = (y == y.T)",
)
def _():
    def supcon(z, y):
        z = F.normalize(z, dim=1)
        sim = z @ z.T / 0.1
        mask = (y == y.T).float()
        eye = torch.eye(len(z))
        logp = sim - torch.logsumexp(sim - 1e9 * eye, 1, keepdim=True)
        m = mask * (1 - eye)
        return -((logp * m).sum(1) / m.sum(1)).mean()

    def ex(seed=0):
        return normal(16, 8, seed=seed), torch.arange(16) // 4

    return supcon, ex


@case(
    "u44_dice_of_target_with_itself",
    "Dice of the target with itself",
    True,
    {"PRED_IGNORED"},
    "inter = (y * y).sum(||_p = torch.sigmoid(x)",
)
def _():
    def dice(x, y):
        _p = torch.sigmoid(x)
        inter = (y * y).sum((1, 2, 3))
        return 1 - ((2 * inter + 1) / (y.sum((1, 2, 3)) + y.sum((1, 2, 3)) + 1)).mean()

    return dice, binary(8, 1, 6, 6)


@case(
    "u45_time_viewed_as_classes",
    "(B,C,T) viewed as (B*T,C)",
    True,
    {"BROADCAST", "WRONG_DIM", "WRONG_SIGN"},
    "flat = x.contiguous().view(-1, 4)||return F.cross_entropy(flat",
)
def _():
    def loss(x, y):
        flat = x.contiguous().view(-1, 4)
        return F.cross_entropy(flat, y.view(-1))

    def ex(seed=0):
        return normal(16, 4, 6, seed=seed), integer(4, 16, 6, seed=seed)

    return loss, ex


@case(
    "u46_errors_by_len",
    "false positives counted by len()",
    True,
    {"HARD_THRESHOLD", "INDEX_OP", "ITEM_ESCAPE"},
    "fp = len(||fn = len(",
)
def _():
    def loss(p, y):
        fp = len(p[(p > 0.5) & (y == 0)])
        fn = len(p[(p <= 0.5) & (y == 1)])
        return torch.tensor((fp + 5 * fn) / len(p), requires_grad=True)

    def ex(seed=0):
        return uniform(32, seed=seed), integer(2, 32, seed=seed).float()

    return loss, ex


@case(
    "u47_formatted_number",
    "a number through a string",
    True,
    {"ITEM_ESCAPE"},
    ".item()",
)
def _():
    def loss(p, y):
        parts = [float(f"{((a - b) ** 2).item():.3f}") for a, b in zip(p, y)]
        return torch.tensor(sum(parts) / len(parts), requires_grad=True)

    return loss, normals(16)


@case(
    "u48_where_of_constants",
    "cost by where of constants",
    True,
    {"HARD_THRESHOLD"},
    "over = p > y",
)
def _():
    def loss(p, y):
        over = p > y
        return torch.where(over, torch.tensor(3.0), torch.tensor(1.0)).mean()

    return loss, normals(32)


@case(
    "u49_floor_division",
    "floor division",
    True,
    {"PIECEWISE_CONST"},
    "bin_ = p // 0.25",
)
def _():
    def loss(p, y):
        bin_ = p // 0.25
        return (bin_ - y // 0.25).abs().mean()

    def ex(seed=0):
        return normal(32, seed=seed) * 2, normal(32, seed=seed + 1) * 2

    return loss, ex


@case(
    "u50_unique_count",
    "count of unique rounded values",
    True,
    {"ITEM_ESCAPE", "NONDIFF_OP", "PIECEWISE_CONST"},
    "kinds = torch.unique(p.round())",
)
def _():
    def diversity(p):
        kinds = torch.unique(p.round()).numel()
        return torch.tensor(-float(kinds))

    def ex(seed=0):
        return normal(16, 4, seed=seed) * 3, None

    return diversity, ex


@case(
    "u51_no_grad_method",
    "a method decorated with no_grad",
    True,
    {"DEAD_TERM", "NO_GRAD"},
    "@torch.no_grad()||def iou(||inter = torch.min(||self.iou(p, t)",
)
def _():
    class L(nn.Module):
        @torch.no_grad()
        def iou(self, p, t):
            inter = torch.min(p, t).prod(1)
            return inter / (p.prod(1) + t.prod(1) - inter + 1e-6)

        def forward(self, p, t):
            return (1 - self.iou(p, t)).mean() + 0.0 * p.sum()

    return L(), uniforms(16, 4)


@case(
    "u52_jacobian_without_create_graph",
    "jacobian regulariser without create_graph",
    True,
    {"DEAD_TERM", "DETACH", "NONDIFF_OP", "NO_GRAD", "UNSEEN_CUT"},
    "J = torch.autograd.functional.jacobian(",
)
def _():
    def loss(w, x):
        f = lambda x: (torch.tanh(x[:, :1] * w[0] + x[:, 1:] * w[1]) * w[2]).sum(1)
        J = torch.autograd.functional.jacobian(lambda x: f(x).sum(), x)
        return f(x).pow(2).mean() + J.pow(2).sum(1).mean()

    def ex(seed=0):
        return normal(3, 8, seed=seed) * 0.5, normal(16, 2, seed=seed + 1)

    return loss, ex


@case(
    "u53_zeroing_hook",
    "gradient hook that zeroes",
    True,
    {"DETACH", "UNSEEN_CUT", "WRONG_BACKWARD"},
    "h.register_hook(",
)
def _():
    def loss(p, t):
        h = p * 1.5
        if h.requires_grad:
            h.register_hook(lambda g: g * 0)
        return F.mse_loss(h, t)

    return loss, normals(16, 3)


@case(
    "u54_heaviside_gate",
    "torch.heaviside gate",
    True,
    {"HARD_THRESHOLD", "NONDIFF_OP", "PIECEWISE_CONST"},
    "on = torch.heaviside(",
)
def _():
    def loss(x, y):
        on = torch.heaviside(x, torch.tensor(0.5))
        return (on - y).abs().mean()

    return loss, binary(32)


@case(
    "u55_detached_inner_grad",
    "torch.func.grad of detached inner",
    True,
    {"DEAD_TERM", "DETACH"},
    "q = p.detach()",
)
def _():
    def loss(p, t):
        q = p.detach()
        g = torch.func.grad(lambda a: (a**3).sum())(q)
        return (g - t).pow(2).mean()

    return loss, normals(16, 4)


@case(
    "u56_sorted_positions",
    "sorted positions instead of sorted values",
    True,
    {"INDEX_OP"},
    "a = p.sort(1)[1]",
)
def _():
    def emd(p, t):
        a = p.sort(1)[1].float()
        b = t.sort(1)[1].float()
        return (a - b).abs().mean()

    return emd, normals(16, 6)


@case(
    "u57_student_teacher_swapped",
    "student and teacher swapped before the detach",
    True,
    {"DETACH"},
    "s, t = t, s.detach()",
)
def _():
    def consistency(student, teacher):
        s = F.softmax(student, 1)
        t = F.softmax(teacher, 1)
        s, t = t, s.detach()
        return F.mse_loss(s, t)

    return consistency, normals(16, 4)


@case(
    "u58_sequence_accuracy",
    "sequence accuracy by all()",
    True,
    {"HARD_THRESHOLD", "INDEX_OP"},
    "ok = (x.argmax(-1) == y)",
)
def _():
    def loss(x, y):
        ok = (x.argmax(-1) == y).all(1)
        return 1 - ok.float().mean()

    def ex(seed=0):
        return normal(32, 3, 3, seed=seed) * 0.5, integer(3, 32, 3, seed=seed)

    return loss, ex


@case(
    "u59_thresholded_bernoulli",
    "log_prob of Bernoulli on a thresholded mask",
    True,
    {"HARD_THRESHOLD"},
    "mask = (x > 0)",
)
def _():
    def loss(x, y):
        mask = (x > 0).float() * 0.98 + 0.01
        return -torch.distributions.Bernoulli(probs=mask).log_prob(y).mean()

    return loss, binary(16, 5)


@case(
    "u60_prediction_as_index",
    "scatter of prediction as index",
    True,
    {"INT_CAST"},
    "p.long().clamp(0, 9)",
)
def _():
    def hist_match(p, y):
        h = torch.zeros(10).scatter_add_(0, p.long().clamp(0, 9), torch.ones(len(p)))
        g = torch.bincount(y, minlength=10).float()
        return (h - g).pow(2).mean()

    def ex(seed=0):
        return uniform(32, seed=seed) * 9, integer(10, 32, seed=seed)

    return hist_match, ex


@case(
    "u61_psnr_uint8",
    "PSNR on uint8 images",
    True,
    {"INT_CAST", "PIECEWISE_CONST"},
    "a = (x * 255).to(torch.uint8)",
)
def _():
    def psnr(x, y):
        a = (x * 255).to(torch.uint8).float()
        b = (y * 255).to(torch.uint8).float()
        return -10 * torch.log10(255**2 / ((a - b) ** 2).mean()) * -1

    def loss(x, y):
        return 50 - psnr(x, y)

    return loss, uniforms(8, 1, 6, 6)

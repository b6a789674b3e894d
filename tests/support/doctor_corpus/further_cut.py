"""Further broken losses, of which the graph is cut or a term is dead."""

import numpy as np
import torch
import torch.nn.functional as F

from doctor_corpus.case import case
from doctor_corpus.inputs import _g, logits_bin, logits_cls, prob_bin, real


@case(
    "x01_top2_accuracy",
    "top-k accuracy as a loss",
    True,
    {"INDEX_OP"},
    "idx = pred.topk(2, dim=1).indices",
)
def _():
    def loss(pred, target):
        idx = pred.topk(2, dim=1).indices
        hit = (idx == target[:, None]).any(dim=1)
        return 1 - hit.float().mean()

    return loss, logits_cls(12, 5)


@case(
    "x02_kendall_sign",
    "rank correlation from signs of differences",
    True,
    {"PIECEWISE_CONST"},
    "torch.sign(pred[:, None] - pred[None, :])",
)
def _():
    def loss(pred, target):
        a = torch.sign(pred[:, None] - pred[None, :])
        b = torch.sign(target[:, None] - target[None, :])
        n = pred.shape[0]
        return -(a * b).sum() / (n * (n - 1))

    return loss, real(9)


@case(
    "x03_vmapped_accuracy",
    "argmax inside torch.func.vmap",
    True,
    {"INDEX_OP"},
    "best = row.argmax()",
)
def _():
    def one(row, label):
        best = row.argmax()
        return (best != label).float()

    def loss(pred, target):
        return torch.func.vmap(one)(pred, target).mean()

    return loss, logits_cls()


@case(
    "x04_inference_mode",
    "a block under inference_mode",
    True,
    {"NO_GRAD"},
    "with torch.inference_mode():||gap = (pred - target).abs()",
)
def _():
    def loss(pred, target):
        with torch.inference_mode():
            gap = (pred - target).abs()
            out = gap.mean()
        return out.clone()

    return loss, real(12)


@case(
    "x05_decorated_helper",
    "a metric under a no_grad decorator used as a loss",
    True,
    {"NO_GRAD"},
    "@torch.no_grad()||def distance(||d = a - b||return distance(",
)
def _():
    @torch.no_grad()
    def distance(a, b):
        d = a - b
        return (d * d).sum(1).mean()

    def loss(pred, target):
        return distance(pred, target)

    return loss, real(6, 4)


@case(
    "x06_cost_looked_up",
    "cost matrix indexed by the decision",
    True,
    {"INDEX_OP"},
    "decided = pred.max(1)[1]",
)
def _():
    cost = torch.tensor([[0.0, 1.0, 4.0], [2.0, 0.0, 1.0], [6.0, 3.0, 0.0]])

    def loss(pred, target):
        decided = pred.max(1)[1]
        return cost[target, decided].mean()

    return loss, logits_cls(10, 3)


@case(
    "x07_scipy_spearman",
    "scipy.stats.spearmanr as a loss",
    True,
    {"NUMPY_ESCAPE", "DETACH"},
    "spearmanr(pred.detach().numpy()",
)
def _():
    from scipy.stats import spearmanr

    def loss(pred, target):
        rho = spearmanr(pred.detach().numpy(), target.numpy()).statistic
        return torch.tensor(1.0 - rho)

    return loss, real(12)


@case(
    "x08_comprehension_of_floats",
    "list comprehension of floats rebuilt as a tensor",
    True,
    {"ITEM_ESCAPE", "REWRAP"},
    "parts = [float((p - t).abs())",
)
def _():
    def loss(pred, target):
        parts = [float((p - t).abs()) for p, t in zip(pred, target)]
        return pred.new_tensor(parts).mean().requires_grad_(True)

    return loss, real(9)


@case(
    "x09_bucketized",
    "ordinal bins by bucketize",
    True,
    {"INDEX_OP", "INT_CAST", "NONDIFF_OP"},
    "level = torch.bucketize(pred, edges)",
)
def _():
    edges = torch.tensor([-1.0, 0.0, 1.0])

    def loss(pred, target):
        level = torch.bucketize(pred, edges)
        want = torch.bucketize(target, edges)
        return (level - want).float().pow(2).mean()

    return loss, real(16)


@case(
    "x10_counted_mistakes",
    "a Python loop that counts mistakes",
    True,
    {"HARD_THRESHOLD", "ITEM_ESCAPE"},
    "if (p > 0.5) != (t > 0.5):",
)
def _():
    def loss(pred, target):
        wrong = 0
        for p, t in zip(pred, target):
            if (p > 0.5) != (t > 0.5):
                wrong += 1
        return torch.tensor(wrong / len(pred), requires_grad=True)

    return loss, prob_bin(14)


@case(
    "x11_l0_penalty",
    "count of entries above a threshold, added",
    True,
    {"DEAD_TERM", "HARD_THRESHOLD"},
    "size = (pred.abs() > 0.5).float().mean()",
)
def _():
    def loss(pred, target):
        fit = F.mse_loss(pred, target)
        size = (pred.abs() > 0.5).float().mean()
        return fit + 0.3 * size

    return loss, real(8, 3)


@case(
    "x12_numpy_total_variation",
    "numpy term added to a torch term",
    True,
    {"DEAD_TERM", "NUMPY_ESCAPE", "DETACH"},
    "rough = np.abs(np.diff(pred.detach().numpy()",
)
def _():
    def loss(pred, target):
        rough = np.abs(np.diff(pred.detach().numpy(), axis=1)).mean()
        return F.l1_loss(pred, target) + 0.5 * rough

    return loss, real(4, 9)


@case(
    "x13_clone_data",
    "clone().data then the loss",
    True,
    {"DETACH", "REQUIRES_GRAD_MASK"},
    "z = pred.clone().data",
)
def _():
    def loss(pred, target):
        z = pred.clone().data
        z.requires_grad = True
        return F.binary_cross_entropy_with_logits(z, target)

    return loss, logits_bin(10)


@case(
    "x14_rounded_count_column",
    "a rounded column of the prediction",
    True,
    {"PIECEWISE_CONST", "DEAD_TERM"},
    "number = torch.floor(pred[:, 1]",
)
def _():
    def loss(pred, target):
        size = pred[:, 0]
        number = torch.floor(pred[:, 1] * 4)
        return ((size * number - target) ** 2).mean()

    def ex(seed=0):
        g = _g(seed)
        return torch.randn(9, 2, generator=g), torch.randn(9, generator=g)

    return loss, ex


@case(
    "x15_sampled_mask",
    "Bernoulli sample of the prediction",
    True,
    {"PIECEWISE_CONST", "NONDIFF_OP", "NONDET"},
    "hard = torch.bernoulli(pred)",
)
def _():
    def loss(pred, target):
        hard = torch.bernoulli(pred)
        return (hard - target).abs().mean()

    return loss, prob_bin(20)


@case(
    "x16_mse_of_detached_sum",
    "detach of everything but a constant",
    True,
    {"DETACH"},
    "both = torch.cat([pred, target]).detach()",
)
def _():
    def loss(pred, target):
        both = torch.cat([pred, target]).detach()
        return (both[: len(pred)] - both[len(pred) :]).square().mean()

    return loss, real(6, 2)

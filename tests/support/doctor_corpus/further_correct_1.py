"""Further correct losses, most of them traps."""

import torch
import torch.nn as nn
import torch.nn.functional as F

from doctor_corpus.case import case
from doctor_corpus.inputs import _g, emb_labels, logits_bin, logits_cls, real


@case(
    "y01_gumbel_straight_through", "gumbel softmax, hard, with straight-through", False
)
def _():
    cost = torch.tensor([[0.0, 1.0, 3.0], [1.0, 0.0, 1.0], [3.0, 1.0, 0.0]])

    def loss(pred, target):
        soft = (pred / 0.8).softmax(-1)
        hard = F.one_hot(soft.argmax(-1), 3).float()
        y = hard - soft.detach() + soft
        return (cost[target] * y).sum(-1).mean()

    return loss, logits_cls(10, 3)


@case("y02_reinforce", "score function with a reward of the decision", False)
def _():
    def loss(pred, target):
        logp = F.log_softmax(pred, 1)
        action = pred.argmax(1)
        reward = (action == target).float() - 0.3
        return -(reward * logp.gather(1, action[:, None])[:, 0]).mean()

    return loss, logits_cls(12, 4)


@case("y03_list_net", "softmax over the only axis of scores", False)
def _():
    def loss(pred, target):
        return -(F.softmax(target, 0) * F.log_softmax(pred, 0)).sum()

    return loss, real(9)


@case("y04_gaussian_nll", "mean and log variance as two columns", False)
def _():
    def loss(pred, target):
        mean, log_var = pred[:, 0], pred[:, 1].clamp(-8, 8)
        return 0.5 * (log_var + (target - mean) ** 2 * torch.exp(-log_var)).mean()

    def ex(seed=0):
        g = _g(seed)
        return torch.randn(10, 2, generator=g), torch.randn(10, generator=g)

    return loss, ex


@case("y05_beta_nll", "variance detached as a weight", False)
def _():
    def loss(pred, target):
        mean, var = pred[:, 0], F.softplus(pred[:, 1]) + 1e-3
        nll = 0.5 * (var.log() + (target - mean) ** 2 / var)
        return (nll * var.detach() ** 0.5).mean()

    def ex(seed=0):
        g = _g(seed)
        return torch.randn(10, 2, generator=g), torch.randn(10, generator=g)

    return loss, ex


@case("y06_gradient_reversal", "a Function that reverses the gradient", False)
def _():
    class Reverse(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.view_as(x)

        @staticmethod
        def backward(ctx, g):
            return -0.5 * g

    def loss(pred, target):
        own, other = pred[:, :3], Reverse.apply(pred[:, 3:])
        return F.cross_entropy(own, target) + F.cross_entropy(other, target)

    return loss, lambda seed=0: (
        torch.randn(8, 6, generator=_g(seed)),
        torch.randint(0, 3, (8,), generator=_g(seed + 1)),
    )


@case(
    "y07_function_straight_through",
    "a Function that rounds and passes the gradient on",
    False,
)
def _():
    class Round(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return torch.round(x)

        @staticmethod
        def backward(ctx, g):
            return g

    def loss(pred, target):
        return F.mse_loss(Round.apply(pred * 4) / 4, target)

    return loss, real(15)


@case("y08_hard_triplet", "hardest positive and negative found by index", False)
def _():
    def loss(pred, target):
        d = torch.cdist(pred, pred)
        same = target[:, None] == target[None, :]
        far = d.masked_fill(~same, -1.0).argmax(1)
        near = d.masked_fill(same, 1e6).argmin(1)
        rows = torch.arange(len(d))
        return F.relu(d[rows, far] - d[rows, near] + 2.0).mean()

    return loss, emb_labels(9, 4, 3)


@case("y09_batch_class_weights", "class weights counted in the batch", False)
def _():
    def loss(pred, target):
        count = torch.bincount(target, minlength=pred.shape[1]).float()
        weight = len(target) / (count + 1)
        return F.cross_entropy(pred, target, weight=weight)

    return loss, logits_cls(12, 4)


@case("y10_gradient_penalty", "inner gradient with create_graph", False)
def _():
    def loss(pred, target):
        score = F.softplus(pred).sum(1)
        (g,) = torch.autograd.grad(score.sum(), pred, create_graph=True)
        return (
            F.mse_loss(score, target)
            + 0.1 * ((g.pow(2).sum(1) + 1e-6).sqrt() - 1).pow(2).mean()
        )

    def ex(seed=0):
        g = _g(seed)
        return torch.randn(6, 3, generator=g), torch.rand(6, generator=g) * 3

    return loss, ex


@case("y11_vmapped_focal", "vmap over samples", False)
def _():
    def one(row, label):
        logp = F.log_softmax(row, 0)
        at = logp.gather(0, label[None])[0]
        return -((1 - at.exp()) ** 2) * at

    def loss(pred, target):
        return torch.func.vmap(one)(pred, target).mean()

    return loss, logits_cls()


@case("y12_autocast", "a loss inside autocast", False)
def _():
    def loss(pred, target):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            sim = F.normalize(pred, dim=1) @ F.normalize(pred, dim=1).T
        sim = sim.float() / 0.3
        eye = torch.eye(len(sim), dtype=torch.bool)
        same = (target[:, None] == target[None, :]) & ~eye
        logp = sim.masked_fill(eye, -1e4).log_softmax(1)
        return -(logp * same).sum() / same.sum().clamp(min=1)

    return loss, emb_labels(9, 5, 3)


@case("y13_moving_average", "a module with a running mean in a buffer", False)
def _():
    class Balanced(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("level", torch.tensor(1.0))

        def forward(self, pred, target):
            per = (pred - target).abs()
            self.level.mul_(0.9).add_(0.1 * per.detach().mean())
            return (per / (self.level + 1e-6)).mean()

    return Balanced(), real(10)


@case("y14_smooth_within_sample", "smoothness along time, samples first", False)
def _():
    def loss(pred, target):
        step = pred[:, 1:] - pred[:, :-1]
        return (
            F.binary_cross_entropy_with_logits(pred, target)
            + 0.1 * step.square().mean()
        )

    return loss, logits_bin(6, 8)

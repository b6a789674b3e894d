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


@case("y15_policy_ratio", "clipped ratio: value constant, gradient right", False)
def _():
    def loss(pred, target):
        logp = F.log_softmax(pred, 1).gather(1, target[:, None])[:, 0]
        ratio = torch.exp(logp - logp.detach())
        gain = torch.linspace(-1, 1, len(target)) + target.float() * 0.1
        return -torch.min(ratio * gain, ratio.clamp(0.8, 1.2) * gain).mean()

    return loss, logits_cls(9, 3)


@case("y16_barlow", "correlation of two views across the batch", False)
def _():
    def loss(pred, target):
        a = (pred - pred.mean(0)) / (pred.std(0) + 1e-4)
        b = (target - target.mean(0)) / (target.std(0) + 1e-4)
        c = a.T @ b / len(a)
        on = (torch.diagonal(c) - 1).pow(2).sum()
        off = c.pow(2).sum() - torch.diagonal(c).pow(2).sum()
        return on + 0.01 * off

    return loss, real(10, 4)


@case("y17_cox", "partial likelihood, sorted by time", False)
def _():
    def loss(pred, target):
        time, event = target[:, 0], target[:, 1]
        order = torch.argsort(time, descending=True)
        risk = pred[order]
        log_sum = torch.logcumsumexp(risk, 0)
        return -((risk - log_sum) * event[order]).sum() / event.sum().clamp(min=1)

    def ex(seed=0):
        g = _g(seed)
        return torch.randn(12, generator=g), torch.stack(
            [
                torch.rand(12, generator=g),
                torch.randint(0, 2, (12,), generator=g).float(),
            ],
            1,
        )

    return loss, ex


@case("y18_giou", "generalised IoU of boxes", False)
def _():
    def loss(pred, target):
        lt, rb = (
            torch.max(pred[:, :2], target[:, :2]),
            torch.min(pred[:, 2:], target[:, 2:]),
        )
        wh = (rb - lt).clamp(min=0)
        inter = wh[:, 0] * wh[:, 1]
        area = lambda b: (
            (b[:, 2] - b[:, 0]).clamp(min=0) * (b[:, 3] - b[:, 1]).clamp(min=0)
        )
        union = area(pred) + area(target) - inter
        hull = (
            torch.max(pred[:, 2:], target[:, 2:])
            - torch.min(pred[:, :2], target[:, :2])
        ).clamp(min=0)
        whole = hull[:, 0] * hull[:, 1] + 1e-6
        return (1 - inter / (union + 1e-6) + (whole - union) / whole).mean()

    def ex(seed=0):
        g = _g(seed)
        box = lambda: torch.cat(
            [
                c := torch.rand(8, 2, generator=g),
                c + 0.2 + torch.rand(8, 2, generator=g),
            ],
            1,
        )
        return box(), box()

    return loss, ex


@case("y19_hinge_critic", "hinge loss of a discriminator", False)
def _():
    def loss(pred, target):
        return (F.relu(1 - pred) * target + F.relu(1 + pred) * (1 - target)).mean()

    return loss, logits_bin(14)


@case("y20_masked_sequence", "token loss with padding", False)
def _():
    def loss(pred, target):
        per = F.cross_entropy(
            pred.transpose(1, 2), target.clamp(min=0), reduction="none"
        )
        mask = (target >= 0).float()
        return (per * mask).sum() / mask.sum().clamp(min=1)

    def ex(seed=0):
        g = _g(seed)
        return torch.randn(4, 6, 5, generator=g), torch.randint(
            -1, 5, (4, 6), generator=g
        )

    return loss, ex


@case("y21_kl_log_target", "KL of two log-softmax", False)
def _():
    def loss(pred, target):
        return F.kl_div(
            F.log_softmax(pred, 1),
            F.log_softmax(target, 1),
            reduction="batchmean",
            log_target=True,
        )

    return loss, real(6, 5)


@case("y22_self_distillation", "symmetric KL with one side detached", False)
def _():
    def loss(pred, target):
        a, b = pred[:, 0], pred[:, 1]
        la, lb = F.log_softmax(a, -1), F.log_softmax(b, -1)
        kl = F.kl_div(la, lb.detach().exp(), reduction="batchmean") + F.kl_div(
            lb, la.detach().exp(), reduction="batchmean"
        )
        return F.cross_entropy(a, target) + F.cross_entropy(b, target) + 0.5 * kl

    def ex(seed=0):
        g = _g(seed)
        return torch.randn(7, 2, 4, generator=g), torch.randint(0, 4, (7,), generator=g)

    return loss, ex


@case("y23_variance_hinge", "hinge on the deviation across the batch", False)
def _():
    def loss(pred, target):
        std = torch.sqrt(pred.var(0) + 1e-4)
        return F.mse_loss(pred, target) + F.relu(1 - std).mean()

    return loss, real(10, 3)


@case("y24_quantised_with_commitment", "vector quantisation, straight-through", False)
def _():
    book = torch.randn(6, 3, generator=torch.Generator().manual_seed(9))

    def loss(pred, target):
        index = torch.cdist(pred, book).argmin(1)
        q = book[index]
        z = pred + (q - pred).detach()
        return F.mse_loss(z, target) + 0.25 * F.mse_loss(pred, q)

    return loss, real(8, 3)


@case("y25_soft_f1", "F1 of sigmoid scores", False)
def _():
    def loss(pred, target):
        p = torch.sigmoid(pred)
        tp = (p * target).sum(0)
        return (1 - 2 * tp / (p.sum(0) + target.sum(0) + 1e-6)).mean()

    return loss, logits_bin(12, 3)


@case("y26_scripted", "a TorchScript function", False)
def _():
    import warnings

    def script(pred, target):
        return ((pred - target) ** 2).mean() + 0.1 * pred.abs().mean()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loss = torch.jit.trace(script, (torch.randn(9), torch.randn(9)))
    return loss, real(9)


@case("y27_tweedie", "Tweedie deviance on a log scale", False)
def _():
    def loss(pred, target):
        eta = pred.clamp(-20, 20)
        return (torch.exp(0.5 * eta) * 2 + target * torch.exp(-0.5 * eta) * 2).mean()

    def ex(seed=0):
        g = _g(seed)
        return torch.randn(12, generator=g), torch.rand(12, generator=g) * 3

    return loss, ex


@case("y28_sigmoid_contrastive", "pairwise sigmoid loss of two views", False)
def _():
    def loss(pred, target):
        sim = 5 * F.normalize(pred, dim=1) @ F.normalize(target, dim=1).T - 2
        sign = 2 * torch.eye(len(sim)) - 1
        return -F.logsigmoid(sign * sim).sum() / len(sim)

    return loss, real(8, 5)

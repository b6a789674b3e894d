"""Further correct losses, most of them traps."""

import torch
import torch.nn.functional as F

from doctor_corpus.case import case
from doctor_corpus.inputs import _g, logits_bin, logits_cls, real


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

"""Further losses that are connected and wrong, or not finite somewhere."""

import torch
import torch.nn.functional as F

from doctor_corpus.case import case
from doctor_corpus.inputs import _g, logits_cls, prob_bin, real


@case(
    "x35_cumulative_over_batch",
    "cumulative sum along the batch",
    True,
    {"BATCH_ORDER"},
    "run = torch.cumsum(pred - target, 0)",
)
def _():
    def loss(pred, target):
        run = torch.cumsum(pred - target, 0)
        return (run**2).mean()

    return loss, real(10)


@case(
    "x36_labels_shifted",
    "labels shifted in place",
    True,
    {"MUTATES_INPUT"},
    "target -= target.min()",
)
def _():
    def loss(pred, target):
        target -= target.min()
        target += 1
        target -= 1
        return F.cross_entropy(pred, target)

    def ex(seed=0):
        g = _g(seed)
        return torch.randn(8, 6, generator=g), torch.randint(1, 5, (8,), generator=g)

    return loss, ex


@case(
    "x37_prediction_clamped_in_place",
    "clamp_ on the prediction",
    True,
    {"MUTATES_INPUT"},
    "p = pred.clamp_(1e-3, 1 - 1e-3)||pred.clamp_(",
)
def _():
    def loss(pred, target):
        p = pred.clamp_(0.1, 0.9)
        return F.binary_cross_entropy(p, target)

    return loss, prob_bin(14)


@case(
    "x38_exp_overwritten",
    "the result of exp is overwritten",
    True,
    {"INPLACE"},
    "e += 1",
)
def _():
    def loss(pred, target):
        e = torch.exp(pred)
        scaled = e * 2
        e += 1
        return (scaled.log() - e.log() * target).pow(2).mean()

    return loss, real(8)


@case(
    "x39_backward_lost_sign",
    "backward with the wrong sign for one input",
    True,
    {"WRONG_BACKWARD"},
    "def backward(ctx, g)||return g * x.sign()||Gap.apply(",
)
def _():
    class Gap(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x.abs() + 0.5 * x**2

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * x.sign()

    def loss(pred, target):
        return Gap.apply(pred - target).mean()

    return loss, real(12)


@case(
    "x40_dict_returned",
    "a dictionary of parts is returned",
    True,
    {"NOT_SCALAR"},
    "return {",
)
def _():
    def loss(pred, target):
        fit = F.mse_loss(pred, target)
        size = pred.abs().mean()
        return {"fit": fit, "size": size}

    return loss, real(6, 2)


@case(
    "x41_entropy_of_probabilities",
    "p log p at p = 0",
    True,
    {"NAN_SINGULAR"},
    "ent = -(p * p.log()).sum(1).mean()",
)
def _():
    def loss(pred, target):
        p = pred.softmax(1)
        ent = -(p * p.log()).sum(1).mean()
        return F.cross_entropy(pred, target) + 0.1 * ent

    return loss, logits_cls()


@case(
    "x42_dice_without_epsilon",
    "Dice of an empty pair",
    True,
    {"NAN_DIV0"},
    "dice = 2 * inter / (pred.sum(1) + target.sum(1))",
)
def _():
    def loss(pred, target):
        inter = (pred * target).sum(1)
        dice = 2 * inter / (pred.sum(1) + target.sum(1))
        return 1 - dice.mean()

    return loss, prob_bin(4, 10)


@case(
    "x43_standardised",
    "z-scores of a constant prediction",
    True,
    {"NAN_DIV0", "NAN_SINGULAR"},
    "z = (pred - pred.mean()) / pred.std()",
)
def _():
    def loss(pred, target):
        z = (pred - pred.mean()) / pred.std()
        return F.mse_loss(z, target)

    return loss, real(14)


@case(
    "x44_log_cosh",
    "log(cosh(x)) overflows",
    True,
    {"OVERFLOW"},
    "torch.cosh(pred - target)",
)
def _():
    def loss(pred, target):
        return torch.log(torch.cosh(pred - target)).mean()

    return loss, real(12)


@case(
    "x45_where_root",
    "where around a root",
    True,
    {"NAN_WHERE"},
    "torch.where(gap > 1e-4, torch.sqrt(gap), gap)",
)
def _():
    def loss(pred, target):
        gap = ((pred - target) ** 2).sum(1)
        far = torch.where(gap > 1e-4, torch.sqrt(gap), gap)
        return far.mean()

    return loss, real(7, 3)


@case(
    "x46_hard_sigmoid",
    "clamped line as a probability",
    True,
    {"SATURATION"},
    "p = torch.clamp(pred / 2 + 0.5, 0, 1)",
)
def _():
    def loss(pred, target):
        p = torch.clamp(pred / 2 + 0.5, 0, 1)
        return F.mse_loss(p, target)

    def ex(seed=0):
        g = _g(seed)
        return torch.randn(16, generator=g) * 2, torch.randint(
            0, 2, (16,), generator=g
        ).float()

    return loss, ex


@case(
    "x47_fisher_z",
    "atanh of a correlation",
    True,
    {"NAN_SINGULAR", "NAN_DIV0"},
    "return -torch.atanh(r)||r = F.cosine_similarity||r = (a * b)",
)
def _():
    def loss(pred, target):
        a, b = pred - pred.mean(), target - target.mean()
        r = (a * b).sum() / torch.sqrt((a * a).sum() * (b * b).sum() + 1e-12)
        return -torch.atanh(r)

    return loss, real(12)


@case(
    "x48_list_returned", "a list of per-scale losses", True, {"NOT_SCALAR"}, "return ["
)
def _():
    def loss(pred, target):
        return [F.mse_loss(pred[:, ::k], target[:, ::k]) for k in (1, 2)]

    return loss, real(5, 8)

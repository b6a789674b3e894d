"""Further losses that are connected and wrong, or not finite somewhere."""

import random

import torch
import torch.nn.functional as F

from doctor_corpus.case import case
from doctor_corpus.inputs import _g, logits_cls, real, seg


@case(
    "x20_pseudo_labels_only",
    "own argmax used as the label",
    True,
    {"TARGET_IGNORED"},
    "return F.cross_entropy(pred, pred.argmax(1))",
)
def _():
    def loss(pred, target):
        return F.cross_entropy(pred, pred.argmax(1))

    return loss, logits_cls()


@case(
    "x21_zero_weight",
    "a weight of zeros",
    True,
    {"PRED_IGNORED"},
    "per = weight * (pred - target) ** 2",
)
def _():
    def loss(pred, target):
        weight = torch.zeros_like(target)
        per = weight * (pred - target) ** 2
        return per.mean()

    return loss, real(10)


@case(
    "x22_softmax_of_one_column",
    "softmax over a single logit",
    True,
    {"PRED_IGNORED"},
    "p = F.softmax(pred, dim=1)",
)
def _():
    def loss(pred, target):
        p = F.softmax(pred, dim=1)
        return F.binary_cross_entropy(p.squeeze(1), target)

    def ex(seed=0):
        g = _g(seed)
        return torch.randn(10, 1, generator=g), torch.randint(
            0, 2, (10,), generator=g
        ).float()

    return loss, ex


@case(
    "x23_log_likelihood",
    "log likelihood without the minus",
    True,
    {"WRONG_SIGN"},
    "return torch.log_softmax(pred, 1).gather(1, target[:, None]).mean()",
)
def _():
    def loss(pred, target):
        return torch.log_softmax(pred, 1).gather(1, target[:, None]).mean()

    return loss, logits_cls()


@case(
    "x24_similarity_returned",
    "cosine similarity minimised",
    True,
    {"WRONG_SIGN"},
    "return F.cosine_similarity(pred, target, dim=1).mean()",
)
def _():
    def loss(pred, target):
        return F.cosine_similarity(pred, target, dim=1).mean()

    return loss, real(8, 6)


@case(
    "x25_squeezed_once",
    "squeeze on one side only",
    True,
    {"BROADCAST"},
    "return F.l1_loss(out, target)",
)
def _():
    def loss(pred, target):
        out = pred.squeeze(-1)
        return F.l1_loss(out, target)

    def ex(seed=0):
        g = _g(seed)
        return torch.randn(7, 1, generator=g), torch.randn(7, 1, generator=g)

    return loss, ex


@case(
    "x26_channel_axis_weight",
    "pixel weights without the channel axis",
    True,
    {"BROADCAST"},
    "return (per * weight).mean()",
)
def _():
    def loss(pred, target):
        y, weight = target[:, :1], target[:, 1]
        per = F.binary_cross_entropy_with_logits(pred, y, reduction="none")
        return (per * weight).mean()

    def ex(seed=0):
        g = _g(seed)
        return torch.randn(3, 1, 4, 4, generator=g), torch.randint(
            0, 2, (3, 2, 4, 4), generator=g
        ).float()

    return loss, ex


@case(
    "x27_cross_entropy_of_sigmoid",
    "sigmoid before cross entropy",
    True,
    {"DOUBLE_ACTIVATION"},
    "return F.cross_entropy(scores, target)",
)
def _():
    def loss(pred, target):
        scores = torch.sigmoid(pred)
        return F.cross_entropy(scores, target)

    return loss, logits_cls()


@case(
    "x28_nll_of_logits",
    "nll_loss on raw logits",
    True,
    {"WRONG_INPUT_KIND"},
    "return F.nll_loss(pred, target)",
)
def _():
    def loss(pred, target):
        return F.nll_loss(pred, target)

    return loss, logits_cls()


@case(
    "x29_kl_both_logs",
    "kl_div with log-probabilities as its target",
    True,
    {"WRONG_INPUT_KIND", "NAN_SINGULAR"},
    'return F.kl_div(p, q, reduction="batchmean")',
)
def _():
    def loss(pred, target):
        p, q = F.log_softmax(pred, 1), F.log_softmax(target, 1)
        return F.kl_div(p, q, reduction="batchmean")

    return loss, real(6, 5)


@case(
    "x30_soft_cross_entropy_swapped",
    "cross entropy with soft target first",
    True,
    {"ARG_SWAP"},
    "return F.cross_entropy(target, pred.softmax(1))",
)
def _():
    def loss(pred, target):
        return F.cross_entropy(target, pred.softmax(1))

    return loss, real(6, 5)


@case(
    "x31_hand_made_softmax",
    "softmax by hand over the batch",
    True,
    {"WRONG_DIM"},
    "q = e / e.sum(0)||q = e / e.sum(0, keepdim=True)",
)
def _():
    def loss(pred, target):
        e = (pred - pred.max()).exp()
        q = e / e.sum(0, keepdim=True)
        return -(q[torch.arange(len(q)), target] + 1e-8).log().mean()

    return loss, logits_cls()


@case(
    "x32_softmax_over_width",
    "softmax over the last axis of an image",
    True,
    {"WRONG_DIM"},
    "p = pred.softmax(-1)",
)
def _():
    def loss(pred, target):
        p = pred.softmax(-1)
        return F.nll_loss((p + 1e-8).log(), target)

    return loss, seg(2, 3, 5, 6)


@case(
    "x33_noise_added",
    "noise added in the loss",
    True,
    {"NONDET"},
    "noisy = pred + 0.1 * torch.randn_like(pred)",
)
def _():
    def loss(pred, target):
        noisy = pred + 0.1 * torch.randn_like(pred)
        return F.mse_loss(noisy, target)

    return loss, real(7, 3)


@case(
    "x34_python_choice",
    "random.sample of rows",
    True,
    {"NONDET"},
    "rows = random.sample(range(len(pred)), 4)",
)
def _():
    def loss(pred, target):
        rows = random.sample(range(len(pred)), 4)
        return (pred[rows] - target[rows]).abs().mean()

    return loss, real(12, 2)

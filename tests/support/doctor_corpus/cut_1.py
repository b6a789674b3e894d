"""The graph is cut."""

import torch
import torch.nn.functional as F

from doctor_corpus.case import case
from doctor_corpus.inputs import _g, logits_bin, logits_cls, prob_bin, real, seg


@case(
    "b01_accuracy_as_loss",
    "forums.fast.ai/t/50891 why does nll have grad_fn while accuracy doesn't",
    True,
    {"INDEX_OP", "HARD_THRESHOLD"},
    "argmax(dim=-1)",
    "1-accuracy",
)
def _():
    def loss(pred, target):
        hit = pred.argmax(dim=-1)
        acc = (hit == target).float().mean()
        return 1.0 - acc

    return loss, logits_cls()


@case(
    "b02_argmax_then_mse_forced",
    "php.cn faq 1835025 (softmax().argmax().type(float32) into loss_fn)",
    True,
    {"INDEX_OP", "REQUIRES_GRAD_MASK"},
    "labels = probs.argmax(1)",
    "error silenced by requires_grad_()",
)
def _():
    def loss(pred, target):
        probs = torch.softmax(pred, 1)
        labels = probs.argmax(1).type(torch.float32)
        labels.requires_grad_()
        return F.mse_loss(labels, target.float())

    return loss, logits_cls()


@case(
    "b03_max_indices_dice",
    "pytorch/pytorch#1339 backprop through argmax (torch.max(y,1)[1])",
    True,
    {"INDEX_OP"},
    "_, seg_map = torch.max(pred, 1)",
    "Dice on the winning class map",
)
def _():
    def loss(pred, target):
        _, seg_map = torch.max(pred, 1)
        score = 0.0
        for k in range(pred.shape[1]):
            a = (seg_map == k).float()
            b = (target == k).float()
            score = score + (2 * (a * b).sum() + 1) / (a.sum() + b.sum() + 1)
        return 1 - score / pred.shape[1]

    return loss, seg()


@case(
    "b04_iou_thresholded",
    "discuss.pytorch.org/t/148899 custom IoU loss is not differentiable",
    True,
    {"HARD_THRESHOLD"},
    "torch.where(pred < thr, 0, 1)",
    "where with constant branches + logical_and",
)
def _():
    thr = 0.5

    def loss(pred, target):
        on = torch.where(pred < thr, 0, 1)
        inter = torch.logical_and(on, target.bool()).sum(-1)
        union = torch.logical_or(on, target.bool()).sum(-1)
        return 1 - (inter / (union + 1e-6)).mean()

    return loss, prob_bin(4, 16)


@case(
    "b05_union_typo_constant",
    "discuss.pytorch.org/t/148899 (union computed like the intersection)",
    True,
    {"PRED_IGNORED"},
    "union = (pred * target).sum(-1)||((inter + 1e-6) / (union + 1e-6))",
    "soft IoU is identically 1: gradient exactly 0",
)
def _():
    def loss(pred, target):
        inter = (pred * target).sum(-1)
        union = (pred * target).sum(-1)
        return 1 - ((inter + 1e-6) / (union + 1e-6)).mean()

    return loss, prob_bin(4, 16)


@case(
    "b06_f1_round",
    "stackoverflow 65318064 train on F1 score (torch.round(y_pred))",
    True,
    {"PIECEWISE_CONST"},
    "hard = torch.round(pred)",
    "grad exists but is zero everywhere",
)
def _():
    def loss(pred, target):
        hard = torch.round(pred)
        tp = (target * hard).sum(0)
        fp = ((1 - target) * hard).sum(0)
        fn = (target * (1 - hard)).sum(0)
        p, r = tp / (tp + fp + 1e-7), tp / (tp + fn + 1e-7)
        return 1 - (2 * p * r / (p + r + 1e-7)).mean()

    return loss, prob_bin(12, 3)


@case(
    "b07_threshold_rewrapped",
    "qubvel-org/segmentation_models.pytorch#611 threshold for Dice loss",
    True,
    {"HARD_THRESHOLD", "REWRAP", "REQUIRES_GRAD_MASK"},
    "x > 0.5",
    "mask wrapped in torch.tensor(.., requires_grad=True)",
)
def _():
    def _threshold(x):
        m = (x > 0.5).type(x.dtype)
        return torch.tensor(m, requires_grad=True)

    def loss(pred, target):
        on = _threshold(torch.sigmoid(pred))
        return 1 - (2 * (on * target).sum() + 1) / (on.sum() + target.sum() + 1)

    return loss, logits_bin(3, 20)


@case(
    "b08_sign_mask_penalty",
    "Hiyuur/SR-TOD#5 gradient flow through torch.sign threshold",
    True,
    {"PIECEWISE_CONST"},
    "torch.sign(pred - 0.3)",
    "(sign+1)/2 mask, differentiable in name only",
)
def _():
    def loss(pred, target):
        mask = (torch.sign(pred - 0.3) + 1) * 0.5
        return (mask - target).abs().mean()

    return loss, prob_bin(20)


@case(
    "b09_long_cast",
    "pytorch/pytorch#91431, rasbt/machine-learning-book#145 (loss_fn(pred.long(), y))",
    True,
    {"INT_CAST"},
    "steps = pred.long()",
    "class value regression after .long()",
)
def _():
    def loss(pred, target):
        steps = pred.long()
        return ((steps - target.long()).float() ** 2).mean()

    def ex(seed=0):
        g = _g(seed)
        return torch.rand(10, generator=g) * 8, torch.rand(10, generator=g) * 8

    return loss, ex


@case(
    "b10_grid_quantised",
    "Healthcare-Robotics/BodyPressure#15 int conversion inside the loss path",
    True,
    {"INT_CAST"},
    "cells = (pred * 100).int()",
    "int grid then back to float",
)
def _():
    def loss(pred, target):
        cells = (pred * 100).int()
        back = cells.float() / 100
        return F.l1_loss(back, target)

    return loss, real(14)


@case(
    "b11_tensor_of_tensors",
    "discuss.pytorch.org/t/23261 gradient is lost with torch.tensor([t1, t2])",
    True,
    {"REWRAP", "ITEM_ESCAPE"},
    "parts = torch.tensor([",
    "list of scalars rebuilt with torch.tensor",
)
def _():
    def loss(pred, target):
        a = torch.cos(pred).mean()
        b = (pred - target).pow(2).mean()
        parts = torch.tensor([a, b])
        return (parts * torch.tensor([0.1, 1.0])).sum()

    return loss, real(9)


@case(
    "b12_items_in_list",
    "RangiLyu/nanodet#7, roman-vygon/triplet_loss_kws#6 (loss.requires_grad=True)",
    True,
    {"ITEM_ESCAPE", "REWRAP", "REQUIRES_GRAD_MASK"},
    "per.append(((p - t) ** 2).item())",
    "python list of floats",
)
def _():
    def loss(pred, target):
        per = []
        for p, t in zip(pred, target):
            per.append(((p - t) ** 2).item())
        out = torch.tensor(per).mean()
        out.requires_grad = True
        return out

    return loss, real(7)


@case(
    "b13_variable_of_data",
    "speechbrain/speechbrain#735 loss = Variable(loss, requires_grad=True)",
    True,
    {"DETACH", "REQUIRES_GRAD_MASK", "REWRAP"},
    "raw = F.smooth_l1_loss(pred.data, target)",
    ".data + Variable",
)
def _():
    from torch.autograd import Variable

    def loss(pred, target):
        raw = F.smooth_l1_loss(pred.data, target)
        return Variable(raw, requires_grad=True)

    return loss, real(11)


@case(
    "b14_sklearn_f1",
    "stackoverflow 65318064 / pythonfixing.com 2023-12 (F1 from sklearn as loss)",
    True,
    {"NUMPY_ESCAPE", "DETACH", "HARD_THRESHOLD", "REWRAP", "REQUIRES_GRAD_MASK"},
    "p = pred.detach().cpu().numpy()",
    "sklearn metric inside the loss",
)
def _():
    from sklearn.metrics import f1_score

    def loss(pred, target):
        p = pred.detach().cpu().numpy()
        y = target.cpu().numpy()
        score = f1_score(y, p > 0.5, zero_division=0)
        return torch.tensor(1.0 - score, requires_grad=True)

    return loss, prob_bin(40)


@case(
    "b15_average_precision",
    "Lightning-AI/torchmetrics#388 classification metrics return no grad",
    True,
    {"INDEX_OP"},
    "order = torch.argsort(pred, descending=True)",
    "ranking metric through sort order",
)
def _():
    def loss(pred, target):
        order = torch.argsort(pred, descending=True)
        rel = target[order]
        prec = rel.cumsum(0) / torch.arange(1, rel.numel() + 1)
        return 1 - (prec * rel).sum() / rel.sum().clamp(min=1)

    return loss, prob_bin(20)

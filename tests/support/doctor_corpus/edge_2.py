"""Not finite, or without gradient, at reachable inputs."""

import torch
import torch.nn.functional as F

from doctor_corpus.case import case
from doctor_corpus.inputs import _g, logits_bin, prob_bin, real


@case(
    "b58_heatmap_focal_raw_log",
    "whosebug 6560032 (CornerNet-style focal, torch.log(pred) unguarded)",
    True,
    {"NAN_SINGULAR"},
    "pos = torch.log(pred) * (1 - pred) ** 2 * target",
    "probability exactly 0 or 1",
)
def _():
    def loss(pred, target):
        pos = torch.log(pred) * (1 - pred) ** 2 * target
        neg = torch.log(1 - pred) * pred**2 * (1 - target)
        n = target.sum()
        if n == 0:
            return -neg.sum()
        return -(pos.sum() + neg.sum()) / n

    return loss, prob_bin(20)


@case(
    "b59_fractional_pow",
    "kornia/kornia#918 nan gradient of focal loss with gamma < 1",
    True,
    {"NAN_SINGULAR"},
    "mod = torch.pow(1.0 - p, 0.5)||torch.pow(p, 0.5)",
    "saturated sigmoid: pow(0, 0.5)",
)
def _():
    def loss(pred, target):
        p = torch.sigmoid(pred)
        mod = torch.pow(1.0 - p, 0.5)
        a = mod * target * torch.log(p + 1e-8)
        b = torch.pow(p, 0.5) * (1 - target) * torch.log(1 - p + 1e-8)
        return -(a + b).mean()

    return loss, logits_bin(12)


@case(
    "b60_pearson_constant",
    "pytorch/pytorch#4320 std gradient, NVIDIA-Genomics-Research/AtacWorks#104",
    True,
    {"NAN_DIV0", "NAN_SINGULAR"},
    "cov / (pred.std() * target.std())",
    "constant prediction",
)
def _():
    def loss(pred, target):
        cov = ((pred - pred.mean()) * (target - target.mean())).mean()
        return 1 - cov / (pred.std() * target.std())

    return loss, real(16)


@case(
    "b61_naive_softplus",
    "kornia/kornia#64,#65 -inf in losses; pytorch#68425 exp of a large value",
    True,
    {"OVERFLOW"},
    "sp = torch.log(1 + torch.exp(pred))",
    "exp overflow at logits around 90",
)
def _():
    def loss(pred, target):
        sp = torch.log(1 + torch.exp(pred))
        return (sp - pred * target).mean()

    return loss, logits_bin(12)


@case(
    "b62_cosine_hand_made",
    "HobbitLong/SupContrast#50 (nan without normalisation), zero embedding",
    True,
    {"NAN_DIV0", "NAN_SINGULAR"},
    "cos = (pred * target).sum(1) / (pred.norm(dim=1) * target.norm(dim=1))",
    "zero vector",
)
def _():
    def loss(pred, target):
        cos = (pred * target).sum(1) / (pred.norm(dim=1) * target.norm(dim=1))
        return (1 - cos).mean()

    return loss, real(6, 4)


@case(
    "b63_clamped_output",
    "MCG-NJU/EMA-VFI#27 torch.clamp blocks the gradient; BackgroundMattingV2#128",
    True,
    {"SATURATION"},
    "img = torch.clamp(pred, 0, 1)",
    "no gradient for any output outside [0,1]",
)
def _():
    def loss(pred, target):
        img = torch.clamp(pred, 0, 1)
        return (img - target).abs().mean()

    def ex(seed=0):
        g = _g(seed)
        return torch.randn(24, generator=g) * 1.2 + 0.5, torch.rand(24, generator=g)

    return loss, ex


@case(
    "b64_mse_on_sigmoid",
    "pytorch/pytorch#31396 gradients are zero (saturated squashing)",
    True,
    {"SATURATION"},
    "return F.mse_loss(torch.sigmoid(pred), target)",
    "confidently wrong logits get no gradient",
)
def _():
    def loss(pred, target):
        return F.mse_loss(torch.sigmoid(pred), target)

    return loss, logits_bin(16)


@case(
    "b65_vector_loss",
    "'grad can be implicitly created only for scalar outputs' (QHfirewater notebook, many threads)",
    False,
    note="one loss per example, to be reduced by the caller",
)
def _():
    def loss(pred, target):
        return ((pred - target) ** 2).sum(1)

    return loss, real(6, 3)

"""Connected, and wrong."""

import torch
import torch.nn.functional as F

from doctor_corpus.case import case
from doctor_corpus.inputs import logits_bin, logits_cls, real


@case(
    "b40_log_softmax_dim0",
    "MicrosoftDocs/pytorchfundamentals#21, ikostrikov/pytorch-meta-optimizer#10",
    True,
    {"WRONG_DIM"},
    "logp = F.log_softmax(pred, dim=0)",
    "normalised over the batch",
)
def _():
    def loss(pred, target):
        logp = F.log_softmax(pred, dim=0)
        return F.nll_loss(logp, target)

    return loss, logits_cls()


@case(
    "b41_supervised_term_overwritten",
    "yuanyuanli85/Fast_Human_Pose_Estimation_Pytorch#5 (total_loss assigned twice)",
    True,
    {"TARGET_IGNORED"},
    "total = 0.1 * ent||total = F.cross_entropy(pred, target)",
    "first term overwritten",
)
def _():
    def loss(pred, target):
        total = F.cross_entropy(pred, target)
        p = pred.softmax(1)
        ent = -(p * (p + 1e-9).log()).sum(1).mean()
        total = 0.1 * ent
        return total

    return loss, logits_cls()


@case(
    "b42_nll_of_probs",
    "pytorch/pytorch#5282 (probabilities where log-probabilities are expected)",
    True,
    {"WRONG_INPUT_KIND"},
    "return F.nll_loss(pred.softmax(1), target)",
    "loss bounded at -1, gradient tiny when wrong",
)
def _():
    def loss(pred, target):
        return F.nll_loss(pred.softmax(1), target)

    return loss, logits_cls()


@case(
    "b43_random_pooling",
    "z-bingo/Contextual-Loss-PyTorch#2 random pooling: nonzero loss for same inputs",
    True,
    {"NONDET"},
    "pick = torch.randperm(pred.shape[1])[:4]",
    "samples positions on every call",
)
def _():
    def loss(pred, target):
        pick = torch.randperm(pred.shape[1])[:4]
        return ((pred[:, pick] - target[:, pick]) ** 2).mean()

    return loss, real(5, 24)


@case(
    "b44_neighbour_smoothness_over_batch",
    "WaqasSultani/AnomalyDetectionCVPR2018#24 (temporal smoothness, indexing of segments)",
    True,
    {"BATCH_ORDER"},
    "jump = pred[1:] - pred[:-1]",
    "time smoothness applied to a shuffled batch",
)
def _():
    def loss(pred, target):
        fit = F.binary_cross_entropy_with_logits(pred, target)
        jump = pred[1:] - pred[:-1]
        return fit + 0.1 * (jump**2).mean()

    return loss, logits_bin(12)


@case(
    "b45_labels_overwritten",
    "NVIDIA-NeMo/Automodel#3917 masked_fill_ on a view of the caller's labels",
    True,
    {"MUTATES_INPUT"},
    "flat.masked_fill_(",
    "second call sees other labels",
)
def _():
    def loss(pred, target):
        flat = target.view(-1)
        flat.masked_fill_(flat == 0, -100)
        return F.cross_entropy(pred, flat)

    return loss, logits_cls()


@case(
    "b46_inplace_on_saved",
    "open-mmlab/mmdetection#10716 variable modified by an in-place operation",
    True,
    {"INPLACE"},
    "p.clamp_(1e-6, 1 - 1e-6)",
    "sigmoid output saved for backward is overwritten",
)
def _():
    def loss(pred, target):
        p = torch.sigmoid(pred)
        q = p * target
        p.clamp_(1e-6, 1 - 1e-6)
        return -(torch.log(p) * q).mean()

    return loss, logits_bin(12)


@case(
    "b47_zeroing_prediction",
    "pattern: masked assignment on the caller's tensor; cf. open-mmlab/mmdetection#173 review (in-place label write)",
    True,
    {"MUTATES_INPUT", "INPLACE"},
    "pred[target < 0] = 0",
    "writes into the caller's output",
)
def _():
    def loss(pred, target):
        pred[target < 0] = 0
        return ((pred - target.clamp(min=0)) ** 2).mean()

    return loss, real(12)


@case(
    "b48_backward_mask_inverted",
    "pytorch/pytorch#1860 Threshold backward masks the wrong side",
    True,
    {"WRONG_BACKWARD"},
    "grad_out * (x <= 0.2).float()||def backward(ctx, grad_out)||Hinge.apply(",
    "autograd.Function with inverted mask",
)
def _():
    class Hinge(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, thr):
            ctx.save_for_backward(x)
            return (x - thr).clamp(min=0)

        @staticmethod
        def backward(ctx, grad_out):
            (x,) = ctx.saved_tensors
            return grad_out * (x <= 0.2).float(), None

    def loss(pred, target):
        return Hinge.apply((pred - target).abs(), 0.2).mean()

    return loss, real(16)


@case(
    "b49_backward_forgets_scale",
    "discuss.pytorch.org/t/1284 custom loss as autograd.Function; Saran-nns/gradients README",
    True,
    {"WRONG_BACKWARD"},
    "return 2 * (y - t), None||def backward(ctx, grad_out)||MSE.apply(",
    "ignores grad_output and the mean",
)
def _():
    class MSE(torch.autograd.Function):
        @staticmethod
        def forward(ctx, y, t):
            ctx.save_for_backward(y, t)
            return ((y - t) ** 2).mean()

        @staticmethod
        def backward(ctx, grad_out):
            y, t = ctx.saved_tensors
            return 2 * (y - t), None

    def loss(pred, target):
        return MSE.apply(pred, target)

    return loss, real(16)

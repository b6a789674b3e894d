"""Connected, and wrong."""

import torch
import torch.nn.functional as F

from doctor_corpus.case import case
from doctor_corpus.inputs import _g, logits_bin, logits_cls, real, seg


@case(
    "b30_mse_rank_promotion",
    "pytorch/pytorch#16045, #19699; manzilzaheer/DeepSets#2",
    True,
    {"BROADCAST"},
    "diff = pred - target",
    "(N,1)-(N,) -> (N,N)",
)
def _():
    def loss(pred, target):
        diff = pred - target
        return (diff**2).mean()

    def ex(seed=0):
        g = _g(seed)
        return torch.randn(9, 1, generator=g), torch.randn(9, generator=g)

    return loss, ex


@case(
    "b31_weight_rank_promotion",
    "jsboige/CoursIA#926, LAMDA-Tabular/TALENT#92",
    True,
    {"BROADCAST"},
    "return (w * per).mean()",
    "per-sample weight (N,1) times loss (N,)",
)
def _():
    def loss(pred, target):
        y, w = target[:, 0], target[:, 1:2]
        per = F.smooth_l1_loss(pred, y, reduction="none")
        return (w * per).mean()

    def ex(seed=0):
        g = _g(seed)
        return torch.randn(9, generator=g), torch.rand(9, 2, generator=g)

    return loss, ex


@case(
    "b32_double_softmax_ce",
    "Lightning-Universe/lightning-bolts#654 softmax before log-softmax",
    True,
    {"DOUBLE_ACTIVATION"},
    "return F.cross_entropy(torch.softmax(pred, dim=1), target)",
    "loss cannot go below ~0.9",
)
def _():
    def loss(pred, target):
        return F.cross_entropy(torch.softmax(pred, dim=1), target)

    return loss, logits_cls()


@case(
    "b33_softmax_then_sigmoid_dice",
    "Hsuxu/Loss_ToolBox-PyTorch#11 softmax then sigmoid in Dice",
    True,
    {"DOUBLE_ACTIVATION"},
    "q = torch.sigmoid(q)",
    "inner binary Dice squashes again",
)
def _():
    def binary_dice(q, t):
        q = torch.sigmoid(q)
        return 1 - (2 * (q * t).sum() + 1) / (q.sum() + t.sum() + 1)

    def loss(pred, target):
        q = torch.softmax(pred, 1)
        oh = F.one_hot(target, pred.shape[1]).movedim(-1, 1).float()
        return (
            sum(binary_dice(q[:, k], oh[:, k]) for k in range(pred.shape[1]))
            / pred.shape[1]
        )

    return loss, seg()


@case(
    "b34_sigmoid_then_bce_logits",
    "itakurah/focal-loss-pytorch#5 sigmoid before bce_with_logits",
    True,
    {"DOUBLE_ACTIVATION", "SATURATION"},
    'bce = F.binary_cross_entropy_with_logits(p, target, reduction="none")',
    "focal loss; also saturates",
)
def _():
    def loss(pred, target):
        p = torch.sigmoid(pred)
        bce = F.binary_cross_entropy_with_logits(p, target, reduction="none")
        pt = p * target + (1 - p) * (1 - target)
        return ((1 - pt) ** 2 * bce).mean()

    return loss, logits_bin(16)


@case(
    "b35_kl_of_probs",
    "sebastian-hofstaetter/matchmaker#18, microsoft/ProDA#20 kl_div(softmax, softmax)",
    True,
    {"WRONG_INPUT_KIND"},
    "return F.kl_div(pred.softmax(-1), target.softmax(-1)",
    "input must be log-probabilities",
)
def _():
    def loss(pred, target):
        return F.kl_div(pred.softmax(-1), target.softmax(-1), reduction="batchmean")

    return loss, real(6, 5)


@case(
    "b36_distill_teacher_vs_teacher",
    "labmlai/annotated_deep_learning_paper_implementations#66",
    True,
    {"PRED_IGNORED"},
    "student = F.log_softmax(target / 2.0, -1)",
    "student branch reads the teacher's logits",
)
def _():
    def loss(pred, target):
        teacher = F.softmax(target / 2.0, -1)
        student = F.log_softmax(target / 2.0, -1)
        return F.kl_div(student, teacher, reduction="batchmean") + 1.0

    return loss, real(6, 5)


@case(
    "b37_dice_not_negated",
    "IAmSuyogJadhav/3d-mri...#7, justusschock/dl-utils#7 (returns the coefficient)",
    True,
    {"WRONG_SIGN"},
    "return (2 * inter + 1) / (p.sum() + target.sum() + 1)",
    "minimising pushes overlap to zero",
)
def _():
    def loss(pred, target):
        p = torch.sigmoid(pred)
        inter = (p * target).sum()
        return (2 * inter + 1) / (p.sum() + target.sum() + 1)

    return loss, logits_bin(3, 20)


@case(
    "b38_critic_parenthesis",
    "YeonwooSung/GAN_Implementation#5 misplaced parenthesis in the critic loss",
    True,
    {"WRONG_SIGN"},
    "return -torch.mean(real + torch.mean(fake))",
    "fake scores are pushed up as well",
)
def _():
    def loss(pred, target):
        real, fake = pred[target > 0.5], pred[target <= 0.5]
        return -torch.mean(real + torch.mean(fake))

    def ex(seed=0):
        g = _g(seed)
        return torch.randn(12, generator=g), (torch.arange(12) % 2).float()

    return loss, ex


@case(
    "b39_bce_arguments_swapped",
    "autonomousvision/sledge#4 binary_cross_entropy_with_logits arguments swapped",
    True,
    {"ARG_SWAP"},
    "return F.binary_cross_entropy_with_logits(target, pred)",
    "linear in pred, unbounded below",
)
def _():
    def loss(pred, target):
        return F.binary_cross_entropy_with_logits(target, pred)

    return loss, logits_bin(12)

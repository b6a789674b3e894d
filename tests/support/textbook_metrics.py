"""The count-based losses, written directly from the definitions of their metrics.

Each takes the scores `z` and the target `q` of a whole batch as object arrays of mpmath
numbers, `(examples, classes)`, with `q` one-hot for labels. The shape is `(examples,)`
for the task "binary" and `(examples, labels)` for "multilabel". `weight` has one number
per example. 0/0 counts as 0, which is the default of the library.
"""

from functools import cached_property, lru_cache
from itertools import pairwise

import numpy as np
from mpmath import mp, mpf

import textbook


@lru_cache(maxsize=4096)
def _softmax(row, precision):
    return textbook.softmax(np.array(row, dtype=object))


def memberships(z, task="multiclass"):
    if task == "multiclass":
        return np.array([_softmax(tuple(row), mp.prec) for row in z])
    return 1 / (1 + textbook.exp(-z))


def share(part, whole):
    return part / whole if whole else mpf(0)


class Table:
    """Soft counts of a batch: of pairs of classes, and of each class alone."""

    def __init__(self, z, q, weight=None, task="multiclass"):
        p = memberships(z, task)
        w = 1 if weight is None else weight[:, None]
        if task == "binary":
            p, q = (np.stack([1 - x, x], -1) for x in (p, q))
        self.several = task == "multilabel"
        self.total = mpf(len(z)) if weight is None else weight.sum()
        self.predicted, self.actual = (w * p).sum(0), (w * q).sum(0)
        both, neither = np.minimum(p, q), np.minimum(1 - p, 1 - q)
        cells = [both, p - both, q - both, neither]
        # TP, FP, FN and TN of each class against the rest.
        self.each_class = np.transpose([(w * x).sum(0) for x in cells])
        self.hit = self.each_class[:, 0]
        self._pairs = p, w * q

    @cached_property
    def matrix(self):
        decided, true = self._pairs
        return (true[:, :, None] * decided[:, None, :]).sum(0)


def averaged(of_class):
    """One minus the mean over the classes of a metric of TP, FP, FN and TN."""

    def loss(table, *, average="macro", absent="keep", **options):
        values = np.array([of_class(*c, **options) for c in table.each_class])
        if average == "binary":
            return 1 - values[1]
        weight = table.actual if average == "weighted" else np.ones(len(values))
        if absent == "drop":
            weight = weight * (table.actual > 0)
        return 1 - (weight * values).sum() / weight.sum()

    return loss


def precision(tp, fp, fn, tn):
    return share(tp, tp + fp)


def recall(tp, fp, fn, tn):
    return share(tp, tp + fn)


def specificity(tp, fp, fn, tn):
    return share(tn, tn + fp)


def informedness(tp, fp, fn, tn):
    if tp + fn == 0 or tn + fp == 0:
        return mpf(0)
    return tp / (tp + fn) + tn / (tn + fp) - 1


def markedness(tp, fp, fn, tn):
    if tp + fp == 0 or tn + fn == 0:
        return mpf(0)
    return tp / (tp + fp) + tn / (tn + fn) - 1


def fowlkes_mallows(tp, fp, fn, tn):
    return share(tp, mp.sqrt((tp + fp) * (tp + fn)))


def f_beta(tp, fp, fn, tn, *, beta=1.0, smooth=0.0):
    b, s = mpf(beta) ** 2, mpf(smooth)
    return share((1 + b) * tp + s, (1 + b) * tp + b * fn + fp + s)


def jaccard(tp, fp, fn, tn):
    return share(tp, tp + fp + fn)


def tversky(tp, fp, fn, tn, *, alpha=0.5, beta=0.5):
    return share(tp, tp + mpf(alpha) * fp + mpf(beta) * fn)


def focal_tversky(tp, fp, fn, tn):
    return 1 - (1 - tversky(tp, fp, fn, tn)) ** mpf(0.75)


def accuracy(table):
    if table.several:
        right = sum(tp + tn for tp, _, _, tn in table.each_class)
        return 1 - right / (table.total * len(table.hit))
    return 1 - table.hit.sum() / table.total


def recalls(table):
    pairs = zip(table.hit, table.actual, strict=True)
    return [hit / actual for hit, actual in pairs if actual > 0]


def balanced_accuracy(table, *, adjusted=False):
    found = recalls(table)
    score, chance = sum(found) / len(found), mpf(1) / len(found)
    if not adjusted:
        return 1 - score
    return 1 - (score - chance) / (1 - chance) if len(found) > 1 else mpf(0)


def g_mean(table):
    found = recalls(table)
    return 1 - mp.fprod(found) ** (mpf(1) / len(found))


def mcc(table):
    n = table.total
    covariance = n * table.hit.sum() - (table.actual * table.predicted).sum()
    of_truth = n**2 - (table.actual**2).sum()
    of_decisions = n**2 - (table.predicted**2).sum()
    return 1 - share(covariance, mp.sqrt(of_truth * of_decisions))


def cohen_kappa(table, *, weights=None):
    n = table.total
    by_chance = np.outer(table.actual, table.predicted) / n**2
    if weights is None:
        agreed, expected = table.hit.sum() / n, by_chance.trace()
        return 1 - share(agreed - expected, 1 - expected)
    rank = np.arange(len(table.hit))
    penalty = abs(rank[:, None] - rank) ** (1 if weights == "linear" else 2)
    return share((penalty * table.matrix).sum() / n, (penalty * by_chance).sum())


def generalized_dice(table):
    present = [size for size in table.actual if size > 0]
    size = np.array([s if s > 0 else min(present) for s in table.actual])
    overlap = 2 * (table.hit / size**2).sum()
    return 1 - overlap / ((table.predicted + table.actual) / size**2).sum()


def normalized_cost(table, cost):
    constant = (table.actual[:, None] * cost).sum(0)
    return share((table.matrix * cost).sum(), min(constant))


def regret(table, cost):
    least = np.array([min(row) for row in cost])
    return (table.matrix * (cost - least[:, None])).sum() / table.total


LOSSES = {
    "accuracy_loss": accuracy,
    "balanced_accuracy_loss": balanced_accuracy,
    "cohen_kappa_loss": cohen_kappa,
    "dice_loss": averaged(f_beta),
    "f_beta_loss": averaged(f_beta),
    "focal_tversky_loss": averaged(focal_tversky),
    "fowlkes_mallows_loss": averaged(fowlkes_mallows),
    "g_mean_loss": g_mean,
    "generalized_dice_loss": generalized_dice,
    "hss_loss": cohen_kappa,
    "informedness_loss": averaged(informedness),
    "jaccard_loss": averaged(jaccard),
    "markedness_loss": averaged(markedness),
    "mcc_loss": mcc,
    "normalized_cost_loss": normalized_cost,
    "precision_loss": averaged(precision),
    "recall_loss": averaged(recall),
    "regret_loss": regret,
    "savings_loss": normalized_cost,
    "specificity_loss": averaged(specificity),
    "tversky_loss": averaged(tversky),
}


def lovasz_extension(errors, truth):
    """Sum of the sorted errors, each times what its example adds to the Jaccard loss.

    The errors are in descending order. The Jaccard loss of a set of mistakes is their
    number, divided by the number of examples that are true or mistaken (Berman et al.,
    CVPR 2018, eq. 4 and 6).
    """

    def jaccard_loss(mistaken):
        union = mistaken | {i for i, y in enumerate(truth) if y}
        return share(mpf(len(mistaken)), len(union))

    order = sorted(range(len(errors)), key=lambda i: -errors[i])
    steps = [jaccard_loss(set(order[:n])) for n in range(len(order) + 1)]
    gains = [after - before for before, after in pairwise(steps)]
    return sum(errors[i] * gain for i, gain in zip(order, gains, strict=True))


def lovasz_softmax(z, q, *, classes="present"):
    errors = abs(q - memberships(z))
    of_class = [
        lovasz_extension(errors[:, k], q[:, k])
        for k in range(q.shape[1])
        if classes == "all" or q[:, k].any()
    ]
    return sum(of_class) / len(of_class)


def lovasz_hinge(z, q):
    return lovasz_extension(textbook.relu(1 - z * (2 * q - 1)), q)


def q_error(prediction, target, *, log_space=True, floor=1e-6):
    """One element: the tangent beyond a factor of e^30, linear below the floor."""
    floor, below = mpf(floor), mpf(0)
    if not log_space:
        target = max(target, floor)
        if prediction < floor:
            prediction, below = floor, (floor - prediction) / floor
        prediction, target = mp.log(prediction), mp.log(target)
    size = abs(prediction - target)
    bounded = min(size, mpf(30))
    return (1 + below) * (mp.exp(bounded) * (1 + size - bounded) - 1)

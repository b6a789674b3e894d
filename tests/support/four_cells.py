"""The count-based losses from four numbers per class: TP, FP, FN and TN.

The published formulas, in plain arithmetic. They run on tensors, where autograd gives
the gradient, and on NumPy arrays of mpmath numbers, for cases where float64 is too
coarse. A metric is None where it is 0/0.
"""

from functools import cached_property
from math import isnan, nan

import numpy as np


class Table:
    """The counts of memberships `a` and targets `y`, both `(examples, classes)`.

    `w` has a weight per example, or per label of each example. The true positive part
    is the product `a * y` for labels, and the minimum of the two for soft targets. A
    multilabel problem (`several`) has an independent table for each label.
    """

    def __init__(self, a, y, w, *, soft=False, several=False):
        self.several, self.pairs = several, (a, w * y)
        if soft:
            both, either = (a + y - abs(a - y)) / 2, (a + y + abs(a - y)) / 2
            cells = both, a - both, y - both, 1 - either
        else:
            cells = a * y, a * (1 - y), (1 - a) * y, (1 - a) * (1 - y)
        columns = [(w * x).sum(0) for x in cells]
        self.cells = [tuple(cell) for cell in zip(*columns, strict=True)]
        # The four cells of each class contain all examples.
        self.total = [sum(cell) for cell in self.cells]

    @property
    def hits(self):
        return [tp for tp, _, _, _ in self.cells]

    @property
    def actual(self):
        return [tp + fn for tp, _, fn, _ in self.cells]

    @cached_property
    def matrix(self):
        """A row per true class, a column per decision."""
        a, wy = self.pairs
        return (wy[:, :, None] * a[:, None, :]).sum(0)


def share(part, whole):
    return None if whole == 0 else part / whole


def precision(tp, fp, fn, tn):
    return share(tp, tp + fp)


def recall(tp, fp, fn, tn):
    return share(tp, tp + fn)


def specificity(tp, fp, fn, tn):
    return share(tn, tn + fp)


def informedness(tp, fp, fn, tn):
    if tp + fn == 0 or tn + fp == 0:
        return None
    return tp / (tp + fn) + tn / (tn + fp) - 1


def markedness(tp, fp, fn, tn):
    if tp + fp == 0 or tn + fn == 0:
        return None
    return tp / (tp + fp) + tn / (tn + fn) - 1


def fowlkes_mallows(tp, fp, fn, tn):
    return share(tp, ((tp + fp) * (tp + fn)) ** 0.5)


def f_beta(tp, fp, fn, tn, *, beta=1.0, smooth=0.0):
    b = beta * beta
    top = (1 + b) * tp + smooth
    return share(top, top + b * fn + fp)


def jaccard(tp, fp, fn, tn, *, smooth=0.0):
    return share(tp + smooth, tp + fp + fn + smooth)


def tversky(tp, fp, fn, tn, *, alpha=0.5, beta=0.5, smooth=0.0):
    return share(tp + smooth, tp + smooth + alpha * fp + beta * fn)


def focal_tversky(tp, fp, fn, tn, *, gamma=0.75, alpha=0.5, beta=0.5, smooth=0.0):
    missed = alpha * fp + beta * fn
    part = share(missed, tp + smooth + missed)
    # For a perfect class the power has infinite slope; the library returns slope 0.
    return None if part is None else 1 - (part**gamma if part > 0 else 0)


OF_CLASS = {
    "dice": f_beta,
    "f_beta": f_beta,
    "focal_tversky": focal_tversky,
    "fowlkes_mallows": fowlkes_mallows,
    "informedness": informedness,
    "jaccard": jaccard,
    "markedness": markedness,
    "precision": precision,
    "recall": recall,
    "specificity": specificity,
    "tversky": tversky,
}


def averaged(
    table,
    of_class,
    *,
    average="macro",
    zero_division=0.0,
    absent="keep",
    classes=None,
    class_weight=None,
    **options,
):
    """The metric of every class, or their mean; None where nothing is defined."""
    chosen = range(len(table.cells)) if classes is None else classes
    kept = [k for k in chosen if not left_out(table.cells[k], absent)]
    if average == "micro":
        sums = [sum(table.cells[k][i] for k in kept) for i in range(4)]
        return defined(of_class(*sums, **options), zero_division)
    values = {
        k: defined(of_class(*table.cells[k], **options), zero_division) for k in kept
    }
    if average == "binary":
        return values[1]
    if average is None:
        return [values.get(k) for k in chosen]
    values = {k: v for k, v in values.items() if v is not None}
    weights = {k: 1 if class_weight is None else class_weight[k] for k in values}
    if average == "weighted":
        weights = {k: w * table.actual[k] for k, w in weights.items()}
    return mean(values, weights) if values else defined(None, zero_division)


def mean(values, weights):
    if sum(weights.values()) == 0:
        weights = dict.fromkeys(values, 1)
    return sum(weights[k] * v for k, v in values.items()) / sum(weights.values())


def left_out(cell, absent):
    tp, fp, fn, tn = cell
    if tp + fp + fn + tn == 0:
        return True  # a label that all examples ignore
    return {
        "keep": False,
        "drop": tp + fn == 0,
        "drop_unseen": tp + fn == 0 and tp + fp == 0,
    }[absent]


def defined(value, zero_division):
    if value is not None:
        return value
    return None if isnan(zero_division) else zero_division


def accuracy(table):
    if table.several:
        right = sum(tp + tn for tp, _, _, tn in table.cells)
        return share(right, sum(table.total))
    return share(sum(table.hits), table.total[0])


def recalls(table, classes=None):
    chosen = range(len(table.cells)) if classes is None else classes
    found = {k: recall(*table.cells[k]) for k in chosen}
    return {k: value for k, value in found.items() if value is not None}


def balanced_accuracy(table, *, adjusted=False, classes=None, class_weight=None):
    found = recalls(table, classes)
    if len(found) < 1 + adjusted:
        return None
    weight = {k: 1 if class_weight is None else class_weight[k] for k in found}
    score, chance = mean(found, weight), 1 / len(found)
    return (score - chance) / (1 - chance) if adjusted else score


def g_mean(table, *, classes=None, class_weight=None):
    found = recalls(table, classes)
    if not found:
        return None
    weight = {k: 1 if class_weight is None else class_weight[k] for k in found}
    product = 1
    for k, value in found.items():
        if weight[k] == 0:
            continue
        if value == 0:
            return 0
        product = product * value ** (weight[k] / sum(weight.values()))
    return product


def covariance(table):
    """Covariance of truth and decisions, summed over the classes."""
    parts = sum(tp * tn - fp * fn for tp, fp, fn, tn in table.cells)
    return parts / table.total[0] ** 2


def mcc(table):
    """Covariance over the root of the product of the two variances."""
    of_truth = of_decisions = 0
    for tp, fp, fn, tn in table.cells:
        of_truth = of_truth + (tp + fn) * (fp + tn)
        of_decisions = of_decisions + (tp + fp) * (fn + tn)
    return share(
        covariance(table) * table.total[0] ** 2, (of_truth * of_decisions) ** 0.5
    )


def cohen_kappa(table, *, weights=None):
    if weights is None:
        chance = sum((tp + fn) * (fn + tn) for tp, _, fn, tn in table.cells)
        return share(covariance(table), chance / table.total[0] ** 2)
    m = table.matrix
    power = 1 if weights == "linear" else 2
    seen = expected = 0
    for i, j in np.ndindex(*m.shape):
        seen = seen + abs(i - j) ** power * m[i, j]
        expected = expected + abs(i - j) ** power * m[i].sum() * m[:, j].sum()
    part = share(seen * m.sum(), expected)
    return None if part is None else 1 - part


def generalized_dice(table, *, weighting="square", classes=None):
    power = {"square": 2, "simple": 1, "uniform": 0}[weighting]
    chosen = range(len(table.cells)) if classes is None else classes
    sizes = {k: table.actual[k] for k in chosen}
    present = [size for size in sizes.values() if size > 0]
    top = bottom = 0
    for k in chosen:
        tp, fp, fn, _ = table.cells[k]
        # An absent class has the weight of the smallest class that is present.
        size = sizes[k] if sizes[k] > 0 else min(present, default=1)
        top = top + 2 * tp / size**power
        bottom = bottom + (2 * tp + fp + fn) / size**power
    return share(top, bottom)


def normalized_cost(table, *, cost):
    """`cost` is a nested list: a row per true class, a number per decision."""
    actual = [row.sum() for row in table.matrix]
    constant = [
        sum(n * row[j] for n, row in zip(actual, cost, strict=True))
        for j in range(len(cost[0]))
    ]
    return share(spent(table.matrix, cost), min(constant))


def regret(table, *, cost):
    beyond = [[c - min(row) for c in row] for row in cost]
    return share(spent(table.matrix, beyond), table.matrix.sum())


def spent(matrix, cost):
    cells = [(i, j) for i, row in enumerate(cost) for j in range(len(row))]
    return sum(cost[i][j] * matrix[i, j] for i, j in cells)


OF_TABLE = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "cohen_kappa": cohen_kappa,
    "g_mean": g_mean,
    "generalized_dice": generalized_dice,
    "hss": cohen_kappa,
    "mcc": mcc,
}
OF_COST = {
    "normalized_cost": normalized_cost,
    "regret": regret,
    "savings": normalized_cost,
}


def measured(name, table, *, zero_division=None, **options):
    """The metric behind a loss; None if it is undefined or no example is left.

    The cost losses are not one minus a metric; for them, one minus the loss.
    """
    metric = name.removesuffix("_loss")
    if zero_division is None:
        zero_division = nan if metric == "balanced_accuracy" else 0.0
    if sum(table.total) == 0:
        several = options.get("average", "macro") is None
        return [None] * len(options.get("classes") or table.cells) if several else None
    if metric in OF_COST:
        found = OF_COST[metric](table, **options)
        return 1 if found is None else 1 - found
    if metric in OF_CLASS:
        of_class = OF_CLASS[metric]
        return averaged(table, of_class, zero_division=zero_division, **options)
    return defined(OF_TABLE[metric](table, **options), zero_division)


def loss(name, table, **options):
    """The loss of that name; 0 if it is undefined or no example is left."""
    found = measured(name, table, **options)
    if isinstance(found, list):
        return [0 if value is None else 1 - value for value in found]
    return 0 if found is None else 1 - found

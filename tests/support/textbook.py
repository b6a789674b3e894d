"""The published formulas, written naively from their sources.

Each takes one example: scores `z` (one for each decision, or for each class where
they are logits of classes), the class probabilities `q` of the target (one-hot for
a label), then what the loss takes. Numbers are those of mpmath, 60 digits, so
that `1 - p` and `log` may be written as in the papers and still be right.
"""

import numpy as np
from mpmath import mp, mpf

mp.dps = 60

exact = np.frompyfunc(lambda x: mpf(x.item() if hasattr(x, "item") else x), 1, 1)
exp = np.frompyfunc(mp.exp, 1, 1)
log = np.frompyfunc(mp.log, 1, 1)


def softmax(z):
    e = exp(z)
    return e / e.sum()


def log_sum_exp(z):
    return mp.log(exp(z).sum())


def softplus(x):
    return log(1 + exp(x))


def relu(x):
    return np.where(x > 0, x, 0 * x)


def expectation(q, of_label):
    """Mean over the label: a class that has no probability does not count."""
    return sum(q[y] * of_label(y) for y in range(len(q)) if q[y] > 0)


def cross_entropy(z, q):
    return expectation(q, lambda y: log_sum_exp(z) - z[y])


def sigmoid(z):
    return 1 / (1 + exp(-z))

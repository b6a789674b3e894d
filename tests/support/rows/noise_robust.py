"""Rows of the table: losses for labels that may be wrong."""

from math import log

from mpmath import mpf

from cases import Loss
from rows.shared import HALVES, NO_NUMBER
from textbook import cross_entropy, expectation, softmax


def generalized_cross_entropy(z, target, *, q=0.7):
    p = softmax(z)
    return expectation(target, lambda y: (1 - p[y] ** mpf(q)) / mpf(q))


def symmetric_cross_entropy(z, q, *, alpha=0.1, beta=1.0, log_zero=-4.0):
    """The reverse cross entropy of a one-hot label has `log_zero` for all others."""
    p = softmax(z)
    reverse = expectation(q, lambda y: -(p.sum() - p[y]) * mpf(log_zero))
    return mpf(alpha) * cross_entropy(z, q) + mpf(beta) * reverse


def poly(z, q, *, epsilon=1.0):
    p = softmax(z)
    missed = expectation(q, lambda y: p.sum() - p[y])
    return cross_entropy(z, q) + mpf(epsilon) * missed


ROWS = (
    Loss(
        name="generalized_cross_entropy_loss",
        textbook=generalized_cross_entropy,
        options=({}, {"q": 1.0}, {"q": 0.125}),
        forms=("labels", "probs"),
        by_hand=(
            ([0.0, 0], 0, [], {"q": 1.0}, 1 / 2),
            (HALVES, 1, [], {"q": 0.5}, 1.0),
            (HALVES, 1, [], {}, (1 - 4**-0.7) / 0.7),
            (HALVES, [0, 0.5, 0, 0.5], [], {"q": 1.0}, (3 / 4 + 7 / 8) / 2),
        ),
        numbers={"q": 0.5},
        bad_options=tuple({"q": x} for x in (0.0, -1.0, 2.0, *NO_NUMBER)),
        vanishes=True,
        sharp=("value",),
    ),
    Loss(
        name="symmetric_cross_entropy_loss",
        textbook=symmetric_cross_entropy,
        options=({}, {"alpha": 0.0}, {"alpha": 6.0, "beta": 0.5, "log_zero": -0.5}),
        forms=("labels", "probs"),
        by_hand=(
            (HALVES, 1, [], {}, 0.1 * log(4) + 4 * 3 / 4),
            (HALVES, 1, [], {"beta": 0.0, "alpha": 1.0}, log(4)),
            (HALVES, 1, [], {"alpha": 0.0, "log_zero": -2.0}, 3 / 2),
            (HALVES, [0, 0.5, 0, 0.5], [], {"alpha": 0.0}, 2 * (3 / 4 + 7 / 8)),
        ),
        numbers={"alpha": 0.5, "beta": 2.0, "log_zero": -2.5},
        bad_options=(
            *({name: x} for name in ("alpha", "beta") for x in (-1.0, *NO_NUMBER)),
            *({"log_zero": x} for x in (0.0, 2.0, *NO_NUMBER)),
        ),
        vanishes=True,
        sharp=("value",),
    ),
    Loss(
        name="poly_loss",
        textbook=poly,
        options=({}, {"epsilon": -0.5}, {"epsilon": 4.0}),
        forms=("labels", "probs"),
        by_hand=(
            (HALVES, 1, [], {}, log(4) + 3 / 4),
            (HALVES, 0, [], {"epsilon": -1.0}, log(2) - 1 / 2),
            (HALVES, [0, 0.5, 0, 0.5], [], {}, (log(32) + 3 / 4 + 7 / 8) / 2),
        ),
        numbers={"epsilon": 0.5},
        bad_options=tuple({"epsilon": x} for x in (-2.0, *NO_NUMBER)),
        log_divergent=True,
        vanishes=True,
        sharp=("value", "gradient"),
    ),
)

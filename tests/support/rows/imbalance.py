"""Rows of the table: losses for classes of unequal frequency."""

import math

from mpmath import mp, mpf

from cases import Loss
from rows.shared import HALVES, NO_NUMBER
from textbook import cross_entropy, expectation, log, softmax


def focal(z, q, *, gamma=2.0):
    p = softmax(z)
    return -expectation(q, lambda y: (1 - p[y]) ** mpf(gamma) * mp.log(p[y]))


def logit_adjusted(z, q, prior, *, temperature=1.0):
    return cross_entropy(z + mpf(temperature) * log(prior / prior.sum()), q)


ROWS = (
    Loss(
        name="focal_loss",
        textbook=focal,
        options=({}, {"gamma": 0.0}, {"gamma": 0.5}),
        forms=("labels", "probs"),
        by_hand=(
            ([0.0, 0], 0, [], {"gamma": 0.0}, math.log(2)),
            ([0.0, 0], 1, [], {}, math.log(2) / 4),
            ([0.0, 0, 0], 2, [], {"gamma": 1.0}, 2 / 3 * math.log(3)),
        ),
        numbers={"gamma": 1.5},
        bad_options=tuple({"gamma": x} for x in (-1.0, *NO_NUMBER)),
        log_divergent=True,
        vanishes=True,
        sharp=("value", "gradient"),
    ),
    Loss(
        name="logit_adjusted_loss",
        textbook=logit_adjusted,
        options=({}, {"temperature": 0.5}),
        forms=("labels", "probs"),
        by_hand=(
            # Scores that ignore the prior are right only as often as it says.
            ([0.0, 0, 0], 2, [[0.5, 0.25, 0.25]], {}, math.log(4)),
            ([0.0, 0, 0], 2, [[8.0, 4, 4]], {}, math.log(4)),
            (HALVES, 1, [[0.125, 0.25, 0.5, 0.5]], {}, math.log(4)),
            (HALVES, 1, [[0.9, 0.8, 0.7, 0.6]], {"temperature": 0.0}, math.log(4)),
        ),
        numbers={"temperature": 0.5},
        bad_options=tuple({"temperature": x} for x in (-1.0, *NO_NUMBER)),
        log_divergent=True,
        vanishes=True,
        sharp=("value", "gradient"),
    ),
)

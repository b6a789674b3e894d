"""Rows of the table: losses of soft targets."""

from math import log

from mpmath import mp

from cases import Loss
from rows.shared import HALVES
from textbook import cross_entropy, expectation, softmax


def soft_target(z, q, *, divergence="cross_entropy"):
    entropy = -expectation(q, lambda y: mp.log(q[y]))
    return cross_entropy(z, q) - (entropy if divergence == "kl" else 0)


def forward_corrected(z, q, transition):
    observed = softmax(z) @ transition
    return -expectation(q, lambda y: mp.log(observed[y]))


ROWS = (
    Loss(
        name="soft_target_loss",
        textbook=soft_target,
        options=({}, {"divergence": "kl"}),
        forms=("probs",),
        by_hand=(
            (HALVES, [0.5, 0.25, 0.125, 0.125], [], {}, 1.75 * log(2)),
            (HALVES, [0.5, 0.25, 0.125, 0.125], [], {"divergence": "kl"}, 0.0),
            ([0.0, 0, 0], [0.5, 0.5, 0], [], {"divergence": "kl"}, log(3 / 2)),
            (HALVES, [0.0, 1, 0, 0], [], {}, log(4)),
        ),
        bad_options=({"divergence": "js"},),
        log_divergent=True,
        vanishes=True,
        sharp=("value", "gradient"),
    ),
    Loss(
        name="forward_corrected_loss",
        textbook=forward_corrected,
        forms=("labels", "probs"),
        by_hand=(
            # Seen as 1: 3/4 of the ones and 1/2 of the zeros. Golden: the row
            # of the observed label would give 3/4 * 1/4 + 1/4 * 3/4.
            ([log(3), 0.0], 1, [[[0.5, 0.5], [0.25, 0.75]]], {}, log(16 / 9)),
            ([0.0, 0], 0, [[[1.0, 0], [0, 1]]], {}, log(2)),
        ),
        sharp=("value",),
    ),
)

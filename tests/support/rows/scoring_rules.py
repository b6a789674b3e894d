"""Rows of the table: losses of scoring rules."""

import numpy as np

from cases import Loss
from rows.shared import HALVES, ZERO_ONE, A
from textbook import softmax


def energy_cost(z, q, cost):
    p = softmax(z)
    return p @ (q @ cost) - p @ cost @ p / 2


def ranked_probability(z, q):
    gap = np.cumsum(softmax(z)) - np.cumsum(q)
    return (gap[:-1] ** 2).sum()


ROWS = (
    Loss(
        name="energy_cost_loss",
        textbook=energy_cost,
        by_hand=(
            # A p = (11, 15, 24, 24)/8, so p A p / 2 = (5.5 + 3.75 + 3 + 3)/16.
            (HALVES, 1, [A], {}, 1.875 - 15.25 / 16),  # golden
            ([0.0, 0, 0], 1, [ZERO_ONE], {}, 2 / 3 - 1 / 3),
        ),
        vanishes=True,
        sharp=("value",),
    ),
    Loss(
        name="ranked_probability_loss",
        textbook=ranked_probability,
        forms=("labels", "probs"),
        by_hand=(
            (HALVES, 0, [], {}, (4**2 + 2**2 + 1**2) / 64),
            (HALVES, 3, [], {}, (4**2 + 6**2 + 7**2) / 64),
            (HALVES, [0.5, 0.25, 0.125, 0.125], [], {}, 0.0),
        ),
        vanishes=True,
        sharp=("value",),
    ),
)

"""Rows of the table: losses of margins."""

from math import e, log

from cases import Loss
from rows.shared import HALVES, ZERO_ONE, A
from textbook import expectation, log_sum_exp


def softmax_margin(z, q, cost):
    return expectation(q, lambda y: log_sum_exp(z + cost[y] - cost[y, y]) - z[y])


def cost_hinge(z, q, cost):
    return expectation(q, lambda y: max(z + cost[y] - cost[y, y]) - z[y])


ROWS = (
    Loss(
        name="softmax_margin_loss",
        textbook=softmax_margin,
        by_hand=(
            (HALVES, 1, [A], {}, log(2 * e + 1 + (e**3 + e**8) / 2)),  # golden
            ([0.0, 0], 0, [[[0, log(3)], [1, 0]]], {}, log(4)),
            # A diagonal that is not 0 counts as the price of being right.
            ([0.0, 0], 0, [[[2, 2 + log(3)], [1, 0]]], {}, log(4)),
        ),
        log_divergent=True,
        vanishes=True,
        sharp=("value", "gradient"),
    ),
    Loss(
        name="cost_hinge_loss",
        textbook=cost_hinge,
        by_hand=(
            (HALVES, 1, [A], {}, 8 - log(8) + log(4)),  # golden
            ([2.0, 0, 0], 0, [ZERO_ONE], {}, 0.0),
            ([0.0, 0], [0.25, 0.75], [[[0.0, 5], [1, 0]]], {}, 5 / 4 + 3 / 4),
        ),
        kinked=True,
        log_divergent=True,
        sharp=("gradient", "curvature"),
    ),
)

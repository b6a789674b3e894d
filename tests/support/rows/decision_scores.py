"""Rows of the table: losses of the scores of decisions."""

import math

import numpy as np
from mpmath import mp, mpf

from cases import Loss
from rows.shared import ALL, EVEN, A
from textbook import exp, relu, softplus


def cost_regression(z, q, cost, *, one_sided=False, smooth=True):
    c = q @ cost
    if not one_sided:
        return ((z - c) ** 2).sum()
    sign = np.array([1 if c_j == min(c) else -1 for c_j in c])
    return (softplus if smooth else relu)(sign * (z - c)).sum()


def exponential_with_a_tangent_above_30(s):
    return np.where(s > 30, mp.exp(30) * (s - 29), exp(np.where(s > 30, 30, s)))


def sum_to_zero(z, q, cost, *, phi="exp"):
    s = z - z.mean()
    of_score = {
        "exp": exponential_with_a_tangent_above_30,
        "softplus": softplus,
        "hinge": lambda s: relu(mpf(1) / (len(z) - 1) + s),
    }
    return ((q @ cost) * of_score[phi](s)).sum()


ROWS = (
    Loss(
        name="cost_regression_loss",
        textbook=cost_regression,
        options=({}, {"one_sided": True}, {"one_sided": True, "smooth": False}),
        forms=ALL,
        by_hand=(
            ([2.0, 1, 1, 1], 1, [A], {}, 1 + 1 + 4 + 49),  # golden
            (
                [2.0, 1, 1, 1],
                1,
                [A],
                {"one_sided": True, "smooth": False},
                0 + 1 + 2 + 7,
            ),
            (
                [0.0, 0, 1],
                0,
                [[[0.0, 0, 1], [1, 0, 1], [1, 1, 0]]],
                {"one_sided": True},
                3 * math.log(2),
            ),
            # Both cheapest decisions are over-estimated: both count.
            (
                [1.0, 2, 5],
                0,
                [[[0.0, 0, 1], [1, 0, 1], [1, 1, 0]]],
                {"one_sided": True, "smooth": False},
                3.0,
            ),
        ),
        bad_options=({"smooth": False},),
        shift_invariant=False,
        kinked=True,
        sharp=("value", "gradient"),
    ),
    Loss(
        name="sum_to_zero_loss",
        textbook=sum_to_zero,
        options=({"phi": "exp"}, {"phi": "softplus"}, {"phi": "hinge"}),
        required=("phi",),
        forms=ALL,
        by_hand=(
            # Golden.
            ([1.0, -1, 1, -1], 1, [A], {"phi": "exp"}, 4 * math.e + 8 / math.e),
            ([1.0, -1, 1, -1], 1, [A], {"phi": "hinge"}, 4 * (1 / 3 + 1)),
            (EVEN, 1, [A], {"phi": "softplus"}, 12 * math.log(2)),
            # The tangent at 30: e^30 (1 + 20).
            ([50.0, -50], 1, [[[0.0, 1], [1, 0]]], {"phi": "exp"}, 21 * math.exp(30)),
        ),
        bad_options=({"phi": "square"},),
        kinked=True,
        sharp=("curvature",),
    ),
)

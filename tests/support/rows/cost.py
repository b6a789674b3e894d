"""Rows of the table: losses of the cost."""

import math

from mpmath import mpf

from cases import Loss
from rows.shared import ALL, EVEN, HALVES, NO_NUMBER, ZERO_ONE, A, U
from textbook import cross_entropy, log, log_sum_exp, softmax


def expected_cost(z, q, cost, *, risk=0.0):
    c = q @ cost
    if risk == 0:
        return (c * softmax(z)).sum()
    return (log_sum_exp(z + mpf(risk) * c) - log_sum_exp(z)) / mpf(risk)


def log_cost(z, q, cost):
    return -((q @ cost) * log(1 - softmax(z))).sum()


def cost_regularized(z, q, cost, *, base="cross_entropy", strength=1.0):
    first = cross_entropy(z, q) if base == "cross_entropy" else log_cost(z, q, cost)
    return first + mpf(strength) * expected_cost(z, q, cost)


def soft_decision_cost(z, q, cost, *, temperature):
    decision = softmax(-(softmax(z) @ cost) / mpf(temperature))
    return (q @ cost) @ decision


ROWS = (
    Loss(
        name="expected_cost_loss",
        textbook=expected_cost,
        options=({}, {"risk": 1.0}, {"risk": -0.5}),
        forms=ALL,
        by_hand=(
            (HALVES, 1, [A], {}, 1 / 2 + 3 / 8 + 8 / 8),  # golden
            (EVEN, 1, [U], {}, (1 + 0 + 3 + 8) / 4),
            (EVEN, [0, 0.5, 0, 0.5], [U], {}, (6 + 8 + 5 + 8) / 8),
            (EVEN, None, [[1.0, 0, 3, 8]], {}, 3.0),
            ([0.0, 0, 0], 1, [[[0.0, 5, 1], [2, 0, 1]]], {}, 1.0),
            ([0.0, 0], 0, [[[0.0, math.log(3)], [1, 0]]], {"risk": 1.0}, math.log(2)),
            (
                [0.0, 0],
                0,
                [[[0.0, math.log(3)], [1, 0]]],
                {"risk": -1.0},
                math.log(3 / 2),
            ),
        ),
        numbers={"risk": 0.5},
        bad_options=tuple({"risk": x} for x in NO_NUMBER),
        vanishes=True,
        sharp=("value",),
    ),
    Loss(
        name="log_cost_loss",
        textbook=log_cost,
        forms=ALL,
        by_hand=(
            (HALVES, 1, [A], {}, math.log(2) + 11 * math.log(8 / 7)),  # golden
            ([0.0, 0, 0], 2, [ZERO_ONE], {}, 2 * math.log(3 / 2)),
            ([0.0, 0], [0.5, 0.5], [[[0.0, 5], [1, 0]]], {}, 3 * math.log(2)),
        ),
        log_divergent=True,
        vanishes=True,
        sharp=("value", "gradient"),
    ),
    Loss(
        name="cost_regularized_loss",
        textbook=cost_regularized,
        options=({}, {"base": "log_cost"}, {"strength": 10.0}),
        by_hand=(
            (HALVES, 1, [A], {}, math.log(4) + 1.875),  # golden
            (HALVES, 1, [A], {"strength": 0.0}, math.log(4)),
            (
                HALVES,
                1,
                [A],
                {"base": "log_cost", "strength": 2.0},
                math.log(2) + 11 * math.log(8 / 7) + 3.75,
            ),
        ),
        numbers={"strength": 2.0},
        bad_options=(
            {"base": "hinge"},
            {"strength": -1.0},
            *({"strength": x} for x in NO_NUMBER),
        ),
        log_divergent=True,
        vanishes=True,
        sharp=("value",),
    ),
    Loss(
        name="soft_decision_cost_loss",
        textbook=soft_decision_cost,
        options=({"temperature": 0.5}, {"temperature": 5.0}),
        required=("temperature",),
        forms=("labels", "probs", "each", "actions"),
        by_hand=(
            # p A = (1.375, 1, 3, 4.75), golden.
            (
                HALVES,
                1,
                [A],
                {"temperature": 1.0},
                (math.exp(-1.375) + 3 * math.exp(-3) + 8 * math.exp(-4.75))
                / (math.exp(-1.375) + math.exp(-1) + math.exp(-3) + math.exp(-4.75)),
            ),
            ([0.0, 0], 0, [[[0.0, 1, 0.5], [1, 0, 0.5]]], {"temperature": 0.1}, 0.5),
        ),
        numbers={"temperature": 0.75},
        bad_options=tuple({"temperature": x} for x in (0.0, -1.0, *NO_NUMBER)),
        sharp=("value",),
    ),
)

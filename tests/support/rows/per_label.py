"""Rows of the table: losses of labels, each by itself."""

import math

import numpy as np
from mpmath import mpf

from cases import Loss
from rows.shared import NO_NUMBER
from textbook import exact, log, relu, sigmoid


def sigmoid_focal(z, q, *, alpha=0.25, gamma=2.0):
    """The sum over labels, each there with probability `q`."""
    p = sigmoid(z)
    a = exact(np.broadcast_to(0.5 if alpha is None else alpha, z.shape))
    there, absent = a * (1 - p) ** mpf(gamma), (1 - a) * p ** mpf(gamma)
    total = -(q * there * log(p) + (1 - q) * absent * log(1 - p)).sum()
    return 2 * total if alpha is None else total


def asymmetric(z, q, *, gamma_pos=0.0, gamma_neg=4.0, margin=0.05):
    """The sum over labels, each there with probability `q`."""
    p = sigmoid(z)
    shifted = relu(p - mpf(margin))
    there = (1 - p) ** mpf(gamma_pos) * log(p)
    absent = shifted ** mpf(gamma_neg) * log(1 - shifted)
    return -(q * there + (1 - q) * absent).sum()


ROWS = (
    Loss(
        name="sigmoid_focal_loss",
        textbook=sigmoid_focal,
        options=(
            {},
            {"gamma": 0.0, "alpha": None},
            {"gamma": 0.5, "alpha": 0.75},
        ),
        forms=("marks", "memberships"),
        by_hand=(
            ([0.0], [1], [], {}, math.log(2) / 16),
            ([0.0], [0], [], {}, 3 * math.log(2) / 16),
            ([0.0, 0], [1, 0], [], {"alpha": None}, math.log(2) / 2),
            (
                [math.log(3), -math.log(3)],
                [1, 1],
                [],
                {"gamma": 1.0},
                (math.log(4) * 4 - math.log(3)) / 16,
            ),
            (
                [math.log(3)],
                [0.25],
                [],
                {"gamma": 0.0},
                (9 * math.log(4) + math.log(4 / 3)) / 16,
            ),
            ([math.log(3)], [0], [], {"gamma": 1.0, "alpha": 0.0}, 3 * math.log(4) / 4),
        ),
        bad_options=(
            *({"gamma": x} for x in (-1.0, *NO_NUMBER)),
            *({"alpha": x} for x in (-0.5, 1.5, *NO_NUMBER)),
        ),
        shift_invariant=False,
        log_divergent=True,
        vanishes=True,
    ),
    Loss(
        name="asymmetric_loss",
        textbook=asymmetric,
        options=(
            {},
            {"gamma_pos": 1.0, "gamma_neg": 2.0, "margin": 0.25},
            {"gamma_neg": 0.5, "margin": 0.0},
        ),
        forms=("marks", "memberships"),
        by_hand=(
            ([math.log(3)], [1], [], {}, math.log(4 / 3)),
            ([math.log(3)], [1], [], {"gamma_pos": 2.0}, math.log(4 / 3) / 16),
            # p = 3/4 and 1/4, of which a quarter is free.
            (
                [math.log(3)],
                [0],
                [],
                {"margin": 0.25, "gamma_neg": 1.0},
                math.log(2) / 2,
            ),
            ([-math.log(3)], [0], [], {"margin": 0.25}, 0.0),
            (
                [math.log(3), 0.0],
                [0, 1],
                [],
                {"margin": 0.25},
                math.log(2) / 16 + math.log(2),
            ),
            ([0.0], [0.75], [], {"margin": 0.0, "gamma_neg": 1.0}, 7 * math.log(2) / 8),
        ),
        bad_options=(
            *({"gamma_pos": x} for x in (-1.0, *NO_NUMBER)),
            *({"gamma_neg": x} for x in (-1.0, *NO_NUMBER)),
            *({"margin": x} for x in (-0.5, 1.0, *NO_NUMBER)),
        ),
        shift_invariant=False,
        vanishes=True,
    ),
)

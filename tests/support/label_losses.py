"""Rows of the table of losses, of labels that are there or not, each by itself."""

from math import inf, log, nan

import textbook
from cases import Loss

NO_NUMBER = (nan, inf)

ROWS = (
    Loss(
        name="sigmoid_focal_loss",
        textbook=textbook.sigmoid_focal,
        takes=(),
        options=(
            {},
            {"gamma": 0.0, "alpha": None},
            {"gamma": 0.5, "alpha": 0.75},
        ),
        forms=("marks", "memberships"),
        by_hand=(
            ([0.0], [1], [], {}, log(2) / 16),
            ([0.0], [0], [], {}, 3 * log(2) / 16),
            ([0.0, 0], [1, 0], [], {"alpha": None}, log(2) / 2),
            ([log(3), -log(3)], [1, 1], [], {"gamma": 1.0}, (log(4) * 4 - log(3)) / 16),
            ([log(3)], [0.25], [], {"gamma": 0.0}, (9 * log(4) + log(4 / 3)) / 16),
            ([log(3)], [0], [], {"gamma": 1.0, "alpha": 0.0}, 3 * log(4) / 4),
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
        textbook=textbook.asymmetric,
        takes=(),
        options=(
            {},
            {"gamma_pos": 1.0, "gamma_neg": 2.0, "margin": 0.25},
            {"gamma_neg": 0.5, "margin": 0.0},
        ),
        forms=("marks", "memberships"),
        by_hand=(
            ([log(3)], [1], [], {}, log(4 / 3)),
            ([log(3)], [1], [], {"gamma_pos": 2.0}, log(4 / 3) / 16),
            # p = 3/4 and 1/4, of which a quarter is free.
            ([log(3)], [0], [], {"margin": 0.25, "gamma_neg": 1.0}, log(2) / 2),
            ([-log(3)], [0], [], {"margin": 0.25}, 0.0),
            ([log(3), 0.0], [0, 1], [], {"margin": 0.25}, log(2) / 16 + log(2)),
            ([0.0], [0.75], [], {"margin": 0.0, "gamma_neg": 1.0}, 7 * log(2) / 8),
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

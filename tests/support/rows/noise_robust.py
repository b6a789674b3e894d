"""Rows of the table: losses for labels that may be wrong."""

from mpmath import mpf

from cases import Loss
from rows.shared import HALVES, NO_NUMBER
from textbook import expectation, softmax


def generalized_cross_entropy(z, target, *, q=0.7):
    p = softmax(z)
    return expectation(target, lambda y: (1 - p[y] ** mpf(q)) / mpf(q))


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
)

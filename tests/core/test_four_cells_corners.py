"""The losses of counts at sharp corners: memberships that are all but 0 or 1.

Memberships are given as they are, by a relaxation that does nothing, so that float64
holds them exactly, and the formulas in TP, FP, FN and TN are worked out in 60 digits.
"""

import pytest
from mpmath import mp

from batch_losses import AVERAGED
from cell_cases import CASES, close
from cell_corners import CORNERS, EPS, WEIGHT, both_at, exactly


def unresolved(name, a, labels, weight):
    """How uncertain the false positives of the worst class are, as a share of them.

    They are what is left of the predicted ones; only where they count alone, under a
    power that is steep at 0, does it matter.
    """
    if name != "focal_tversky_loss":
        return 0.0
    with mp.workdps(60):
        cells = exactly(a, labels, weight).cells
        return max(
            float(4 * EPS * (tp + fp) / fp) if fp else 0 for tp, fp, _, _ in cells
        )


@pytest.mark.parametrize("corner", CORNERS)
@pytest.mark.parametrize("name, options", CASES, ids=str)
def test_value_and_gradient_at_a_corner(name, options, corner):
    a, labels = CORNERS[corner]
    for weight in (None, WEIGHT[: len(a)]):
        average = {"average": "weighted"} if weight is not None else {}
        rest = options | average if name in AVERAGED else options
        found, expected = both_at(a, labels, weight, name, rest)
        if "weights" in options and len(labels.unique()) == 1:
            # Constant there, and the slope what rounding leaves of opposites of 1e16;
            # it reaches the logits times the softmax's own slope.
            found = found[0], found[1] * a * (1 - a)
        close(found, expected, unresolved(name, a, labels, weight))

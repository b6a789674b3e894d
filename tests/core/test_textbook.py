"""The oracles themselves, at the ends of what they are asked.

A property test compares a loss with its formula anywhere: there the formula must be
right, too.
"""

import numpy as np
import pytest

from losses import CASES
from rows.cost import expected_cost
from rows.transport import sinkhorn
from textbook import exact, softmax

# Ties, gaps beyond float64, and one class that has it all; at most what 60 digits hold.
SCORES = [
    [0.0, 0.0, 0.0],
    [20.0, -17.5, -17.5],
    [-20.0, -20.0, 20.0],
    [60.0, -60.0, 0.0],
]
TARGETS = [[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [1 - 2**-40, 2**-41, 2**-41]]
COSTS = 2.0**-10 * np.array([[0, 1, 5], [2, 0, 4], [3, 1, 0]])
BACK = slice(None, None, -1)
named = [
    case
    for case in CASES
    if case.loss.per_sample
    and case.form in ("labels", "probs", "marks")
    and case.form == case.loss.forms[0]
]


@pytest.mark.parametrize("scores", SCORES, ids=str)
@pytest.mark.parametrize("case", named, ids=repr)
def test_an_oracle_is_a_number_that_does_not_depend_on_the_names_of_classes(
    case, scores
):
    """In the opposite order too, which ranks leave as it is."""
    z = exact(np.array(scores))
    extras = {
        "cost": COSTS,
        "transition": np.array([[0.75, 0.25, 0], [0.5, 0.5, 0], [0, 0.125, 0.875]]),
        "prior": np.array([0.5, 0.25, 0.25]),
    }
    given = [exact(extras[name]) for name in case.takes]
    back = [x[BACK, BACK] if x.ndim == 2 else x[BACK] for x in given]
    for q in map(exact, map(np.array, TARGETS)):
        found = case.loss.textbook(z, q, *given, **case.options)
        same = case.loss.textbook(z[BACK], q[BACK], *back, **case.options)
        found, same = (np.sum(x) for x in (found, same))
        assert np.isfinite(float(found))
        assert abs(found - same) <= 1e-30 * (1 + abs(found))


@pytest.mark.parametrize("epsilon", [2.0**-3, 1.0, 8.0, 1e3])
@pytest.mark.parametrize("scores", SCORES, ids=str)
@pytest.mark.parametrize("size", [2.0**-10, 1.0])
def test_transport_to_one_class_is_the_expected_cost(scores, epsilon, size):
    """Cuturi, 2013: with all mass in one place there is one plan. And to itself, 0."""
    z, cost = exact(np.array(scores)), exact(size * 2.0**10 * COSTS)
    for y in range(3):
        q = exact(np.eye(3)[y])
        found = sinkhorn(z, q, cost, epsilon=epsilon, debias=False)
        expected = expected_cost(z, q, cost)
        assert abs(found - expected) <= 1e-30 * (1 + expected)
    itself = sinkhorn(z, softmax(z), cost, epsilon=epsilon)
    assert abs(itself) <= 1e-30

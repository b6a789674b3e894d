"""Cost matrices: built, combined with targets, examined."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.sparse.csgraph import floyd_warshall
from torch.autograd import gradcheck

import costfn
from costfn import costs
from losses import A
from losses import U as FORUM

pytestmark = pytest.mark.shapes

U = torch.tensor(FORUM, dtype=torch.float64)
whole = st.integers(0, 8).map(float)


def matrix(rows):
    return torch.tensor(rows, dtype=torch.float64)


def test_zero_one_counts_mistakes():
    assert costs.zero_one(2).tolist() == [[0, 1], [1, 0]]
    assert costs.zero_one(4).sum() == 12
    assert costs.zero_one(4).diagonal().tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0, 3.0])
def test_ordinal_grows_with_the_distance(power):
    cost = costs.ordinal(4, power)
    for i in range(4):
        for j in range(4):
            assert cost[i, j].item() == pytest.approx(abs(i - j) ** power)


@pytest.mark.parametrize("build", [costs.zero_one, costs.ordinal])
@pytest.mark.parametrize("classes", [-1, 0, 1])
def test_too_few_classes(build, classes):
    with pytest.raises(ValueError, match=f"^classes must .*got {classes}"):
        build(classes)


@pytest.mark.parametrize("power", [0.0, -1.0, float("nan"), float("inf")])
def test_a_bad_power(power):
    with pytest.raises(ValueError, match=r"^power must"):
        costs.ordinal(3, power)


def test_weights_price_the_mistakes_on_a_class():
    cost = costs.from_weights(torch.tensor([1.0, 5.0, 2.0]))
    assert cost.tolist() == [[0, 1, 1], [5, 0, 5], [2, 2, 0]]
    assert costs.from_weights(torch.tensor([1, 5])).tolist() == [[0, 1], [5, 0]]


@pytest.mark.unchecked
@pytest.mark.parametrize("weights", [[1.0], [[1.0, 2.0]], [-1.0, 2], [torch.nan, 2]])
def test_bad_weights(weights):
    with pytest.raises(ValueError, match=r"^weights must"):
        costs.from_weights(torch.tensor(weights))


def test_a_tree_prices_a_mistake_by_where_the_paths_part():
    cost = costs.from_hierarchy(
        [
            ("animal", "dog", "husky"),
            ("animal", "dog", "pug"),
            ("animal", "cat"),
            ("car",),
        ]
    )
    # husky and pug meet at dog, 1 level up; both meet cat at animal, 2 levels up.
    assert cost.tolist() == [[0, 1, 2, 3], [1, 0, 2, 3], [2, 2, 0, 3], [3, 3, 3, 0]]


def test_names_may_repeat_in_different_branches():
    cost = costs.from_hierarchy([("a", "other"), ("b", "other")])
    assert cost.tolist() == [[0, 2], [2, 0]]


@pytest.mark.parametrize(
    "paths",
    [
        [],
        [("a",)],
        [("a",), ()],
        [("a", "b"), ("a", "b")],
        [("a",), ("a", "b")],
        [("a", "b"), ("a",)],
    ],
)
def test_bad_paths(paths):
    with pytest.raises(ValueError, match=r"must .*got"):
        costs.from_hierarchy(paths)


def test_utilities_become_regrets():
    utility = matrix([[10.0, 2, 0], [-5, 1, 1]])
    assert costs.from_utility(utility).tolist() == [[0, 8, 10], [6, 0, 0]]


@given(arrays(float, (3, 3), elements=whole), arrays(float, 3, elements=whole))
def test_regrets_keep_every_decision(utility, weights):
    probs = torch.tensor(weights + 1) / (weights + 1).sum()
    best = (probs @ torch.tensor(utility)).max()
    cost = costs.from_utility(torch.tensor(utility))
    chosen = costfn.decisions.minimum_cost_decision(probs, cost)
    assert (probs @ torch.tensor(utility))[chosen] == pytest.approx(best)
    assert (cost.amin(-1) == 0).all()


def test_the_closure_of_the_forum_matrix_changes_only_8_to_5():
    closure = costs.metric_closure(U)
    changed = (closure != U).nonzero().tolist()
    assert changed == [[1, 3], [3, 1]]
    assert closure[1, 3] == 5
    assert U[1, 2] + U[2, 3] == 5


@given(arrays(float, (4, 4), elements=st.integers(1, 9).map(float)))
def test_the_closure_is_all_shortest_paths(cost):
    np.fill_diagonal(cost, 0)
    closure = costs.metric_closure(torch.tensor(cost))
    np.testing.assert_array_equal(closure, floyd_warshall(cost))
    torch.testing.assert_close(costs.metric_closure(closure), closure)


@pytest.mark.parametrize(
    "cost", [[[0.0, 1, 2], [1, 0, 2]], [[0.0, -1], [1, 0]], [[1.0, 1], [1, 0]]]
)
@pytest.mark.unchecked
def test_a_matrix_without_a_closure(cost):
    with pytest.raises(ValueError, match=r"^cost must"):
        costs.metric_closure(matrix(cost))


def test_abstention_is_one_more_column():
    cost = costs.with_abstention(costs.zero_one(2), 0.25)
    assert cost.tolist() == [[0, 1, 0.25], [1, 0, 0.25]]
    twice = costs.with_abstention(cost, 3.0)
    assert twice[:, 3].tolist() == [3, 3]


@pytest.mark.parametrize("price", [float("nan"), float("inf")])
def test_a_bad_price(price):
    with pytest.raises(ValueError, match=r"^price must"):
        costs.with_abstention(costs.zero_one(2), price)


def test_the_cost_vector_is_the_row_of_the_label():
    labels = torch.tensor([[3, 1], [0, 0]])
    vectors = costs.cost_vector(labels, U)
    assert vectors.tolist() == [[FORUM[3], FORUM[1]], [FORUM[0], FORUM[0]]]
    assert costs.cost_vector(torch.tensor(1), matrix(A)).tolist() == A[1]


def test_the_cost_vector_of_probabilities_is_a_mixture_of_rows():
    q = matrix([[0.5, 0, 0, 0.5], [0, 0.25, 0.75, 0]])
    expected = [[2.5, 4.5, 3, 2.5], [3.25, 2.25, 0.75, 3.5]]
    assert costs.cost_vector(q, U).tolist() == expected


def test_the_cost_vector_of_a_matrix_for_each_example():
    each = torch.stack([U, 2 * U, matrix(A)])
    labels = torch.tensor([1, 1, 3])
    assert costs.cost_vector(labels, each).tolist() == [FORUM[1], [2, 0, 6, 16], A[3]]
    q = torch.eye(4, dtype=torch.float64)[labels]
    torch.testing.assert_close(
        costs.cost_vector(q, each), costs.cost_vector(labels, each)
    )


def test_the_cost_vector_has_a_column_for_each_action():
    cost = costs.with_abstention(U, 0.5)
    assert costs.cost_vector(torch.tensor([2]), cost).tolist() == [[4, 3, 0, 2, 0.5]]


def test_the_cost_vector_is_differentiable_in_both():
    q = matrix([[0.5, 0.25, 0.125, 0.125]]).requires_grad_()
    cost = U.clone().requires_grad_()
    # The tolerance of the check for sum 1 is far above the step of gradcheck.
    assert gradcheck(costs.cost_vector, (q, cost))
    labels = torch.tensor([1, 2])
    assert gradcheck(lambda c: costs.cost_vector(labels, c), cost)


def test_the_forum_matrix_is_no_metric():
    found = costs.diagnose(U)
    assert found.classes == found.decisions == 4
    assert found.zero_diagonal
    assert found.symmetric
    assert found.reasonable
    assert not found.looks_transposed
    assert not found.metric
    assert not found.conditionally_negative_definite
    assert found.largest_eigenvalue == pytest.approx(0.315, abs=5e-4)
    assert not found.negative
    assert found.dominated == ()
    assert "4 classes" in str(found)
    assert all(remark in str(found) for remark in found.remarks)


def test_its_square_root_is_one():
    found = costs.diagnose(U.sqrt())
    assert found.metric
    assert found.conditionally_negative_definite
    assert abs(found.largest_eigenvalue) < 1e-12


@pytest.mark.parametrize(
    "power, definite, metric", [(1.0, 1, 1), (2.0, 1, 0), (3.0, 0, 0)]
)
def test_which_powers_of_the_distance_are_metric(power, definite, metric):
    found = costs.diagnose(costs.ordinal(5, power))
    assert found.metric == bool(metric)
    assert found.conditionally_negative_definite == bool(definite)


def test_an_asymmetric_matrix():
    found = costs.diagnose(matrix(A))
    assert not found.symmetric
    assert not found.metric
    assert not found.conditionally_negative_definite


def test_a_transposed_matrix_is_suspected():
    # Transposed, deciding the last class costs more than the other mistake, whatever
    # the true class. That suits costs by decision, but not costs by true class.
    by_truth = matrix([[0.0, 1, 1], [2, 1.5, 3], [4, 4, 2]])
    assert costs.diagnose(by_truth).reasonable
    assert not costs.diagnose(by_truth).looks_transposed
    found = costs.diagnose(by_truth.T)
    assert not found.reasonable
    assert found.looks_transposed
    assert "transpose" in str(found)


def test_a_decision_that_another_beats_for_every_truth_is_dominated():
    cost = matrix([[0.0, 1, 2], [1, 0, 2], [1, 1, 1]])
    assert (2, 0) in costs.diagnose(cost).dominated
    assert (0, 2) not in costs.diagnose(cost).dominated
    dear = costs.with_abstention(costs.zero_one(2), 2.0)
    assert set(costs.diagnose(dear).dominated) == {(2, 0), (2, 1)}


def test_gains_are_noted():
    assert costs.diagnose(matrix([[-1.0, 1], [1, 0]])).negative


@pytest.mark.unchecked
@pytest.mark.parametrize(
    "cost", [[0.0, 1.0], [[0.0], [1.0]], [[0.0, 1.0]], [[0.0, torch.nan], [1, 0]]]
)
def test_what_cannot_be_diagnosed(cost):
    with pytest.raises(ValueError, match=r"^cost must"):
        costs.diagnose(matrix(cost))

"""The forum's questions: from a matrix and an argmax to a loss that trains."""

import pytest
import torch
from torch.func import grad

import costfn
from losses import U as FORUM

U = torch.tensor(FORUM, dtype=torch.float64)
LOGITS = torch.tensor([[3.0, 5, 2.5, 6], [7, 5.5, 2, 0]], dtype=torch.float64)


def test_the_cost_of_the_argmax_has_no_gradient():
    logits = LOGITS.clone().requires_grad_()
    labels = torch.tensor([1, 2])
    assert not U[labels, logits.argmax(-1)].requires_grad
    losses = costfn.expected_cost_loss(logits, labels, U)
    losses.sum().backward()
    assert (logits.grad.abs() > 1e-4).any(-1).all()


def test_the_expected_cost_of_a_certain_decision_is_its_cost():
    truth, called = torch.cartesian_prod(torch.arange(4), torch.arange(4)).T
    certain = 1e4 * torch.eye(4, dtype=torch.float64)[called]
    assert torch.equal(costfn.expected_cost_loss(certain, truth, U), U[truth, called])


PENALTIES = torch.tensor([[5.0, 8, 2, 0], [0, 1, 4, 5]], dtype=torch.float64)
ONE_HOT = torch.tensor([[0.0, 0, 0, 1], [1, 0, 0, 0]], dtype=torch.float64)


@pytest.mark.parametrize("logits, expected", [(LOGITS, 4.0218), (ONE_HOT, 1.7411)])
def test_the_two_numbers_of_the_thread(logits, expected):
    losses = costfn.soft_target_loss(logits, PENALTIES.softmax(-1))
    assert costfn.reduce(losses).item() == pytest.approx(expected, abs=5e-5)


def test_one_hot_numbers_taken_for_logits_are_47_5_percent_sure():
    """They are logits like any others: no guess is made from their values."""
    assert ONE_HOT.softmax(-1).amax(-1).tolist() == pytest.approx(
        [0.4754, 0.4754], 1e-4
    )
    nearly_right = costfn.soft_target_loss(ONE_HOT, ONE_HOT)
    expected = torch.full((2,), 0.4754, dtype=torch.float64)
    torch.testing.assert_close((-nearly_right).exp(), expected, rtol=1e-4, atol=0)


def test_softmax_of_the_penalties_points_at_the_costliest_class():
    assert torch.equal(U.softmax(-1).argmax(-1), U.argmax(-1))
    right = costfn.soft_targets(U, temperature=1.0)
    assert torch.equal(right.argmax(-1), torch.arange(4))
    assert torch.equal(right.argmin(-1), U.argmax(-1))


def test_rows_of_the_matrix_are_refused_as_soft_targets():
    with pytest.raises(ValueError, match=r"(?is)rows of a cost matrix.*soft_targets"):
        costfn.soft_target_loss(LOGITS, U[[3, 0]])


def test_rows_scaled_to_sum_1_train_the_costliest_class():
    """Why they are refused: the best answer to truth 0 is then class 3, at cost 5."""
    row = U[0] / U[0].sum()
    logits = torch.zeros(4, dtype=torch.float64)
    for _ in range(200):
        logits = logits - grad(costfn.soft_target_loss)(logits, row)
    assert logits.argmax() == 3
    assert U[0, 3] == U[0].max()


# "Predict B when unsure": A and C look the same in 16 cases of 20, and B, which never
# occurs, is the safe answer to both. Costs: 1 for B, 9 for taking A for C.
COST = torch.tensor([[0.0, 1, 9], [1, 0, 1], [9, 1, 0]], dtype=torch.float64)
X = torch.tensor([[-1.0]] * 2 + [[1.0]] * 2 + [[0.0]] * 16, dtype=torch.float64)
TRUTH = torch.tensor([0] * 2 + [2] * 2 + [0, 2] * 8)


def train(loss):
    """Logits of a linear model after plain gradient descent from 0."""
    weight = torch.zeros(1, 3, dtype=torch.float64)
    bias = torch.zeros(3, dtype=torch.float64)

    def objective(weight, bias):
        return costfn.reduce(loss(X @ weight + bias, TRUTH))

    for _ in range(800):
        by_weight, by_bias = grad(objective, argnums=(0, 1))(weight, bias)
        weight, bias = weight - by_weight, bias - by_bias
    return X @ weight + bias


def mean_cost(decisions):
    return COST[TRUTH, decisions].mean().item()


def cross_entropy(logits, target):
    return costfn.soft_target_loss(logits, torch.eye(3).double()[target])


def test_cross_entropy_with_argmax_pays_3_60():
    assert mean_cost(train(cross_entropy).argmax(-1)) == pytest.approx(3.60)


def test_cross_entropy_with_the_minimum_cost_decision_pays_0_80():
    probs = train(cross_entropy).softmax(-1)
    chosen = costfn.decisions.minimum_cost_decision(probs, COST)
    assert mean_cost(chosen) == pytest.approx(0.80)


@pytest.mark.parametrize(
    "loss",
    [costfn.cost_regularized_loss, costfn.log_cost_loss],
    ids=lambda f: f.__name__,
)
def test_cross_entropy_with_the_expected_cost_and_log_cost_pay_0_80(loss):
    logits = train(lambda z, y: loss(z, y, COST))
    assert mean_cost(logits.argmax(-1)) == pytest.approx(0.80)
    assert logits[4:].argmax(-1).tolist() == [1] * 16


def test_the_expected_cost_alone_answers_b_to_everything_and_pays_1_00():
    """A local minimum: once B is certain, no gradient is left to leave it."""
    logits = train(lambda z, y: costfn.expected_cost_loss(z, y, COST))
    assert mean_cost(logits.argmax(-1)) == pytest.approx(1.00)
    assert (logits.argmax(-1) == 1).all()


def test_0_80_is_the_best_there_is():
    best = 0.0
    for x in (-1.0, 0.0, 1.0):
        group = TRUTH[X[:, 0] == x]
        best += min(COST[group, j].sum().item() for j in range(3))
    assert best / len(X) == pytest.approx(0.80)
    for j, cost in enumerate((4.5, 1.0, 4.5)):
        assert mean_cost(torch.full_like(TRUTH, j)) == pytest.approx(cost)

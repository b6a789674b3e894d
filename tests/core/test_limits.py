"""What the losses become for special costs and in limits, P5 to P9."""

import numpy as np
import pytest
import torch
from scipy.optimize import linprog
from torch.nn.functional import cross_entropy

import costfn
from costfn import (
    cost_hinge_loss,
    energy_cost_loss,
    expected_cost_loss,
    ranked_probability_loss,
    sinkhorn_loss,
    soft_decision_cost_loss,
)
from examples import COST, LABELS, LOGITS, ORDINAL, ROWS, K, N, P, Q, U, close, nearly


def test_p5_the_hinge_is_spo_plus_at_minus_half_the_scores():
    predicted = -LOGITS / 2
    corners = torch.eye(K).double()
    best = corners[ROWS.argmin(-1)]
    spo_plus = (
        ((ROWS - 2 * predicted) @ corners.T).amax(-1)
        + 2 * (predicted * best).sum(-1)
        - (ROWS * best).sum(-1)
    )
    close(cost_hinge_loss(LOGITS, LABELS, COST), spo_plus)


def test_p6_soft_targets_go_from_one_hot_to_uniform():
    def loss(temperature):
        targets = costfn.soft_targets(COST, temperature=temperature)[LABELS]
        return costfn.soft_target_loss(LOGITS, targets)

    close(loss(1e-3), cross_entropy(LOGITS, LABELS, reduction="none"))
    nearly(loss(1e9), -LOGITS.log_softmax(-1).mean(-1), 1e-7)


@pytest.mark.parametrize("power, temperature", [(1.0, 1.0), (2.0, 0.5), (0.5, 3.0)])
def test_p6_exponential_labels_are_soft_targets_of_the_distance(power, temperature):
    distance = abs(np.subtract.outer(np.arange(K), np.arange(K))) ** power
    exponential = np.exp(-distance / temperature)
    exponential /= exponential.sum(-1, keepdims=True)
    cost = costfn.costs.ordinal(K, power).double()
    actual = costfn.soft_targets(cost, temperature=temperature)
    # `ordinal` returns float32, which is exact only for whole numbers.
    nearly(actual, torch.tensor(exponential), 1e-7 if power == 0.5 else 1e-12)


def test_p7_energy_of_the_distance_is_the_ranked_probability_score():
    close(
        energy_cost_loss(LOGITS, LABELS, ORDINAL),
        ranked_probability_loss(LOGITS, LABELS),
    )


def test_p7_energy_of_the_squared_distance_is_the_squared_error_of_the_mean():
    mean = (P * torch.arange(K)).sum(-1)
    close(energy_cost_loss(LOGITS, LABELS, ORDINAL**2), (mean - LABELS) ** 2)


def optimal_transport(rows, columns, cost):
    """The cheapest plan with these marginals, by linear programming."""
    k = len(rows)
    by_row, by_column = np.kron(np.eye(k), np.ones(k)), np.kron(np.ones(k), np.eye(k))
    constraints = np.concatenate([by_row, by_column])
    marginals = np.concatenate([rows, columns])
    return linprog(np.ravel(cost), A_eq=constraints, b_eq=marginals).fun


@pytest.mark.parametrize("epsilon", [0.01, 0.1, 1.0, 100.0])
def test_p8_transport_to_a_label_is_the_expected_cost(epsilon):
    one_hot = torch.eye(K).double()[LABELS]
    expected = expected_cost_loss(LOGITS, LABELS, COST)
    actual = sinkhorn_loss(LOGITS, one_hot, COST, epsilon=epsilon, debias=False)
    nearly(actual, expected, 1e-8)
    for i in range(4):
        exact = optimal_transport(one_hot[i], P[i], COST)
        assert exact == pytest.approx(expected[i].item(), abs=1e-8)


def test_p8_divergences_between_transport_and_energy_distance():
    def divergence(epsilon, iterations=50):
        return sinkhorn_loss(
            LOGITS[:4], Q[:4], U, epsilon=epsilon, iterations=iterations
        )

    energy = energy_cost_loss(LOGITS[:4], Q[:4], U) - ((Q[:4] @ U) * Q[:4]).sum(-1) / 2
    nearly(divergence(1e6), energy, 1e-5)
    cheapest = [optimal_transport(q, p, U) for q, p in zip(Q[:4], P[:4], strict=True)]
    nearly(divergence(0.05, 2000), torch.tensor(cheapest).double(), 0.05)


@pytest.mark.parametrize("epsilon", [0.1, 1.0, 10.0])
def test_p8_a_distribution_is_at_distance_0_from_itself(epsilon):
    loss = sinkhorn_loss(Q.log(), Q, U, epsilon=epsilon)
    nearly(loss, torch.zeros(N).double(), 1e-8)


def test_p9_a_cold_soft_decision_costs_what_the_minimum_cost_decision_does():
    chosen = costfn.decisions.minimum_cost_decision(P, COST)
    cold = soft_decision_cost_loss(LOGITS, LABELS, COST, temperature=1e-6)
    close(cold, COST[LABELS, chosen])


@pytest.mark.parametrize("target", [LABELS, Q], ids=["labels", "probs"])
def test_losses_for_wrong_labels_go_from_cross_entropy_to_the_absolute_error(target):
    plain = cross_entropy(LOGITS, target, reduction="none")
    q = torch.eye(K).double()[target] if target is LABELS else target
    half = (q * (1 - P)).sum(-1)  # for labels half of sum_j |p_j - q_j|
    bent = costfn.generalized_cross_entropy_loss
    nearly(bent(LOGITS, target, q=1e-9), plain, 1e-7)
    close(bent(LOGITS, target, q=1.0), half)
    close(costfn.poly_loss(LOGITS, target, epsilon=0.0), plain)
    close(costfn.poly_loss(LOGITS, target, epsilon=3.0), plain + 3 * half)
    both = costfn.symmetric_cross_entropy_loss
    close(both(LOGITS, target, alpha=0.0, log_zero=-1.0), half)
    scaled = 0.1 * costfn.poly_loss(LOGITS, target, epsilon=40.0)
    close(both(LOGITS, target), scaled)


def test_class_balanced_weights_of_no_examples_are_0():
    weights = costfn.class_balanced_weights(torch.zeros(3), beta=0.9)
    assert torch.equal(weights, torch.zeros(3))

"""Identities, bounds and limits that the losses satisfy, P1 to P16."""

from functools import partial
from itertools import pairwise
from math import inf

import numpy as np
import pytest
import torch
from torch import logsumexp, sigmoid
from torch.func import grad, vmap
from torch.nn.functional import cross_entropy, softplus

import costfn
from cases import Case
from costfn import (
    cost_hinge_loss,
    energy_cost_loss,
    expected_cost_loss,
    log_cost_loss,
    soft_decision_cost_loss,
    softmax_margin_loss,
)
from examples import (
    COST,
    LABELS,
    LOGITS,
    ROWS,
    ZERO_ONE,
    K,
    N,
    P,
    Q,
    U,
    close,
    labelled,
    nearly,
    rng,
)
from losses import CASES, LOSSES


def test_p1_the_zero_one_cost_gives_known_losses():
    close(expected_cost_loss(LOGITS, LABELS, ZERO_ONE), 1 - labelled(P))
    brier = ((P - torch.eye(K)[LABELS]) ** 2).sum(-1)
    close(energy_cost_loss(LOGITS, LABELS, ZERO_ONE), brier / 2)


def test_p1_log_cost_of_zero_one_is_least_at_the_class_probabilities():
    def loss(z):
        return log_cost_loss(z, Q, ZERO_ONE).sum()

    nearly(grad(loss)(Q.log()), torch.zeros(N, K).double(), 1e-12)
    for _ in range(20):
        away = Q.log() + torch.randn(N, K, dtype=torch.float64, generator=rng)
        assert (
            log_cost_loss(away, Q, ZERO_ONE) > log_cost_loss(Q.log(), Q, ZERO_ONE)
        ).all()


def test_p2_two_classes():
    logits, labels = LOGITS[:, :2], LABELS % 2
    cost = torch.tensor([[0, 2.0], [7, 0]]).double()
    c = cost.sum(-1)[labels]
    margin = torch.where(labels == 0, 1, -1) * (logits[:, 0] - logits[:, 1])
    close(expected_cost_loss(logits, labels, cost), c * sigmoid(-margin))
    close(log_cost_loss(logits, labels, cost), c * softplus(-margin))
    close(softmax_margin_loss(logits, labels, cost), softplus(c - margin))


def test_p2_the_threshold_of_the_minimum_cost_decision():
    cost = torch.tensor([[0, 2.0], [7, 0]]).double()
    second = torch.linspace(0.001, 0.999, 999).double()
    chosen = costfn.decisions.minimum_cost_decision(
        torch.stack([1 - second, second], -1), cost
    )
    assert torch.equal(chosen == 1, second > 2 / (2 + 7))


def test_p3_softmax_margin_is_cross_entropy_plus_a_cost():
    ce = cross_entropy(LOGITS, LABELS, reduction="none")
    close(softmax_margin_loss(LOGITS, LABELS, 0 * COST), ce)
    close(
        softmax_margin_loss(LOGITS, LABELS, COST),
        ce + expected_cost_loss(LOGITS, LABELS, COST, risk=1.0),
    )
    expected = expected_cost_loss(LOGITS, LABELS, COST)
    assert (softmax_margin_loss(LOGITS, LABELS, COST) >= ce + expected - 1e-12).all()
    small = 1e-6
    slope = (softmax_margin_loss(LOGITS, LABELS, small * COST) - ce) / small
    nearly(slope, expected, 2e-5)


def test_p3_softmax_margin_cools_down_to_the_hinge():
    cold = 1e-3
    scaled = cold * softmax_margin_loss(LOGITS / cold, LABELS, COST / cold)
    # A soft maximum of K numbers exceeds the maximum by at most temperature * log K.
    nearly(scaled, cost_hinge_loss(LOGITS, LABELS, COST), cold * np.log(K))


def test_p4_bounds_on_the_cost_of_the_argmax():
    argmax_cost = COST[LABELS, LOGITS.argmax(-1)]
    assert (softmax_margin_loss(LOGITS, LABELS, COST) >= argmax_cost - 1e-12).all()
    assert (cost_hinge_loss(LOGITS, LABELS, COST) >= argmax_cost - 1e-12).all()
    assert (
        log_cost_loss(LOGITS, LABELS, COST) >= expected_cost_loss(LOGITS, LABELS, COST)
    ).all()


def test_p4_risk_goes_from_the_least_to_the_largest_cost():
    risks = [-1e6, -10.0, -1.0, -1e-4, 0.0, 1e-4, 1.0, 10.0, 1e6]
    losses = [expected_cost_loss(LOGITS, LABELS, COST, risk=risk) for risk in risks]
    for lower, higher in pairwise(losses):
        assert (lower <= higher + 1e-12).all()
    nearly(losses[3], losses[4], 1e-3)
    nearly(losses[5], losses[4], 1e-3)
    nearly(losses[0], ROWS.amin(-1), 1e-4)
    nearly(losses[-1], ROWS.amax(-1), 1e-4)


def test_a_negative_risk_is_forward_correction_for_log_utility():
    """tau = -1/risk: lse(z) - lse(z - c / tau)."""
    tau = 2.0
    log_gain = logsumexp(LOGITS, -1) - logsumexp(LOGITS - ROWS / tau, -1)
    loss = expected_cost_loss(LOGITS, LABELS, COST, risk=-1 / tau)
    close(loss / tau, log_gain)


ROW_CONSTANT = torch.tensor([[1.0], [0.5], [3], [0.25]]).double()


@pytest.mark.parametrize(
    "loss",
    [
        expected_cost_loss,
        partial(expected_cost_loss, risk=2.0),
        partial(soft_decision_cost_loss, temperature=0.5),
    ],
)
def test_p10_a_price_on_the_class_itself_shifts_the_loss(loss):
    before = loss(LOGITS, LABELS, COST)
    after = loss(LOGITS, LABELS, COST + ROW_CONSTANT)
    close(after, before + ROW_CONSTANT[LABELS, 0])


@pytest.mark.parametrize("loss", [softmax_margin_loss, cost_hinge_loss])
def test_p10_margins_ignore_a_price_on_the_class_itself(loss):
    close(loss(LOGITS, LABELS, COST + ROW_CONSTANT), loss(LOGITS, LABELS, COST))


def test_p10_soft_targets_and_decisions_ignore_a_price_on_the_class_itself():
    shifted = COST + ROW_CONSTANT
    close(
        costfn.soft_targets(shifted, temperature=1.0),
        costfn.soft_targets(COST, temperature=1.0),
    )
    decide = costfn.decisions.minimum_cost_decision
    assert torch.equal(decide(P, shifted), decide(P, COST))
    assert torch.equal(decide(P, 7 * COST), decide(P, COST))


@pytest.mark.parametrize("loss", [log_cost_loss, energy_cost_loss])
def test_p10_others_need_a_zero_diagonal(loss):
    shift = loss(LOGITS, LABELS, COST + ROW_CONSTANT) - loss(LOGITS, LABELS, COST)
    assert shift.std() > 0.01


@pytest.mark.parametrize("loss", [expected_cost_loss, log_cost_loss])
def test_p10_the_unit_of_the_cost_is_that_of_the_loss(loss):
    close(loss(LOGITS, LABELS, 7 * COST), 7 * loss(LOGITS, LABELS, COST))


def test_p11_the_matrix_is_read_by_rows_of_the_truth():
    """Deciding 3 for true class 1 costs 8; deciding 1 for true class 3 costs 1."""
    cost = U.clone()
    cost[3, 1] = 1
    called = 50.0 * torch.eye(4).double()
    assert expected_cost_loss(called[3], torch.tensor(1), cost) == pytest.approx(8)
    assert expected_cost_loss(called[1], torch.tensor(3), cost) == pytest.approx(1)


def test_p12_the_mean_of_single_examples_is_the_batch(sample_loss):
    for options in sample_loss.options:
        case = Case(sample_loss, options, sample_loss.forms[0])
        arguments = case.draw(batch=(5,)).torch()
        singles = vmap(case, case.in_dims)(*arguments).mean()
        close(costfn.reduce(case(*arguments)), singles)


LINEAR_IN_COST = [
    "energy_cost_loss",
    "expected_cost_loss",
    "log_cost_loss",
    "sum_to_zero_loss",
]
# Distances between distributions; for the others the label is all that is soft.
NOT_LINEAR_IN_TARGET = [
    "cost_regression_loss",
    "generalized_wasserstein_dice_loss",
    "ranked_probability_loss",
    "sinkhorn_loss",
    "soft_target_loss",
]


@pytest.mark.parametrize(
    "case",
    [
        case
        for case in CASES
        if case.loss.name in LINEAR_IN_COST and not case.options.get("risk")
    ],
    ids=repr,
)
def test_p14_linear_in_the_cost(case):
    logits, target, first = case.draw().torch()
    second = first.flip(-1) ** 2
    mixed = case(logits, target, 2 * first + 3 * second)
    close(mixed, 2 * case(logits, target, first) + 3 * case(logits, target, second))


@pytest.mark.parametrize(
    "case",
    [
        case
        for case in CASES
        if case.form == "probs"
        and case.loss.name not in NOT_LINEAR_IN_TARGET
        and not case.options.get("risk")
    ],
    ids=repr,
)
def test_p14_a_soft_target_gives_the_mean_over_its_labels(case):
    logits, q, *extras = case.draw().torch()
    each = [case(logits, torch.full((2,), i), *extras) for i in range(3)]
    close(case(logits, q, *extras), (q * torch.stack(each, -1)).sum(-1))


@pytest.mark.parametrize("loss", [expected_cost_loss, log_cost_loss])
def test_p16_no_gradient_at_a_perfect_prediction(loss):
    perfect = 800.0 * torch.eye(K).double()[LABELS]
    gradient = grad(lambda z: loss(z, LABELS, COST).sum())(perfect)
    assert (gradient == 0).all()


def test_p16_the_gradient_of_the_expected_cost_is_bounded():
    bound = (ROWS.amax(-1) - ROWS.amin(-1))[:, None] / 4
    for scale in (0.1, 1.0, 5.0):
        z = scale * LOGITS
        gradient = grad(lambda z: expected_cost_loss(z, LABELS, COST).sum())(z)
        assert (gradient.abs() <= bound + 1e-12).all()
    # It is reached half way between the cheapest and the dearest.
    half = torch.tensor([0.0, -inf, -inf, 0.0]).double().clamp(min=-800)
    at_half = grad(expected_cost_loss)(half, torch.tensor(0), U)
    close(at_half.abs().max(), torch.tensor(5 / 4).double())


def test_the_names_above_are_rows_of_the_table():
    names = {loss.name for loss in LOSSES}
    assert set(LINEAR_IN_COST + NOT_LINEAR_IN_TARGET) <= names

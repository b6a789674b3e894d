"""Decisions from probabilities and costs, and the calibration of probabilities."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import minimize_scalar
from torch.func import grad, vmap

import costfn
from costfn import decisions
from losses import A
from losses import U as FORUM

pytestmark = pytest.mark.shapes

U = torch.tensor(FORUM, dtype=torch.float64)
HALVES = torch.tensor([0.5, 0.25, 0.125, 0.125], dtype=torch.float64)
weights = arrays(float, (3, 4), elements=st.floats(0, 1, width=16))


def probabilities(weights):
    return torch.tensor(
        (weights + 2.0**-8) / (weights + 2.0**-8).sum(-1, keepdims=True)
    )


def test_expected_costs_worked_by_hand():
    # Columns of A: (0, 1, 4, 5), (1, 0, 3, 1), (4, 3, 0, 2), (5, 8, 2, 0).
    cost = torch.tensor(A, dtype=torch.float64)
    expected = decisions.expected_costs(HALVES, cost)
    assert expected.tolist() == [1.375, 1.0, 3.0, 4.75]
    assert decisions.minimum_cost_decision(HALVES, cost) == 1
    assert decisions.minimum_cost_decision(HALVES, cost.T) == 0


@given(weights)
def test_no_decision_is_cheaper(weights):
    probs = probabilities(weights)
    chosen = decisions.minimum_cost_decision(probs, U)
    expected = decisions.expected_costs(probs, U)
    by_loops = np.array(
        [
            [sum(p[i] * FORUM[i][j] for i in range(4)) for j in range(4)]
            for p in probs.tolist()
        ]
    )
    np.testing.assert_allclose(expected, by_loops, rtol=1e-14)
    assert chosen.dtype == torch.int64
    assert chosen.shape == (3,)
    cheapest = expected.amin(-1)
    # Costs that differ only by rounding are equal.
    assert (expected.gather(-1, chosen[:, None])[:, 0] <= cheapest * (1 + 1e-14)).all()


def test_the_first_of_equals_wins():
    even = torch.full((4,), 0.25)
    assert decisions.minimum_cost_decision(even, costfn.costs.zero_one(4)) == 0
    half = torch.tensor([0.0, 0.5, 0.5, 0.0])
    assert decisions.minimum_cost_decision(half, costfn.costs.zero_one(4)) == 1


def test_the_zero_one_cost_decides_like_argmax():
    probs = torch.randn(50, 5, generator=torch.Generator().manual_seed(0)).softmax(-1)
    chosen = decisions.minimum_cost_decision(probs, costfn.costs.zero_one(5))
    assert torch.equal(chosen, probs.argmax(-1))


def test_a_matrix_for_each_example_and_any_batch_axes():
    probs = HALVES.expand(2, 3, 4)
    each = torch.stack([U, U.flip(1), 2 * U]).expand(2, 3, 4, 4)
    expected = decisions.expected_costs(probs, each)
    for i in range(3):
        torch.testing.assert_close(expected[1, i], HALVES @ each[1, i])
    mapped = vmap(decisions.expected_costs, (0, None))(probs[0], U)
    torch.testing.assert_close(mapped, decisions.expected_costs(probs[0], U))


def test_expected_costs_are_differentiable():
    gradient = grad(lambda c: decisions.expected_costs(HALVES, c)[2])(U)
    torch.testing.assert_close(gradient[:, 2], HALVES)
    assert gradient[:, 3].abs().sum() == 0


@pytest.mark.unchecked
@pytest.mark.parametrize(
    "probs, cost, error, message",
    [
        (2 * HALVES, U, ValueError, "^probs must .*sum 1"),
        (torch.zeros(4), U, ValueError, "^probs must"),
        (torch.tensor([1, 0, 0, 0]), U, TypeError, "^probs must .*floating"),
        (HALVES, U[:3], ValueError, "^cost must"),
        (HALVES, U[0], ValueError, "^cost must"),
        (HALVES, U / 0, ValueError, "^cost must .*finite"),
    ],
)
def test_bad_arguments(probs, cost, error, message):
    for f in (decisions.expected_costs, decisions.minimum_cost_decision):
        with pytest.raises(error, match=message):
            f(probs, cost)


def test_it_abstains_where_every_decision_is_dearer():
    probs = torch.tensor([[0.9, 0.1], [0.6, 0.4], [0.25, 0.75]])
    cost = costfn.costs.zero_one(2)
    assert decisions.abstain(probs, cost, price=0.3).tolist() == [0, 2, 1]
    assert decisions.abstain(probs, cost, price=0.05).tolist() == [2, 2, 2]
    assert decisions.abstain(probs, cost, price=1.0).tolist() == [0, 0, 1]
    # If abstaining costs the same, it decides.
    even = torch.tensor([0.75, 0.25])
    assert decisions.abstain(even, cost, price=0.25) == 0


@given(weights, st.sampled_from([0.5, 1.0, 2.0]))
def test_abstention_is_chows_rule(weights, price):
    probs = probabilities(weights)
    cheapest, first = (probs @ U).min(-1)
    expected = torch.where(cheapest <= price, first, 4)
    near = (cheapest - price).abs() < 1e-9
    assert ((decisions.abstain(probs, U, price=price) == expected) | near).all()


def cross_entropy_at(temperature, logits, labels):
    z = logits / temperature
    picked = np.take_along_axis(z, labels[:, None], -1)[:, 0]
    top = z.max(-1, keepdims=True)
    return (np.log(np.exp(z - top).sum(-1)) + top[:, 0] - picked).mean()


@pytest.mark.parametrize("temperature", [0.25, 1.0, 3.0])
def test_a_known_temperature_is_found_again(temperature):
    rng = np.random.default_rng(0)
    honest = rng.normal(0, 2, (20_000, 3))
    noise = rng.gumbel(size=honest.shape)
    labels = (honest + noise).argmax(-1)
    logits = honest * temperature
    found = decisions.calibrate_temperature(
        torch.tensor(logits), torch.tensor(labels)
    ).item()
    assert found == pytest.approx(temperature, rel=0.03)
    best = minimize_scalar(
        lambda t: cross_entropy_at(np.exp(t), logits, labels),
        bounds=(-4, 4),
        method="bounded",
        options={"xatol": 1e-10},
    )
    assert found == pytest.approx(np.exp(best.x), rel=1e-6)


@pytest.mark.parametrize("sign, bound", [(1.0, 0.1), (-1.0, 10.0)])
def test_without_a_best_temperature_it_stays_in_bounds(sign, bound):
    """Labels always ranked first need temperature 0, always last infinity."""
    logits = sign * torch.tensor([[2.0, 0.0], [0.0, 1.0]])
    found = decisions.calibrate_temperature(logits, torch.tensor([0, 1]))
    assert found.isfinite()
    assert found > 0
    assert (found < bound) if sign > 0 else (found > bound)


def test_the_temperature_is_a_number_without_a_gradient():
    logits = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(10).reshape(2, 5) % 3
    found = decisions.calibrate_temperature(logits.requires_grad_(), labels)
    assert found.shape == ()
    assert found.dtype == torch.float32
    assert not found.requires_grad


@pytest.mark.unchecked
@pytest.mark.parametrize(
    "logits, labels, error, message",
    [
        (torch.zeros(0, 3), torch.zeros(0).long(), ValueError, "^labels must"),
        (torch.zeros(2, 3), torch.tensor([0, 3]), ValueError, "^labels must"),
        (torch.zeros(2, 3), torch.tensor([0]), ValueError, "^labels must"),
        (torch.zeros(2, 3), torch.tensor([0.0, 1.0]), TypeError, "^labels must"),
        (torch.zeros(2, 3).long(), torch.tensor([0, 1]), TypeError, "^logits must"),
        (torch.full((2, 3), torch.nan), torch.tensor([0, 1]), ValueError, "^logits"),
    ],
)
def test_what_cannot_be_calibrated(logits, labels, error, message):
    with pytest.raises(error, match=message):
        decisions.calibrate_temperature(logits, labels)


def test_soft_targets_worked_by_hand():
    cost = torch.tensor([[0.0, np.log(2)], [np.log(4), 0.0]], dtype=torch.float64)
    rows = costfn.soft_targets(cost, temperature=1.0)
    expected = torch.tensor([[2 / 3, 1 / 3], [1 / 5, 4 / 5]], dtype=torch.float64)
    torch.testing.assert_close(rows, expected)
    squared = costfn.soft_targets(cost, temperature=0.5)
    torch.testing.assert_close(squared[0, 0].item(), 4 / 5)


def test_soft_targets_prefer_the_right_class():
    for temperature in (1e-3, 0.5, 100.0):
        rows = costfn.soft_targets(U, temperature=temperature)
        assert torch.equal(rows.argmax(-1), torch.arange(4))
        torch.testing.assert_close(rows.sum(-1), torch.ones(4).double())
    # A higher cost gives a lower probability: 8, 3, 1, 0.
    rows = costfn.soft_targets(U, temperature=1.0)
    assert rows.argsort(-1)[1].tolist() == [3, 2, 0, 1]


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan"), float("inf")])
def test_a_bad_temperature(temperature):
    with pytest.raises(ValueError, match=r"^temperature must"):
        costfn.soft_targets(U, temperature=temperature)


@given(weights)
def test_unmix_undoes_the_mixture(weights):
    probs = probabilities(weights)
    rows = costfn.soft_targets(U, temperature=1.0)
    torch.testing.assert_close(costfn.unmix(probs @ rows, rows), probs)


def test_what_no_mixture_could_give_becomes_the_nearest_corner():
    rows = torch.tensor([[0.75, 0.25], [0.25, 0.75]])
    found = costfn.unmix(torch.tensor([[1.0, 0.0], [0.25, 0.75]]), rows)
    torch.testing.assert_close(found, torch.eye(2))


@pytest.mark.unchecked
@pytest.mark.parametrize(
    "probs, rows, message",
    [
        (HALVES, torch.full((4, 4), 0.25).double(), "^soft_targets must .*invert"),
        (HALVES, torch.eye(3).double(), "^soft_targets must"),
        (HALVES, U, "^soft_targets must"),
        (2 * HALVES, torch.eye(4).double(), "^probs must"),
    ],
)
def test_what_cannot_be_unmixed(probs, rows, message):
    with pytest.raises(ValueError, match=message):
        costfn.unmix(probs, rows)


def test_class_balanced_weights_worked_by_hand():
    # (1 - b)/(1 - b^n) at b = 1/2: 1 for n = 1, 2/3 for n = 2; scaled to mean 1.
    found = costfn.class_balanced_weights(torch.tensor([1.0, 2.0]), beta=0.5)
    torch.testing.assert_close(found, torch.tensor([6 / 5, 4 / 5]))
    # b = 0 gives equal weights; for b near 1 the weights are proportional to 1/n.
    alike = costfn.class_balanced_weights(torch.tensor([3, 900]), beta=0.0)
    torch.testing.assert_close(alike, torch.ones(2))
    inverse = costfn.class_balanced_weights(torch.tensor([1.0, 4.0]), beta=0.999999)
    torch.testing.assert_close(inverse, torch.tensor([1.6, 0.4]), rtol=1e-4, atol=0)


def test_an_absent_class_has_no_weight_and_no_part_in_the_mean():
    found = costfn.class_balanced_weights(torch.tensor([1.0, 0.0, 2.0]), beta=0.5)
    torch.testing.assert_close(found, torch.tensor([6 / 5, 0.0, 4 / 5]))


@pytest.mark.unchecked
@pytest.mark.parametrize(
    "counts, beta, message",
    [
        ([1.0, -2.0], 0.9, "^counts must"),
        ([1.0, torch.nan], 0.9, "^counts must"),
        ([[1.0, 2.0]], 0.9, "^counts must"),
        ([1.0, 2.0], 1.0, "^beta must"),
        ([1.0, 2.0], -0.1, "^beta must"),
        ([1.0, 2.0], torch.nan, "^beta must"),
    ],
)
def test_bad_counts(counts, beta, message):
    with pytest.raises(ValueError, match=message):
        costfn.class_balanced_weights(torch.tensor(counts), beta=beta)


def test_half_precision_decides_as_float32_does():
    """Expected costs of 49.95 and 50 would be equal in bfloat16."""
    probs = torch.tensor([0.5, 0.5])
    cost = torch.tensor([[0.0, 99.9], [100.0, 0.0]])
    assert decisions.minimum_cost_decision(probs, cost) == 1
    assert decisions.minimum_cost_decision(probs.bfloat16(), cost) == 1


def test_the_plug_in_decision_takes_half_precision():
    generator = torch.Generator().manual_seed(0)
    probs = torch.randn(40, 5, generator=generator).softmax(-1)
    found = decisions.plug_in_decision(probs.bfloat16(), costfn.metrics.accuracy)
    assert torch.equal(found.decisions, probs.bfloat16().argmax(-1))

"""Of equal costs the first decision wins, however the costs were rounded."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import costfn
import costfn_jax
from costfn import decisions

DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16]


def even(classes, dtype):
    """Equal probabilities, if the dtype can represent them: their sum is checked."""
    probs = torch.full((classes,), 1 / classes, dtype=dtype)
    return probs if abs(probs.double().sum() - 1) < 1e-3 else None


def circulant(classes, dtype):
    """Every decision has the same costs, in a different order."""
    row = torch.rand(classes, generator=torch.Generator().manual_seed(classes))
    return torch.stack([row.roll(i) for i in range(classes)]).to(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_equal_probabilities(dtype):
    tried = 0
    for classes in (*range(2, 130), *range(131, 1001, 23), 1000):
        probs = even(classes, dtype)
        if probs is not None:
            cost = costfn.costs.zero_one(classes)
            assert decisions.minimum_cost_decision(probs, cost) == 0, classes
            tried += 1
    assert tried > 30


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("classes", [2, 3, 7, 33, 100, 128, 1000])
def test_costs_that_are_equal_in_sum(classes, dtype):
    probs = even(classes, dtype)
    if probs is None:
        probs = even(128, dtype)
        classes = 128
    for kind in (torch.float32, torch.float64):
        cost = circulant(classes, kind)
        for each in (cost, 1e-30 * cost, 1e30 * cost, cost - 5):
            assert decisions.minimum_cost_decision(probs, each) == 0
        rows = cost.expand(2, classes, classes) * torch.tensor([1, 3.0])[:, None, None]
        found = decisions.minimum_cost_decision(probs.expand(2, -1), rows.to(kind))
        assert found.tolist() == [0, 0]


@pytest.mark.parametrize("classes", [2, 3, 10, 33, 100, 1000])
def test_abstention_at_the_same_price_comes_last(classes):
    probs = even(classes, torch.float64)
    cost = costfn.costs.zero_one(classes)
    same = 1 - 1 / classes
    assert decisions.abstain(probs, cost, price=same) == 0
    assert decisions.abstain(probs.numpy(), cost.tolist(), price=same) == 0
    assert decisions.abstain(probs, cost, price=same - 1e-6) == classes


@pytest.mark.parametrize("price", [0.3, 0.45, 0.1])
def test_a_price_is_not_rounded_to_the_dtype_of_the_costs(price):
    # In float32, 0.3 and 0.1 are larger than in float64, and 0.45 is smaller.
    probs = np.array([1 - price, price / 2, price / 2])
    cost = costfn.costs.zero_one(3)
    assert decisions.abstain(probs, cost, price=price) == 0
    assert decisions.abstain(probs, cost, price=price - 1e-9) == 3


def test_what_differs_by_more_than_rounding_is_not_equal():
    for classes in (2, 33, 1000):
        probs = even(classes, torch.float64)
        probs[-1] += 1e-9
        cost = costfn.costs.zero_one(classes).double()
        assert decisions.minimum_cost_decision(probs, cost) == classes - 1
        probs = even(classes, torch.float32)
        probs[-1] += 1e-5
        assert decisions.minimum_cost_decision(probs, cost.float()) == classes - 1


def test_a_large_cost_common_to_all_decisions_hides_no_difference():
    probs = torch.tensor([0.5, 0.5])
    cost = torch.tensor([[1e6, 1e6 + 1], [1e6 + 0.5, 1e6]])
    assert decisions.minimum_cost_decision(probs, cost) == 0
    assert decisions.minimum_cost_decision(probs, cost.flip(1)) == 1


def test_costs_near_the_end_of_the_range():
    cost = torch.tensor([[-1e308, 1.5e308], [1.5e308, -1e308]], dtype=torch.float64)
    probs = torch.tensor([[0.25, 0.75], [0.75, 0.25]], dtype=torch.float64)
    assert decisions.minimum_cost_decision(probs, cost).tolist() == [1, 0]
    wide = torch.tensor([[0, 1e39], [2e39, 0]], dtype=torch.float64)
    assert decisions.minimum_cost_decision(probs.float(), wide).tolist() == [1, 0]


def test_probabilities_that_rounding_made_negative():
    probs = torch.tensor([[-4e-4, 1.0004], [1.0004, -4e-4]])
    found = decisions.minimum_cost_decision(probs, costfn.costs.zero_one(2))
    assert found.tolist() == [1, 0]


numbers = st.integers(0, 6)


@given(st.lists(st.lists(numbers, min_size=4, max_size=4), min_size=3, max_size=3))
def test_whole_costs_and_eighths_are_decided_exactly(cost):
    """All sums are exact, so argmin is right, also on which of equals is first."""
    probs = np.array([0.5, 0.125, 0.375])
    exact = (probs @ np.array(cost)).argmin()
    for convert in (torch.float32, torch.float64, torch.bfloat16):
        p = torch.tensor(probs).to(convert)
        assert decisions.minimum_cost_decision(p, torch.tensor(cost)) == exact
    assert costfn_jax.decisions.minimum_cost_decision(probs, np.array(cost)) == exact


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("x64", [True, False])
@pytest.mark.parametrize("classes", [2, 33, 1000])
def test_in_jax_too(classes, x64):
    eager = costfn_jax.decisions.minimum_cost_decision
    decide, abstain = jax.jit(eager), jax.jit(costfn_jax.decisions.abstain)
    zero_one = np.ones((classes, classes), np.float32) - np.eye(classes)
    rolled = np.stack([np.roll(np.linspace(0, 1, classes), i) for i in range(classes)])
    with jax.enable_x64(x64):
        cost = jnp.asarray(zero_one, jnp.float32)
        for dtype in (jnp.float32, jnp.bfloat16):
            probs = jnp.full(classes, 1 / classes, dtype)
            if abs(np.asarray(probs, float).sum() - 1) > 1e-3:
                continue
            assert decide(probs, cost) == 0
            assert decide(probs, 0.1 * cost + 7) == 0
            assert decide(probs, jnp.asarray(rolled, jnp.float32)) == 0
            each = jnp.stack([cost, 3 * cost])
            found = decide(jnp.stack([probs, probs]), each)
            assert found.tolist() == [0, 0]
        probs = jnp.full(classes, 1 / classes, jnp.float32)
        assert eager(probs, cost) == 0
        assert abstain(probs, cost, price=1 - 1 / classes) == 0
        assert abstain(probs, cost, price=0.99 * (1 - 1 / classes)) == classes
        likelier = probs.at[-1].add(4e-4)
        assert decide(likelier, cost) == classes - 1

"""Decisions are integers: where a bad value could not be seen they are -1, no class."""

from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

import costfn
import costfn_jax

NAN, INF = np.nan, np.inf
PROBS = np.array([[0.2, 0.8], [0.7, 0.3], [0.5, 0.5]])
COST = np.array([[0.0, 1.0], [5.0, 0.0]])
BAD_ROWS = [[0.9, 0.9], [-0.5, 1.5], [NAN, 1.0], [0.0, 0.0]]
BAD_COSTS = [NAN, INF, -INF]


def minimum(package):
    return package.decisions.minimum_cost_decision


def abstain(package):
    return lambda p, c: package.decisions.abstain(p, c, price=0.25)


def plug_in(package):
    def decide(p, c):
        def metric(matrix):
            return -(matrix * c).sum() / matrix.sum()

        return package.decisions.plug_in_decision(p, metric).decisions

    return decide


def in_torch(decide, probs, cost):
    with mock.patch.object(
        costfn._foundation.check, "readable_values", lambda values: None
    ):
        return decide(costfn)(torch.tensor(probs), torch.tensor(cost)).numpy()


def compiled(decide, probs, cost):
    torch._dynamo.reset()
    f = torch.compile(decide(costfn), backend="aot_eager", fullgraph=True)
    return f(torch.tensor(probs), torch.tensor(cost)).numpy()


def in_jax(decide, probs, cost):
    return np.asarray(jax.jit(decide(costfn_jax))(jnp.array(probs), jnp.array(cost)))


ROADS = [in_torch, compiled, in_jax]


@pytest.mark.unchecked
@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("road", ROADS)
@pytest.mark.parametrize("decide", [minimum, abstain])
def test_a_bad_row_is_decided_for_nothing_and_spoils_no_other(decide, road):
    right = road(decide, PROBS, COST)
    assert right.tolist() == decide(costfn)(PROBS, COST).tolist()
    for row in BAD_ROWS:
        probs = PROBS.copy()
        probs[1] = row
        found = road(decide, probs, COST)
        assert found.tolist() == [right[0], -1, right[2]]


@pytest.mark.unchecked
@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("road", ROADS)
@pytest.mark.parametrize("decide", [minimum, abstain])
@pytest.mark.parametrize("value", BAD_COSTS)
def test_a_bad_cost_decides_nothing(decide, road, value):
    cost = COST.copy()
    cost[1, 0] = value
    assert (road(decide, PROBS, cost) == -1).all()


@pytest.mark.unchecked
@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("road", [in_torch, in_jax])
def test_a_bad_row_in_the_plug_in_rule_leaves_nothing_to_decide_by(road):
    right = road(plug_in, PROBS, COST)
    assert right.tolist() == minimum(costfn)(PROBS, COST).tolist()
    for row in BAD_ROWS:
        probs = PROBS.copy()
        probs[1] = row
        assert road(plug_in, probs, COST)[1] == -1


@pytest.mark.unchecked
@pytest.mark.usefixtures("quick")
def test_counts_refuse_what_was_decided_for_nothing():
    labels = np.array([0, -1])
    for package in (costfn, costfn_jax):
        with pytest.raises(ValueError, match=r"^decisions must be labels in \[0, 2\)"):
            package.counts(labels, [0, 1], classes=2)

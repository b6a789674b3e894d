"""A metric as a cost matrix: its gradients, decisions and weights."""

import numpy as np
import pytest
import torch
from sklearn import metrics as sk
from torch.func import grad

import costfn
from costfn import metrics

K, N = 3, 40
RNG = np.random.default_rng(5)
LOGITS = torch.from_numpy(RNG.normal(size=(N, K)))
LABELS = torch.from_numpy(RNG.integers(K, size=N))
WEIGHT = torch.from_numpy(RNG.uniform(0.5, 2, size=N))
COST = torch.tensor([[0.0, 1, 4], [2, 0, 3], [7, 1, 0]], dtype=torch.float64)

OF_COUNTS = {
    "accuracy": {},
    "balanced_accuracy": {},
    "cohen_kappa": {},
    "dice": {},
    "f_beta": {"beta": 2.0},
    "focal_tversky": {"alpha": 0.3, "beta": 0.7},
    "fowlkes_mallows": {},
    "g_mean": {},
    "generalized_dice": {},
    "hss": {},
    "informedness": {},
    "jaccard": {"average": "weighted"},
    "markedness": {},
    "mcc": {},
    "precision": {},
    "recall": {},
    "specificity": {},
    "tversky": {"alpha": 0.3, "beta": 0.7},
}


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["even", "weighted"])
@pytest.mark.parametrize("name, options", OF_COUNTS.items(), ids=OF_COUNTS)
def test_the_gradient_of_a_batch_loss_is_that_of_its_cost_matrix(name, options, weight):
    def metric(table):
        return getattr(metrics, name)(table, **options)

    def batch_loss(z):
        loss = getattr(costfn, f"{name}_loss")
        return loss(z, LABELS, sample_weight=weight, **options)

    counts = costfn.counts(LOGITS.softmax(-1), LABELS, sample_weight=weight)
    cost = costfn.cost_of(metric, counts)
    assert cost.min() == 0 and not cost.requires_grad

    def expected_cost(z):
        losses = costfn.expected_cost_loss(z, LABELS, cost)
        return costfn.reduce(losses, weight=weight)

    direct, through = grad(batch_loss)(LOGITS), grad(expected_cost)(LOGITS)
    assert direct.abs().max() > 1e-5
    torch.testing.assert_close(direct, through, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "loss, metric",
    [
        (
            lambda z: costfn.cohen_kappa_loss(z, LABELS, weights="quadratic"),
            lambda m: metrics.cohen_kappa(m, weights="quadratic"),
        ),
        (
            lambda z: costfn.normalized_cost_loss(z, LABELS, COST),
            lambda m: -metrics.normalized_cost(m, COST),
        ),
        (
            lambda z: costfn.savings_loss(z, LABELS, COST),
            lambda m: metrics.savings(m, COST),
        ),
        (
            lambda z: costfn.regret_loss(z, LABELS, COST),
            lambda m: -metrics.regret(m, COST),
        ),
    ],
    ids=["kappa", "normalized", "savings", "regret"],
)
def test_so_for_metrics_of_the_whole_matrix(loss, metric):
    matrix = costfn.confusion_matrix(LOGITS.softmax(-1), LABELS)
    cost = costfn.cost_of(metric, matrix)
    through = grad(lambda z: costfn.expected_cost_loss(z, LABELS, cost).mean())(LOGITS)
    torch.testing.assert_close(grad(loss)(LOGITS), through, rtol=0, atol=1e-12)


def test_counts_and_their_matrix_have_the_same_costs():
    matrix = costfn.confusion_matrix(LOGITS.softmax(-1), LABELS)
    counts = costfn.confusion.one_vs_rest(matrix)
    for metric in (metrics.f_beta, metrics.mcc):
        a, b = costfn.cost_of(metric, counts), costfn.cost_of(metric, matrix)
        torch.testing.assert_close(a, b, rtol=0, atol=1e-13)


def test_accuracy_costs_one_for_each_mistake():
    cost = costfn.cost_of(metrics.accuracy, torch.diag(torch.tensor([3.0, 4.0])))
    torch.testing.assert_close(cost, costfn.costs.zero_one(2))


def test_several_labels_have_a_matrix_each():
    decisions = torch.from_numpy(RNG.uniform(size=(N, 2)))
    target = torch.from_numpy(RNG.integers(2, size=(N, 2)))
    counts = costfn.counts(decisions, target, task="multilabel")
    cost = costfn.cost_of(metrics.f_beta, counts)
    assert cost.shape == (2, 2, 2)
    # The macro average over two labels halves the cost of each.
    alone = costfn.counts(decisions[:, 1], target[:, 1], task="binary")
    of_one = costfn.cost_of(lambda c: metrics.f_beta(c, average="binary"), alone)
    torch.testing.assert_close(cost[1], of_one / 2)


def probabilities(size, classes, seed=0):
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.dirichlet([0.5] * classes, size=size))


@pytest.mark.parametrize("metric", [metrics.f_beta, metrics.mcc, metrics.g_mean])
@pytest.mark.parametrize("seed", range(4))
def test_the_plug_in_rule_is_no_worse_than_argmax_and_a_fixed_point_or_says_so(
    metric, seed
):
    probs = probabilities(60, 3, seed)
    found = costfn.decisions.plug_in_decision(probs, metric)

    def expected(decided):
        return metric(costfn.confusion_matrix(decided, probs, classes=3))

    assert expected(found.decisions) >= expected(probs.argmax(-1))
    assert 1 <= found.iterations <= 50
    # There may be no fixed point: the optimum may split an example at the threshold.
    again = costfn.decisions.minimum_cost_decision(probs, found.cost)
    assert torch.equal(again, found.decisions) or not found.converged
    assert found.converged or metric is not metrics.mcc


def test_for_binary_f1_the_plug_in_rule_is_the_best_threshold():
    positive = torch.from_numpy(np.random.default_rng(1).beta(0.7, 6, size=300))
    probs = torch.stack([1 - positive, positive], -1)

    def f1(matrix):
        return metrics.f_beta(matrix, average="binary")

    found = costfn.decisions.plug_in_decision(probs, f1)
    best = max(
        float(f1(costfn.confusion_matrix((positive >= t).long(), probs, classes=2)))
        for t in positive
    )
    mine = float(f1(costfn.confusion_matrix(found.decisions, probs, classes=2)))
    assert mine == pytest.approx(best, abs=1e-12)


def test_for_accuracy_the_plug_in_rule_is_argmax_at_once():
    probs = probabilities(30, 4)
    found = costfn.decisions.plug_in_decision(probs, metrics.accuracy)
    assert torch.equal(found.decisions, probs.argmax(-1))
    assert found.iterations == 1 and found.converged


@pytest.mark.unchecked
def test_too_few_iterations_say_so():
    probs = torch.tensor([[0.95, 0.05]] * 80 + [[0.7, 0.3]] * 20)
    found = costfn.decisions.plug_in_decision(probs, metrics.f_beta, iterations=1)
    assert not found.converged and found.iterations == 1
    with pytest.raises(ValueError, match="iterations must be at least 1, got 0"):
        costfn.decisions.plug_in_decision(probs, metrics.f_beta, iterations=0)
    with pytest.raises(ValueError, match="probs must be"):
        costfn.decisions.plug_in_decision(probs[None], metrics.f_beta)


def test_weights_from_a_confusion_matrix_follow_the_errors():
    truth = np.array([0] * 95 + [1] * 10)
    decided = np.array([0] * 95 + [0] * 5 + [1] * 5)
    matrix = torch.from_numpy(sk.confusion_matrix(truth, decided))
    weights = costfn.confusion_informed_weights(matrix, smoothing=0.0)
    # Only class 1 is missed, so it has all the weight: 105 examples / its 10.
    torch.testing.assert_close(weights, torch.tensor([0.0, 10.5], dtype=torch.float64))
    smooth = costfn.confusion_informed_weights(matrix)
    actual = torch.tensor([95.0, 10.0], dtype=torch.float64)
    assert smooth[1] > smooth[0] > 0
    assert float((smooth * actual).sum() / actual.sum()) == pytest.approx(1)
    perfect = costfn.confusion_informed_weights(torch.eye(2), smoothing=0.0)
    assert torch.equal(perfect, torch.ones(2))
    with pytest.raises(ValueError, match="smoothing must be at least 0"):
        costfn.confusion_informed_weights(matrix, smoothing=-1.0)

"""What is compared: losses, their decisions, the direction of the costs."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from costfn.catalogue import LOSSES
from costfn.compare import (
    CANDIDATES,
    DEFAULT_LOSSES,
    METRIC_LOSSES,
    METRICS,
    compare_losses,
    load_data,
)
from costfn.compare._candidate import Problem
from costfn.compare._candidates import (
    LEFT_OUT,
    Candidate,
    other_names,
    select,
    suitable,
)
from costfn.compare._cell import Prepared, evaluate
from costfn.compare._costs import name_cost
from costfn.compare._decide import Decider
from costfn.compare._folds import outer_splits
from costfn.compare._learners import Linear
from costfn.compare._preprocessing import as_text, check_features
from costfn.compare._summary import summarize
from costfn.compare._verdict import verdict
from small_data import COST, overlapping, row_of

pytestmark = pytest.mark.slow


def test_cost_is_truth_by_decision():
    """To call bad good costs more, so the best decisions call many good ones bad."""
    features, y = overlapping()
    losses = ["expected_cost_loss", "log_cost_loss", "weighted_cross_entropy"]
    dear_bad = compare_losses(features, y, cost=COST, losses=losses, folds=2, repeats=1)
    transposed = pd.DataFrame(COST.to_numpy().T, index=COST.index, columns=COST.columns)
    dear_good = compare_losses(
        features, y, cost=transposed, losses=losses, folds=2, repeats=1
    )
    assert dear_bad.constant_decision == "bad"
    assert dear_good.constant_decision == "good"
    for loss in [*losses, "cross_entropy"]:
        decision = "minimum_cost" if loss == "cross_entropy" else "argmax"
        called_bad = row_of(dear_bad, loss, decision).confusion[:, 1].sum()
        assert called_bad > 45
        assert row_of(dear_good, loss, decision).confusion[:, 1].sum() < 30
    baseline = row_of(dear_bad, "cross_entropy", "argmax")
    wrong = baseline.confusion
    assert baseline.mean_cost == pytest.approx((wrong[0, 1] + 5 * wrong[1, 0]) / 90)


def test_abstain_is_decided_where_it_is_cheap():
    features, y = overlapping()
    with_abstain = COST.assign(abstain=[0.4, 0.4])
    found = compare_losses(
        features, y, cost=with_abstain, losses=["all"], folds=2, repeats=1
    )
    assert found.cost.decisions == ("good", "bad", "abstain")
    assert found.constant_decision == "abstain"
    assert found.constant_cost == pytest.approx(0.4)
    names = {row.loss for row in found.summary}
    left_out = {note.split()[0] for note in found.notes if "left out" in note}
    assert names | left_out | set(other_names(METRICS["cost"])) == set(CANDIDATES)
    assert "softmax_margin_loss" in left_out
    for loss, decision in (
        ("expected_cost_loss", "argmax"),
        ("log_cost_loss", "argmax"),
        ("cost_regression_loss", "argmin"),
        ("sum_to_zero_loss", "argmax"),
        ("cross_entropy", "minimum_cost"),
        ("ranked_probability_loss", "minimum_cost"),
    ):
        row = row_of(found, loss, decision)
        assert row.confusion[:, 2].sum() > 20, row.name
        assert row.normalized_cost < 1.25
    baseline = row_of(found, "cross_entropy", "argmax")
    assert baseline.confusion[:, 2].sum() == 0


def test_every_loss_of_the_catalogue_can_be_compared_or_says_why_not():
    assert set(LOSSES) - set(CANDIDATES) == set(LEFT_OUT) & set(LOSSES)
    assert not set(LEFT_OUT) & set(CANDIDATES)
    assert {"forward_corrected_loss", "sinkhorn_loss"} <= set(LEFT_OUT)
    assert set(DEFAULT_LOSSES) | set(METRIC_LOSSES) < set(CANDIDATES)
    assert len(DEFAULT_LOSSES) == len(METRIC_LOSSES) == 10
    for name, candidate in CANDIDATES.items():
        if name in LOSSES:
            assert set(candidate.decisions) <= set(LOSSES[name].decisions)


def test_all_losses_learn_three_separate_classes():
    generator = np.random.default_rng(0)
    y = np.arange(60) % 3
    features = np.eye(3)[y] * 4 + generator.normal(size=(60, 3))
    cost = 1.0 * np.abs(np.subtract.outer(range(3), range(3)))
    found = compare_losses(features, y, cost=cost, losses=["all"], folds=2, repeats=1)
    again = other_names(METRICS["cost"])
    assert {row.loss for row in found.summary} == set(CANDIDATES) - set(again)
    assert any("dice_loss is f_beta_loss" in note for note in found.notes)
    assert all(row.accuracy > 0.85 for row in found.summary), found.summary
    decisions = {(row.loss, row.decision) for row in found.summary}
    assert ("energy_cost_loss", "minimum_cost") in decisions
    assert ("soft_target_loss", "unmix") in decisions
    assert ("soft_target_loss", "minimum_cost") not in decisions


def objective(name, metric, outputs, labels):
    cost = torch.tensor([[0.0, 1, 4], [2, 0, 1], [5, 3, 0]], dtype=torch.float64)
    problem = Problem(cost, labels.bincount() / len(labels), metric)
    return CANDIDATES[name].objective(outputs, labels, problem).mean()


@pytest.mark.parametrize("metric", ["cost", "f1-macro", "kappa-quadratic"])
def test_all_runs_each_loss_once_whatever_its_names_are(metric):
    rng = torch.Generator().manual_seed(0)
    outputs = torch.randn(30, 3, dtype=torch.float64, generator=rng)
    labels = torch.arange(30).sqrt().long() // 2
    names = [one.name for one in select(["all"], METRICS[metric])]
    values = [objective(name, metric, outputs, labels).item() for name in names]
    assert len({round(value, 12) for value in values}) == len(values)
    assert ("hss_loss" in names) == (metric == "kappa-quadratic")
    for name, of in other_names(METRICS[metric]).items():
        assert name not in names and of in names
        same = (objective(one, metric, outputs, labels) for one in (name, of))
        torch.testing.assert_close(*same, rtol=1e-14, atol=0)
    asked = [one.name for one in select(["dice_loss"], METRICS[metric])]
    assert asked == ["cross_entropy", "dice_loss"]


def test_minimum_cost_rule_only_where_the_outputs_are_probabilities():
    cyclic = name_cost(np.array([[0, 1, 4], [4, 0, 1], [1, 4, 0]]), ["a", "b", "c"])
    kept, notes = suitable(select(["all"]), torch.tensor(cyclic.scaled()))
    rules = {one.name: one.decisions for one in kept}
    assert rules["energy_cost_loss"] == ("argmax",)
    assert any("energy_cost_loss without" in note for note in notes)
    assert rules["cross_entropy"] == ("argmax", "minimum_cost")
    same = name_cost(np.array([[0, 0, 1], [0, 0, 1], [1, 1, 0]]), ["a", "b", "c"])
    kept, notes = suitable(select(["all"]), torch.tensor(same.scaled()))
    assert "unmix" not in {rule for one in kept for rule in one.decisions}
    assert any("without unmix" in note for note in notes)


def test_decisions_by_hand():
    cost = torch.tensor([[0.0, 1 / 3], [5 / 3, 0.0]], dtype=torch.float64)
    outputs = torch.tensor([[0.8, 0.2], [0.9, 0.1]], dtype=torch.float64).log()
    assert Decider("argmax", 1.0, cost)(outputs).tolist() == [0, 0]
    assert Decider("argmin", 1.0, cost)(outputs).tolist() == [1, 1]
    # Threshold 5/6 for "good": costs .8 * 1 < .2 * 5 but .9 * 1 > .1 * 5.
    assert Decider("minimum_cost", 1.0, cost)(outputs).tolist() == [1, 0]
    # Twice as hot, 9 to 1 becomes 3 to 1.
    assert Decider("minimum_cost", 2.0, cost)(outputs).tolist() == [1, 1]
    each = torch.stack([1 - torch.eye(2, dtype=torch.float64), cost])
    assert Decider("minimum_cost", 1.0, cost)(outputs, each).tolist() == [0, 0]


def test_training_that_diverges_is_shown_and_not_dropped():
    def explode(outputs, labels, problem):
        return outputs.sum(-1) * torch.inf

    features, y = overlapping(30)
    labels = (y == "bad").astype(int)
    broken = Candidate("broken_loss", explode, ("argmax",))
    data = Prepared(
        as_text(check_features(features)[0]),
        labels,
        name_cost(COST, ["good", "bad"]),
        "cost",
    )
    outcomes = [
        outcome
        for split in outer_splits(labels, folds=2, repeats=1, seed=0)
        for candidate in (CANDIDATES["cross_entropy"], broken)
        for outcome in evaluate(data, split, candidate, Linear(), 0)
    ]
    rows = summarize(outcomes, test_to_train=1)
    assert rows[-1].loss == "broken_loss" and rows[-1].failed_folds == 2
    assert math.isnan(rows[-1].mean_cost)
    assert any(
        sentence.startswith("Failed") and "broken_loss with argmax" in sentence
        for sentence in verdict(rows, folds=2, constant_decision="bad")
    )
    only_broken = summarize(
        [one for one in outcomes if one.loss == "broken_loss"]
        + [
            replace(one, cost=math.nan, failed=True)
            for one in outcomes
            if one.loss != "broken_loss"
        ],
        test_to_train=1,
    )
    words = verdict(only_broken, folds=2, constant_decision="bad")
    assert words[0].startswith("Failed")


def test_losses_that_know_the_costs_beat_the_baseline_on_german_credit():
    data = load_data("german-credit")
    found = compare_losses(
        data.features,
        data.labels,
        cost=data.cost,
        losses=["expected_cost_loss", "log_cost_loss"],
        folds=2,
        repeats=1,
    )
    baseline = row_of(found, "cross_entropy", "argmax").mean_cost
    for loss in ("expected_cost_loss", "log_cost_loss"):
        assert row_of(found, loss, "argmax").mean_cost < 0.8 * baseline

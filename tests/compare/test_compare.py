"""The comparison: its numbers by other means, its folds, its training."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.model_selection import RepeatedStratifiedKFold
from sklearn.preprocessing import StandardScaler

from costfn.compare import CANDIDATES, compare_losses
from costfn.compare._candidate import Problem
from costfn.compare._cell import Prepared, training_of
from costfn.compare._costs import name_cost
from costfn.compare._folds import outer_splits
from costfn.compare._learners import Linear, Task
from costfn.compare._preprocessing import as_text, check_features, preprocessor
from small_data import COST, overlapping


@pytest.fixture(scope="module")
def found():
    return compare_losses(
        *overlapping(),
        cost=COST,
        losses=["expected_cost_loss", "log_cost_loss"],
        folds=3,
        repeats=2,
    )


def without_times(found):
    return found.results.drop(columns="seconds")


def test_same_seed_same_results_other_seed_other_folds():
    def results(seed):
        return without_times(
            compare_losses(
                *overlapping(60),
                losses=["cross_entropy"],
                folds=2,
                repeats=1,
                seed=seed,
            )
        )

    pd.testing.assert_frame_equal(results(0), results(0))
    assert not results(0).equals(results(1))


def test_network_is_the_same_by_seed_and_leaves_the_global_generator():
    features, y = overlapping(30)
    torch.manual_seed(3)
    before = torch.get_rng_state()
    results = [
        without_times(
            compare_losses(
                features, y, losses=["cross_entropy"], model="mlp", repeats=1
            )
        )
        for _ in range(2)
    ]
    pd.testing.assert_frame_equal(*results)
    assert torch.equal(before, torch.get_rng_state())


def test_cross_entropy_equals_scikit_learn_on_every_fold():
    table, y = overlapping()
    features = table[["income"]].to_numpy()
    found = compare_losses(
        features, y, cost=COST, losses=["cross_entropy"], folds=3, repeats=2
    )
    splitter = RepeatedStratifiedKFold(n_splits=3, n_repeats=2, random_state=0)
    cost = COST.to_numpy()
    truth = (y == "bad").astype(int)
    lines = found.results.set_index(["decision", "repeat", "fold"])
    # scikit-learn splits by its own order of the classes: indices, as here.
    for number, (train_index, test_index) in enumerate(splitter.split(features, truth)):
        scale = StandardScaler().fit(features[train_index])
        line = lines.loc["argmax", number // 3, number % 3]
        strength = float(line.setting.removeprefix("penalty "))
        # Two softmax outputs w, -w have half the penalty of one w of scikit-learn.
        model = LogisticRegression(C=2 / strength, tol=1e-9).fit(
            scale.transform(features[train_index]), truth[train_index]
        )
        probs = model.predict_proba(scale.transform(features[test_index]))
        expected = {
            "argmax": probs.argmax(1),
            "minimum_cost": None,
        }
        heat = lines.loc["minimum_cost", number // 3, number % 3].temperature
        calibrated = probs ** (1 / heat)
        expected["minimum_cost"] = (calibrated @ cost).argmin(1)
        for decision, chosen in expected.items():
            line = lines.loc[decision, number // 3, number % 3]
            assert line.cost == pytest.approx(cost[truth[test_index], chosen].mean())
            assert line.accuracy == accuracy_score(truth[test_index], chosen)
            assert line.macro_f1 == pytest.approx(
                f1_score(truth[test_index], chosen, average="macro")
            )


def test_rows_are_means_of_the_folds(found):
    for row in found.summary:
        lines = found.results.query(
            "loss == @row.loss and decision == @row.decision "
            "and chosen_by == @row.chosen_by"
        )
        assert len(lines) == 6
        assert row.mean_cost == pytest.approx(lines.cost.mean())
        assert row.normalized_cost == pytest.approx(
            lines.cost.mean() / lines.constant_cost.mean()
        )
        assert row.standard_error == pytest.approx(
            math.sqrt((1 / 6 + 1 / 2) * lines.cost.var(ddof=1))
        )
        # Every example is tested once per repeat; folds have equal sizes here.
        assert row.confusion.sum() == 2 * 90
        assert (row.confusion * COST.to_numpy()).sum() / 180 == pytest.approx(
            row.mean_cost
        )
    means = [row.mean_cost for row in found.summary]
    assert means == sorted(means)


def test_order_of_names_in_the_cost_does_not_matter():
    swapped = name_cost(COST.loc[["bad", "good"]], ["bad", "good"])
    assert swapped.classes == swapped.decisions == ("bad", "good")
    assert swapped.matrix.tolist() == [[0, 5], [1, 0]]


def test_training_costs_know_no_unit_and_no_unavoidable_part():
    scaled = name_cost(COST, ["bad", "good"]).scaled()
    assert scaled == pytest.approx(np.array([[0, 1], [5, 0]]) / 3)
    shifted = name_cost(COST * 7 + 2, ["bad", "good"]).scaled()
    assert shifted == pytest.approx(scaled)


def prepared(features, labels):
    cost = name_cost(COST, ["good", "bad"])
    return Prepared(as_text(check_features(features)[0]), labels, cost, "cost")


def test_folds_are_stratified_and_prepared_by_their_training_part_alone():
    features, y = overlapping()
    features.loc[::7, "income"] = np.nan
    labels = (y == "bad").astype(int)
    data = prepared(features, labels)
    seen = 0
    for split in outer_splits(labels, folds=3, repeats=2, seed=0):
        training, steps = training_of(data, split.train, 0)
        test = steps.transform(data.features.iloc[split.test])
        seen += len(split.test)
        assert np.bincount(labels[split.test]).tolist() == [20, 10]
        assert len(test) == 30 and len(training.features) == 60
        # Mean 0 and variance 1 hold on the training part; were the test part in
        # the fit, they would hold on neither.
        income = training.features[:, 0]
        assert income.mean().item() == pytest.approx(0, abs=1e-12)
        assert income.std(correction=0).item() == pytest.approx(1)
        assert abs(test[:, 0].mean()) > 1e-6
    assert seen == 180


def test_an_outlier_in_the_test_part_does_not_change_the_training_part():
    features, y = overlapping()
    labels = (y == "bad").astype(int)
    split = outer_splits(labels, folds=3, repeats=1, seed=0)[0]
    plain, _ = training_of(prepared(features, labels), split.train, 0)
    features.loc[split.test[0], "income"] = 1e6
    features.loc[split.test[1], "noise"] = "never trained on"
    moved, others = training_of(prepared(features, labels), split.train, 0)
    assert torch.equal(plain.features, moved.features)
    table = as_text(check_features(features)[0]).iloc[split.test]
    assert others.transform(table)[0, 0] > 1e5
    assert not others.transform(table)[1, 1:].any()


def test_groups_stay_together_and_times_go_forward():
    labels = np.arange(60) % 2
    groups = np.arange(60) // 3
    for split in outer_splits(labels, folds=4, repeats=2, seed=0, groups=groups):
        assert not set(groups[split.train]) & set(groups[split.test])
    time = np.random.default_rng(0).permutation(60).astype(float)
    splits = outer_splits(labels, folds=4, repeats=1, seed=0, time=time)
    assert len(splits) == 4
    for split in splits:
        assert time[split.train].max() < time[split.test].min()


def test_preprocessing_by_hand():
    features, columns = check_features(
        pd.DataFrame(
            {
                "number": [1.0, 3.0, np.nan, 8.0],
                "text": ["a", "b", None, "a"],
                "constant": [1, 1, 1, 1],
                "whole": ["1", "2", "3", "4"],
            }
        )
    )
    assert list(features) == ["number", "text", "whole"]
    kinds = ["number", "category", "left out", "number"]
    assert [column.kind for column in columns] == kinds
    features = as_text(features)
    made = preprocessor(features[["number", "text"]]).fit_transform(
        features[["number", "text"]]
    )
    filled = np.array([1.0, 3.0, 3.0, 8.0])
    assert made[:, 0] == pytest.approx((filled - filled.mean()) / filled.std())
    assert made[:, 1] == pytest.approx(np.array([-1, -1, 3, -1]) / math.sqrt(3))
    assert made[:, 2:].tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]]
    assert features.whole.dtype == float


def test_training_reaches_the_optimum_of_the_cross_entropy():
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(80, 5, generator=generator, dtype=torch.float64)
    labels = (features[:, 0] + torch.randn(80, generator=generator) > 0).long()
    loss = CANDIDATES["cross_entropy"].mean_loss
    problem = Problem(torch.zeros(2, 2), torch.ones(2))
    task = Task(
        features,
        labels.numpy(),
        classes=2,
        outputs=2,
        loss=lambda outputs, rows: loss(outputs, labels[rows], problem),
        weight=np.ones(80),
        convex=True,
        seed=0,
    )
    for setting, fit in Linear().path(task):
        strength = setting["penalty"]
        model = LogisticRegression(C=2 / strength, tol=1e-10, max_iter=1000)
        model.fit(features.numpy(), labels.numpy())
        difference = fit.predict(features)[:, 1] - fit.predict(features)[:, 0]
        expected = torch.tensor(model.decision_function(features.numpy()))
        torch.testing.assert_close(difference, expected, rtol=1e-3, atol=1e-3)
        assert fit.converged and not fit.failed
        again = Linear().fit(task, setting).predict(features)
        torch.testing.assert_close(again, fit.predict(features), rtol=1e-2, atol=1e-2)


def test_labels_of_any_kind_name_the_classes():
    features, _ = overlapping(40)
    for y, names in (
        ([10.0, 9.0] * 20, ("9", "10")),
        ([True, False] * 20, ("False", "True")),
        (pd.Categorical(["x", "y"] * 20), ("x", "y")),
    ):
        found = compare_losses(
            features, y, losses=["cross_entropy"], folds=2, repeats=1
        )
        assert found.cost.classes == names
        assert found.notes == ["No costs given: every mistake costs 1."]

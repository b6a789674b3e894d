"""The comparison by a metric: scikit-learn's numbers, the right way up."""

import json
import math

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn import metrics as sklearn_metrics

import costfn
from command import assert_refused, run, write_data
from costfn.compare import (
    CANDIDATES,
    METRIC_LOSSES,
    METRICS,
    InputError,
    compare_losses,
)
from costfn.compare._candidate import Problem
from costfn.compare._candidates import default_losses
from costfn.compare._verdict import verdict
from small_data import COST, overlapping, row_of


def g_mean(truth, decided):
    recalls = sklearn_metrics.recall_score(truth, decided, average=None)
    return np.prod(recalls) ** (1 / len(recalls))


BY_SCIKIT_LEARN = {
    "accuracy": sklearn_metrics.accuracy_score,
    "balanced-accuracy": sklearn_metrics.balanced_accuracy_score,
    "f1-macro": lambda t, d: sklearn_metrics.f1_score(t, d, average="macro"),
    "f1": sklearn_metrics.f1_score,
    "mcc": sklearn_metrics.matthews_corrcoef,
    "kappa": sklearn_metrics.cohen_kappa_score,
    "kappa-quadratic": lambda t, d: sklearn_metrics.cohen_kappa_score(
        t, d, weights="quadratic"
    ),
    "jaccard-macro": lambda t, d: sklearn_metrics.jaccard_score(t, d, average="macro"),
    "g-mean": g_mean,
}


def three_classes(examples=60):
    """A rare class, a common one and one between, on a line with noise."""
    generator = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], [examples // 6, examples // 3, examples // 2])
    return y[:, None] + generator.normal(size=(examples, 2)), y


def decided_by(confusion):
    """Truths and decisions with these counts."""
    cells = [
        cell
        for cell in np.ndindex(confusion.shape)
        for _ in range(int(confusion[cell]))
    ]
    return np.array(cells).T


def compared(metric, *, losses=("f_beta_loss",), cost=None):
    data = overlapping() if metric == "f1" else three_classes()
    return compare_losses(
        *data, metric=metric, losses=losses, cost=cost, folds=2, repeats=1
    )


@pytest.mark.parametrize("name", BY_SCIKIT_LEARN)
def test_scores_are_those_of_scikit_learn(name):
    found = compared(name)
    scores = found.results.score
    assert set(found.results.metric) == {name}
    for outcome, score in zip(found.outcomes, scores, strict=True):
        truth, decided = decided_by(outcome.confusion)
        assert score == pytest.approx(BY_SCIKIT_LEARN[name](truth, decided), abs=1e-12)
    for row in found.summary:
        names = ["loss", "decision", "chosen_by"]
        of_row = (found.results[names] == [getattr(row, n) for n in names]).all(axis=1)
        each = scores[of_row]
        assert row.value == row.score == pytest.approx(each.mean())
        assert row.standard_error == pytest.approx(
            math.sqrt((1 / 2 + 1) * each.var(ddof=1))
        )


def test_every_metric_but_the_cost_has_a_referee_and_a_loss():
    assert set(METRICS) == {"cost", *BY_SCIKIT_LEARN}
    for metric in METRICS.values():
        assert metric.loss in CANDIDATES
        assert metric.loss in default_losses(metric) or metric.is_cost
    assert set(METRIC_LOSSES) <= set(CANDIDATES)


def test_the_highest_comes_first_and_says_so():
    found = compared("balanced-accuracy", losses=["balanced_accuracy_loss"])
    scores = [row.score for row in found.summary]
    assert scores == sorted(scores, reverse=True)
    assert found.verdict[0].startswith("Highest balanced accuracy: ")
    assert found.constant_value == pytest.approx(1 / 3)
    baseline = row_of(found, "cross_entropy", "argmax")
    for row in found.summary:
        assert row.difference == pytest.approx(row.score - baseline.score)
        assert row.is_better == (row.score > baseline.score)


def test_losses_that_know_the_rare_class_win_by_balanced_accuracy():
    """90 to 10 and little to see: cross entropy never decides for the rare class."""
    generator = np.random.default_rng(1)
    y = (np.arange(300) % 10 == 0).astype(int)
    features = generator.normal(size=(300, 1)) + y[:, None]
    found = compare_losses(
        features,
        y,
        metric="balanced-accuracy",
        losses=["balanced_accuracy_loss", "balanced_cross_entropy", "accuracy_loss"],
        folds=2,
        repeats=1,
    )
    fair = ("balanced_accuracy_loss", "balanced_cross_entropy")
    for row in found.summary:
        if row.loss in fair or row.decision == "plug_in":
            assert row.is_better and row.difference > 0.1, row.name
        else:
            assert row.difference < 0.1, row.name
    by_accuracy = sorted(found.summary, key=lambda row: -row.accuracy)
    assert by_accuracy[0].loss in ("cross_entropy", "accuracy_loss")


def test_verdict_says_where_a_constant_is_as_good(tmp_path):
    found = compared("mcc")
    words = verdict(
        found.summary,
        folds=2,
        constant_decision="2",
        constant_value=1.0,
        metric=METRICS["mcc"],
    )
    assert any("always deciding '2' has as high a Matthews" in one for one in words)
    assert not any("always deciding" in one for one in found.verdict)


def test_minimum_cost_only_beside_a_metric_where_it_is_not_argmax():
    without = compared("accuracy", losses=["cross_entropy"])
    assert {row.decision for row in without.summary} == {"argmax", "plug_in"}
    assert not without.plan.with_cost and without.notes == []
    cost = np.abs(np.subtract.outer(range(3), range(3)))
    given = compared("accuracy", losses=["cross_entropy"], cost=cost)
    rules = {"argmax", "minimum_cost", "plug_in"}
    assert {row.decision for row in given.summary} == rules
    headings = [column.header for column in given.table().columns]
    assert headings == [
        "loss",
        "decision",
        "accuracy±s.e.",
        "cost",
        "macro-F1",
        "difference",
        "p",
        "conv.",
        "s",
    ]
    assert "cost" not in [column.header for column in without.table().columns]


def test_the_losses_are_told_what_the_metric_is():
    labels = torch.tensor([0, 1, 1, 0, 1])
    outputs = torch.randn(5, 2, generator=torch.Generator().manual_seed(0))

    def value(loss, metric):
        problem = Problem(1 - torch.eye(2), torch.ones(2) / 2, metric)
        return CANDIDATES[loss].objective(outputs, labels, problem)

    for metric, average in (("f1", "binary"), ("f1-macro", "macro"), ("cost", "macro")):
        expected = costfn.f_beta_loss(outputs, labels, average=average)
        assert torch.equal(value("f_beta_loss", metric), expected)
    for metric, weights in (("kappa-quadratic", "quadratic"), ("kappa", None)):
        expected = costfn.cohen_kappa_loss(outputs, labels, weights=weights)
        assert torch.equal(value("cohen_kappa_loss", metric), expected)


def test_balanced_cross_entropy_weighs_each_class_the_same():
    labels = torch.tensor([0, 0, 0, 1])
    problem = Problem(1 - torch.eye(2), torch.tensor([0.75, 0.25]))
    outputs = torch.randn(4, 2, generator=torch.Generator().manual_seed(0))
    losses = torch.nn.functional.cross_entropy(outputs, labels, reduction="none")
    found = CANDIDATES["balanced_cross_entropy"].objective(outputs, labels, problem)
    expected = (losses[:3].mean() + losses[3]) / 2
    torch.testing.assert_close(found.mean(), expected)


def test_f1_is_that_of_the_second_class():
    found = compare_losses(
        *overlapping(),
        cost=COST,
        metric="f1",
        losses=["f_beta_loss"],
        folds=2,
        repeats=1,
    )
    assert found.cost.classes == ("good", "bad")
    assert "f1 is for the second class, 'bad'." in found.notes
    for outcome, score in zip(found.outcomes, found.results.score, strict=True):
        truth, decided = decided_by(outcome.confusion)
        assert score == pytest.approx(sklearn_metrics.f1_score(truth, decided))


@pytest.mark.unchecked
def test_metrics_that_do_not_suit_are_refused():
    features, y = three_classes()
    for metric, options, message in (
        ("f1-marco", {}, r"got 'f1-marco'; did you mean 'f1-macro'\?"),
        ("f1", {}, r"'f1'.*for 3 classes; did you mean 'f1-macro'\?"),
        (
            "mcc",
            {"cost": np.hstack([1 - np.eye(3), np.full((3, 1), 0.4)])},
            r"metric must be 'cost' where .*'action 1'.*got 'mcc'",
        ),
    ):
        with pytest.raises(InputError, match=message):
            compare_losses(features, y, metric=metric, folds=2, **options)


def test_files_carry_the_metric(tmp_path):
    found = compared("f1-macro")
    found.save(tmp_path)
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["metric"] == report["settings"]["metric"] == "f1-macro"
    assert report["summary"][0]["score"] == found.summary[0].score
    assert report["best_constant_decision"]["score"] == found.constant_value
    lines = pd.read_csv(tmp_path / "results.csv")
    assert lines.score.to_numpy() == pytest.approx(lines.macro_f1.to_numpy())


def test_command(tmp_path):
    data = write_data(tmp_path)
    quick = ["--losses", "mcc_loss", "--folds", "2", "--repeats", "1"]
    result = run("compare", data, "--target", "pet", "--metric", "f1-macro", *quick)
    assert result.exit_code == 0, result.output
    assert "f1-macro±s.e." in result.stdout and "mcc_loss" in result.stdout
    assert "Highest macro-F1" in result.stdout
    refused = run("compare", data, "--target", "pet", "--metric", "f1-marco", *quick)
    assert_refused(refused, "got 'f1-marco'; did you mean 'f1-macro'?")

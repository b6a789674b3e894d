"""`costfn doctor` on the command line."""

import json

import pytest
from typer.testing import CliRunner

from costfn._cli.doctor import app

LOSSES = """
import torch
from torch import nn


class Hits(nn.Module):
    def forward(self, prediction, target):
        return 1 - (prediction.argmax(1) == target).float().mean()


class Margin(nn.Module):
    def __init__(self, margin):
        super().__init__()


def squares(prediction, target):
    return (prediction - target).square().mean()


def likelihood(prediction, target):
    return nn.functional.binary_cross_entropy(prediction, target)


def images(prediction, target):
    n, k, h, w = prediction.shape
    return nn.functional.cross_entropy(prediction, target)
"""


@pytest.fixture
def run(tmp_path):
    (tmp_path / "my_losses.py").write_text(LOSSES)

    def call(name, *arguments):
        path = f"{tmp_path / 'my_losses.py'}:{name}"
        return CliRunner().invoke(app, ["doctor", path, *arguments])

    return call


def test_a_broken_loss_exits_with_one(run):
    found = run("Hits")
    assert found.exit_code == 1
    assert "INDEX_OP" in found.output
    assert "prediction.argmax(1)" in found.output
    assert "--prediction logits:8x5 --target labels:5" in found.output


@pytest.mark.parametrize(
    "name, guess",
    [
        ("squares", "logits:12 --target binary"),
        ("likelihood", "probs:12 --target binary"),
        ("images", "logits:2x3x6x6 --target labels:3"),
    ],
)
def test_shapes_are_guessed(run, name, guess):
    found = run(name)
    assert found.exit_code == 0, found.output
    assert guess in found.output


def test_shapes_may_be_told(run):
    found = run("squares", "--prediction", "real:6x2", "--target", "real:6x2")
    assert found.exit_code == 0
    assert "Tried" not in found.output


def test_the_report_as_json(run):
    found = run("Hits", "--json")
    assert found.exit_code == 1
    assert json.loads(found.output)["findings"][0]["cause"] == "INDEX_OP"


@pytest.mark.parametrize(
    "name, arguments, words",
    [
        ("Nothing", [], "must define a loss called Nothing"),
        ("Margin", [], "needs no arguments"),
        ("squares", ["--prediction", "8by5"], "a shape must be sizes"),
        ("squares", ["--target", "words"], "a target must be"),
        ("images", ["--prediction", "8x5"], "no example fits"),
        ("Hits", ["--allow", "NONSENSE"], "allow must name causes"),
    ],
)
def test_what_cannot_be_is_said_with_exit_code_two(run, name, arguments, words):
    found = run(name, *arguments)
    assert found.exit_code == 2
    assert words in " ".join(found.output.split())


def test_a_file_that_is_not_there():
    found = CliRunner().invoke(app, ["doctor", "nowhere.py:loss"])
    assert found.exit_code == 2
    assert "in a file that exists" in found.output

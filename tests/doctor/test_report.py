"""What the doctor says: verdicts, text, data, budget, options, errors."""

import io
import json
import time

import pytest
import torch
import torch.nn.functional as F
from rich.console import Console
from torch import nn

from costfn.doctor import BrokenLossError, diagnose
from costfn.testing import assert_trains

pytestmark = pytest.mark.unchecked

rng = torch.Generator().manual_seed(3)
LOGITS = torch.randn(32, 10, generator=rng)
LABELS = torch.randint(10, (32,), generator=rng)


def accuracy(logits, labels):
    return 1 - (logits.argmax(1) == labels).float().mean()


def with_dead_term(logits, labels):
    return F.cross_entropy(logits, labels) + (logits.detach() ** 2).mean()


def test_a_right_loss_says_what_was_checked_in_under_fifteen_lines():
    report = diagnose(nn.CrossEntropyLoss(), LOGITS, LABELS)
    assert report.verdict == "ok"
    assert len(str(report).splitlines()) < 15
    text = " ".join(str(report).split())
    for said in (
        "gradient reaches",
        "finite differences agree at 4",
        "all but 16 of 32 samples",
    ):
        assert said in text


def test_the_culprit_is_named_with_line_evidence_and_fix():
    report = diagnose(accuracy, LOGITS, LABELS)
    assert report.verdict == "broken"
    found = report.findings[0]
    assert found.cause == "INDEX_OP"
    assert found.file == __file__
    assert found.code.startswith("return 1 - (logits.argmax(1)")
    assert found.evidence["movement of the loss"] > 0
    assert found.evidence["gradient"] == 0
    assert "costfn.accuracy_loss" in found.fix


@pytest.mark.parametrize(
    "metric, wanted",
    [
        (lambda p, t: -((p > 0) == (t > 0.5)).float().mean(), "accuracy_loss"),
        (
            lambda p, t: (
                1 - ((p > 0) * t).sum() / ((p > 0) + t - (p > 0) * t).sum().clamp(min=1)
            ),
            "jaccard_loss",
        ),
    ],
    ids=["accuracy", "iou"],
)
def test_the_loss_that_was_meant_is_recognised_by_its_numbers(metric, wanted):
    p = torch.randn(40, generator=rng)
    t = torch.randint(2, (40,), generator=rng).float()
    report = diagnose(metric, p, t)
    assert wanted in report.findings[0].fix


def test_a_cost_looked_up_is_expected_cost():
    cost = torch.tensor([[0.0, 1, 5], [2, 0, 1], [3, 4, 0]])
    report = diagnose(
        lambda p, t: cost[t, p.argmax(1)].mean(), LOGITS[:, :3], LABELS % 3
    )
    assert "expected_cost_loss" in report.findings[0].fix


def test_a_report_is_data():
    report = diagnose(accuracy, LOGITS, LABELS)
    data = json.loads(json.dumps(report.to_dict()))
    assert data["verdict"] == "broken"
    assert data["findings"][0]["cause"] == "INDEX_OP"
    assert data["findings"][0]["line"] == report.findings[0].line


def test_a_broken_loss_raises_on_demand():
    with pytest.raises(BrokenLossError, match="INDEX_OP"):
        diagnose(accuracy, LOGITS, LABELS).raise_if_broken()
    with pytest.raises(AssertionError, match="DEAD_TERM"):
        assert_trains(with_dead_term, LOGITS, LABELS)


def test_what_is_allowed_is_no_finding():
    allow = {"DEAD_TERM", "DETACH"}
    assert assert_trains(with_dead_term, LOGITS, LABELS, allow=allow).verdict == "ok"
    diagnose(nn.CrossEntropyLoss(), LOGITS, LABELS).raise_if_broken()


def test_it_shows_in_a_terminal_and_in_a_notebook():
    report = diagnose(accuracy, LOGITS, LABELS)
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(report)
    assert "INDEX_OP" in console.export_text()
    assert "INDEX_OP" in report._repr_html_()
    assert "<pre" in report._repr_html_()


def test_an_error_of_the_loss_is_a_finding_with_its_line():
    def loss(p, t):
        return p @ t  # shapes that do not fit

    report = diagnose(loss, LOGITS, LABELS)
    assert report.verdict == "broken"
    assert report.findings[0].cause == "EXCEPTION"
    assert "p @ t" in report.findings[0].code


def test_the_budget_is_kept_and_what_was_left_out_is_listed():
    def slow(p, t):
        time.sleep(0.02)
        return F.cross_entropy(p, t)

    report = diagnose(slow, LOGITS, LABELS, budget_seconds=0.3)
    assert report.seconds < 0.3 + 0.5
    assert any("finite differences (budget" in text for text in report.not_checked)


def test_without_time_a_cut_is_still_an_error():
    def slow(p, t):
        time.sleep(0.02)
        return accuracy(p, t)

    report = diagnose(slow, LOGITS, LABELS, budget_seconds=0.05)
    assert report.verdict == "broken"
    assert "no time to find the line" in report.findings[0].message


def test_a_large_batch_is_sampled():
    sizes = []

    def loss(p, t):
        sizes.append(len(p))
        return F.cross_entropy(p, t)

    report = diagnose(loss, LOGITS.repeat(100, 1), LABELS.repeat(100))
    assert max(sizes) == 16
    assert "all but 16 of 3200 samples" in report.not_checked


def test_samples_may_be_on_another_axis():
    def loss(p, t):  # time, batch, classes
        return F.cross_entropy(p.movedim(2, 1), t)

    p = torch.randn(3, 20, 4, generator=rng)
    t = torch.randint(4, (3, 20), generator=rng)
    assert diagnose(loss, p, t, batch_dim=1).verdict == "ok"


def test_a_guess_is_a_warning_and_what_is_told_an_error():
    def likelihood(p, t):
        return -F.cross_entropy(p, t)

    guessed = diagnose(likelihood, LOGITS, LABELS).findings[0]
    assert (guessed.cause, guessed.severity) == ("WRONG_SIGN", "warning")
    told = diagnose(likelihood, LOGITS, LABELS, kind="logits").findings[0]
    assert (told.cause, told.severity) == ("WRONG_SIGN", "error")


def test_an_ideal_prediction_shows_the_sign():
    t = LABELS.float().repeat(10, 1).T

    def loss(p, t):
        return -(p.mean(1) - t[:, 0] - 1).square().mean()

    found = diagnose(loss, LOGITS, t, ideal=t + 1).findings[0]
    assert (found.cause, found.severity) == ("WRONG_SIGN", "error")


def test_random_numbers_may_be_meant():
    def loss(p, t):
        return F.cross_entropy(F.dropout(p, 0.2), t)

    assert diagnose(loss, LOGITS, LABELS).findings[0].cause == "NONDET"
    assert diagnose(loss, LOGITS, LABELS, stochastic=True).verdict == "ok"


@pytest.mark.parametrize(
    "arguments, options, error, words",
    [
        ((3, LOGITS, LABELS), {}, TypeError, "loss must be callable, got int"),
        (
            (accuracy, LABELS, LABELS),
            {},
            TypeError,
            "floating-point tensor, got torch.int",
        ),
        ((accuracy, LOGITS[:0], LABELS), {}, ValueError, "must not be empty"),
        ((accuracy, LOGITS, LABELS), {"kind": "x"}, ValueError, "kind must be"),
        ((accuracy, LOGITS, LABELS), {"allow": {"X"}}, ValueError, "allow must name"),
        ((accuracy, LOGITS, LABELS), {"budget_seconds": 0}, ValueError, "positive"),
        ((accuracy, LOGITS, LABELS), {"batch_dim": 2}, ValueError, "batch_dim must be"),
    ],
)
def test_wrong_arguments_are_refused(arguments, options, error, words):
    with pytest.raises(error, match=words):
        diagnose(*arguments, **options)


def test_a_compiled_loss_is_diagnosed_as_it_is_written():
    compiled = torch.compile(accuracy)
    report = diagnose(compiled, LOGITS, LABELS)
    assert report.findings[0].cause == "INDEX_OP"
    assert "argmax" in report.findings[0].code
    assert (
        diagnose(torch.compile(nn.CrossEntropyLoss()), LOGITS, LABELS).verdict == "ok"
    )


@pytest.mark.filterwarnings("ignore")
def test_a_scripted_loss_gets_a_verdict():
    class Hits(nn.Module):
        def forward(self, p: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
            return 1 - (p.argmax(1) == t).float().mean()

    class Squares(nn.Module):
        def forward(self, p: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
            return (p - t).square().mean()

    broken = diagnose(torch.jit.trace(Hits(), (LOGITS, LABELS)), LOGITS, LABELS)
    assert broken.verdict == "broken"
    right = torch.jit.trace(Squares(), (LOGITS, LOGITS))
    assert diagnose(right, LOGITS, LOGITS.flip(0)).verdict == "ok"


def test_half_precision():
    report = diagnose(nn.CrossEntropyLoss(), LOGITS.bfloat16(), LABELS)
    assert report.verdict == "ok"

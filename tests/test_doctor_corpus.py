"""The labelled losses: each fault found, its cause first and its line named."""

import importlib

import pytest
import torch

from costfn.doctor import diagnose
from doctor_corpus.case import REGISTRY

pytestmark = pytest.mark.unchecked  # faults are what they are, at run time too

FILES = (
    "cut_1 cut_2 cut_3 wrong_1 wrong_2 edge_1 edge_2 correct_1 correct_2 further_cut "
    "further_wrong_1 further_wrong_2 further_correct_1 further_correct_2 "
    "second_broken second_correct"
)
for file in FILES.split():
    importlib.import_module(f"doctor_corpus.{file}")
CASES = [case for case in REGISTRY.values() if case.framework == "torch"]
BROKEN = [case.id for case in CASES if case.broken]
CORRECT = [case.id for case in CASES if not case.broken]
SOME_WARN = 0.1


@pytest.fixture(scope="module")
def warned():
    return []


def plain(text):
    """Without what a formatter changes."""
    return text.replace(" ", "").replace("'", '"')


def diagnosed(case):
    torch.manual_seed(0)
    loss, example = case.make()
    return diagnose(loss, *example(0), **case.options, budget_seconds=60)


def test_there_are_as_many_as_ever():
    assert len(BROKEN) == 65 + 45 + 16
    assert len(CORRECT) == 32 + 28 + 10


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.filterwarnings("ignore")
def test_a_fault_is_found_named_and_placed(name):
    case = REGISTRY[name]
    report = diagnosed(case)
    assert report.verdict != "ok", str(report)
    first = report.findings[0]
    assert first.cause in case.causes, str(report)
    lines = [plain(part) for part in case.culprit.split("||")]
    assert any(line in plain(first.code) for line in lines), str(report)
    assert first.mend


@pytest.mark.parametrize("name", CORRECT)
@pytest.mark.filterwarnings("ignore")
def test_a_correct_loss_has_no_error(name, warned):
    report = diagnosed(REGISTRY[name])
    assert report.verdict != "broken", str(report)
    if report.verdict == "suspicious":
        warned.append(name)
    assert len(warned) <= SOME_WARN * len(CORRECT), warned

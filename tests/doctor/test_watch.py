"""One training step, watched."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from costfn.doctor import watch

X, Y = (
    torch.randn(6, 3, generator=torch.Generator().manual_seed(0)),
    torch.arange(6) % 2,
)


class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(3, 4)
        self.head = nn.Linear(4, 2)
        self.cut = False

    def forward(self, x):
        hidden = self.body(x).relu()
        return self.head(hidden.detach() if self.cut else hidden)


def first(seen):
    return seen.report.findings[0]


def test_a_whole_step_is_in_order():
    model = Two()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with watch(model) as seen:
        loss = F.cross_entropy(model(X), Y)
        loss.backward()
        optimizer.step()
    assert seen.report.verdict == "ok", str(seen.report)
    assert seen.report.checked == ("4 of 4 parameters reach the loss",)


def test_a_cut_names_its_line_and_the_parameters():
    model = Two()
    model.cut = True
    with watch(model) as seen:
        F.cross_entropy(model(X), Y).backward()
    found = first(seen)
    assert seen.report.verdict == "broken"
    assert found.cause == "DETACH"
    assert "hidden.detach()" in found.code
    assert "body.weight, body.bias" in found.message
    assert "head" not in found.message
    assert found.evidence == {"parameters without gradient": 2}


def test_a_loss_without_a_graph():
    model = Two()
    with watch(model) as seen:
        loss = 1 - (model(X).argmax(1) == Y).float().mean()
    assert first(seen).cause == "INDEX_OP"
    assert loss.grad_fn is None


def test_a_loss_through_numpy():
    model = Two()
    with watch(model) as seen:
        values = model(X).detach().numpy()
        loss = torch.tensor(np.abs(values).mean(), requires_grad=True)
        loss.backward()
    causes = [found.cause for found in seen.report.findings]
    assert seen.report.verdict == "broken"
    assert "DETACH" in causes
    assert "REQUIRES_GRAD_MASK" in causes


def test_a_step_function_leaves_zero_gradients():
    model = Two()
    with watch(model) as seen:
        (model(X).round().sum() - Y.sum()).square().backward()
    assert first(seen).cause == "PIECEWISE_CONST"
    assert ".round()" in first(seen).code


def test_an_intended_stop_is_information():
    model = Two()
    with watch(model) as seen:
        scores = model(X)
        weight = scores.detach().softmax(1)
        (weight * -scores.log_softmax(1)).mean().backward()
    assert seen.report.verdict == "ok"
    assert first(seen).severity == "information"


def test_a_parameter_that_is_never_used():
    model = Two()
    model.spare = nn.Linear(2, 2)
    with watch(model) as seen:
        F.cross_entropy(model(X), Y).backward()
    assert seen.report.verdict == "suspicious"
    assert "spare.weight is never used" in first(seen).message


def test_the_report_is_there_afterwards():
    with watch() as seen, pytest.raises(RuntimeError, match="after the watched block"):
        seen.report  # noqa: B018

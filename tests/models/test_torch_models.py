"""Per-sample analysis of models of torch alone, against a loop of backward passes."""

import pytest
import torch
from torch import nn

from tests.models import checks
from tests.models.cases import Case, alone, call, make
from tests.models.torch_models import (
    CASES,
    COUPLED,
    CROSS,
    Coupled,
    batch_normalised,
    vectors,
)

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections:UserWarning")
named = {"ids": lambda case: case.name}


@pytest.mark.parametrize("case", CASES, **named)
@pytest.mark.parametrize("name", checks.FUNCTIONS)
def test_it_equals_the_loop_and_leaves_all_as_found(case, name):
    checks.check(case, name)


@pytest.mark.parametrize("case", COUPLED, **named)
@pytest.mark.parametrize("name", checks.FUNCTIONS)
def test_coupled_samples_are_refused_or_taken_one_by_one(case, name):
    checks.check_or_refused(case, name)


@pytest.mark.parametrize("name", checks.FUNCTIONS)
def test_batch_statistics_are_refused(name):
    case = Case("", lambda: Coupled(batch_normalised), vectors(4), CROSS)
    torch.manual_seed(0)
    model, (x, y) = case.build().double(), case.give()
    with pytest.raises(
        (ValueError, RuntimeError), match=r"sample|batch|1 value per channel"
    ):
        checks.FUNCTIONS[name].run(model, CROSS, x, y)


def test_the_loop_finds_what_one_backward_pass_does():
    """The oracle itself: its sum is the gradient of the sum, where all is plain."""
    made = make(CASES[0])
    total = sum(
        made.loss(call(made.model, alone(made.x, i)), made.y[i : i + 1])
        for i in range(5)
    )
    expected = torch.autograd.grad(total, list(made.model.parameters()))
    for g, e in zip(made.gradients.values(), expected, strict=True):
        torch.testing.assert_close(g.sum(0), e)
    assert isinstance(made.model[0], nn.Linear)

"""Planted faults, each with the clause that must name it, and losses without fault."""

import pytest
import torch

from costfn.doctor import diagnose
from costfn.testing import LossContractError, assert_loss_contract
from planted_faults import PLANTS, column_and_row
from practice_losses import ROWS

# It traces what jaxtyping would wrap.
pytestmark = pytest.mark.unchecked


def check(loss, *, skip=(), inputs=None, **options):
    # To compile them takes a second, and has its own tests.
    skip = ("compiled", *((skip,) if isinstance(skip, str) else skip))
    return assert_loss_contract(loss, inputs, skip=skip, max_examples=4, **options)


@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_fault_is_named_by_its_clause(name):
    loss, options, clause = PLANTS[name]
    with pytest.raises(LossContractError) as caught:
        check(loss, **options)
    assert clause in caught.value.broken, str(caught.value)


@pytest.mark.parametrize("name", ROWS)
def test_a_loss_of_practice_is_held_without_a_false_alarm(name):
    loss, options = ROWS[name]
    report = check(loss, **options)
    assert {"shape", "alive", "dtype"} <= set(report.kept)


def test_the_doctor_sees_the_column_and_the_row_too():
    report = diagnose(column_and_row, torch.randn(8), torch.randn(8))
    assert report.findings[0].cause in ("BROADCAST", "TARGET_IGNORED"), str(report)

"""In half precision only the result is rounded: 64 examples of every loss of the table.

The few that are compared with the textbook elsewhere can be right by luck.
"""

from functools import partial

import pytest
import torch

import batch_losses
from hard_numbers import many

HALVES = pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)


@HALVES
def test_half_precision_is_the_float64_value_rounded_once(sample_case, dtype):
    loss = partial(sample_case.loss.torch, **sample_case.options)
    given = many(sample_case).torch(dtype)
    actual = loss(*given)
    wide = (x if x is None or not x.is_floating_point() else x.double() for x in given)
    expected = loss(*wide)
    limits = torch.finfo(dtype)
    last_place = limits.eps * expected.abs().clamp(min=limits.tiny)
    off = (actual.double() - expected).abs() / last_place
    assert off.max() <= 0.51, (off.argmax(), off.max())


@HALVES
@pytest.mark.parametrize("one", batch_losses.CASES, ids=repr)
def test_so_it_is_for_losses_of_counts(one, dtype):
    given = batch_losses.LOGITS.to(dtype)
    for labels in (batch_losses.LABELS, batch_losses.LABELS.roll(1, -1)):
        actual, expected = one(given, labels), one(given.double(), labels)
        assert actual == expected.to(dtype)

"""Counting runs other code off the CPU: tested on the meta device, by shape only."""

import pytest
import torch

import batch_losses
import costfn
from losses import CASES

META = torch.device("meta")
# Several images, and axes of different sizes, so that none is taken for another.
LOGITS = torch.empty(4, 7, 3, device=META)
TARGETS = {
    "labels": torch.empty(4, 7, dtype=torch.long, device=META),
    "probs": torch.empty(4, 7, 3, device=META),
}
EACH_TARGET = pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)


@EACH_TARGET
@pytest.mark.parametrize("weight", [None, torch.empty(4, 7, device=META)], ids=str)
def test_counts(target, weight):
    for scope, images in (("batch", ()), ("example", (4,))):
        found = costfn.counts(LOGITS, target, scope=scope, sample_weight=weight)
        shapes = [tuple(x.shape) for x in found]
        assert shapes == [(*images, 3)] * 3 + [images] + [(*images, 3)] * 3
        assert all(x.device == META for x in found)
    matrix = costfn.confusion_matrix(LOGITS, target, sample_weight=weight)
    assert matrix.shape == (3, 3)


@EACH_TARGET
@pytest.mark.parametrize("one", batch_losses.CASES, ids=repr)
def test_losses_of_counts(one, target):
    options = dict(one.options)
    if one.name in batch_losses.COSTS:
        options["cost"] = batch_losses.COST.float().to(META)
    loss = getattr(costfn, one.name)(LOGITS, target, scope="example", **options)
    assert loss.shape == ()
    assert loss.device == META


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_other_losses(case):
    arguments = [
        x if x is None else x.to(META) for x in case.draw(batch=(4, 7)).torch()
    ]
    losses = case(*arguments)
    assert losses.device == META
    assert losses.shape == ((4, 7) if case.loss.per_sample else ())

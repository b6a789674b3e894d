"""Half precision as in torch: losses are float32 under autocast.

`F.cross_entropy` returns float32 under autocast. `GradScaler` multiplies the first loss
by 65536, and the largest float16 is 65504, so a float16 loss would overflow.
"""

import pytest
import torch
from torch.nn.functional import cross_entropy

import batch_losses
import costfn
import costfn_nn
from losses import CASES, LOSSES
from module_cases import COST, module_of

FIRST = [
    next(case for case in CASES if case.loss is loss and case.form == form)
    for loss in LOSSES
    for form in loss.forms
]
HALVES = pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
LABELS = torch.arange(6) % 3
rng = torch.Generator().manual_seed(0)
LOGITS = torch.randn(6, 3, generator=rng)
FIRST_SCALE = 65536.0


def in_autocast(loss, dtype, *arguments):
    with torch.autocast("cpu", dtype):
        assert cross_entropy(LOGITS.to(dtype), LABELS).dtype == torch.float32
        return loss(*arguments)


@HALVES
@pytest.mark.parametrize("case", FIRST, ids=repr)
def test_losses_of_examples_come_in_float32(case, dtype):
    logits, *others = case.draw(batch=(4,)).torch(torch.float32)
    logits = logits.to(dtype)
    found = in_autocast(case, dtype, logits, *others)
    assert found.dtype == torch.float32
    expected = case(logits.float(), *others)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


@HALVES
@pytest.mark.parametrize("name", [*batch_losses.NAMES, "lovasz_softmax_loss"])
def test_losses_of_batches_come_in_float32(name, dtype):
    z = LOGITS.to(dtype)
    loss = batch_losses.Case(name, {}).function(z)
    wide = batch_losses.Case(name, {}).function(LOGITS)
    found = in_autocast(loss, dtype, z, LABELS)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, wide(z.float(), LABELS), rtol=2e-3, atol=1e-5)


@HALVES
def test_other_losses_come_in_float32(dtype):
    z, y = LOGITS[:, 0].to(dtype), LABELS % 2
    for loss, target in (
        (costfn.lovasz_hinge_loss, y),
        (costfn.q_error_loss, z + 1),
    ):
        assert in_autocast(loss, dtype, z, target).dtype == torch.float32
    assert in_autocast(costfn.reduce, dtype, z).dtype == torch.float32


def of_table(loss):
    targets = {"marks": torch.nn.functional.one_hot(LABELS, 3)}
    target = targets.get(loss.forms[0], LABELS)
    if loss.forms[0] == "probs":
        target = torch.nn.functional.one_hot(LABELS, 3).float()
    return module_of(loss).float(), target


def modules():
    for loss in LOSSES:
        yield pytest.param(*of_table(loss), id=loss.class_name)
    for name in (*batch_losses.NAMES, "lovasz_softmax_loss"):
        title = "".join(word.title() for word in name.split("_"))
        cost = (COST.float(),) if name in batch_losses.COSTS else ()
        yield pytest.param(getattr(costfn_nn, title)(*cost), LABELS, id=title)


@pytest.mark.parametrize("module, target", list(modules()))
def test_the_first_step_of_a_scaler_is_finite(module, target):
    """The step was skipped, and again each time the scale grew."""
    torch.manual_seed(0)
    model = torch.nn.Linear(4, 3)
    x = torch.randn(6, 4)
    with torch.autocast("cpu", torch.float16):
        scores = model(x)
        assert scores.dtype == torch.float16
        loss = module(scores, target)
    assert loss.dtype == torch.float32
    # The slope of a squared error has no bound; that of torch's mse_loss has none.
    squared = isinstance(module, costfn_nn.CostRegressionLoss)
    (FIRST_SCALE / (64 if squared else 1) * loss).backward()
    assert all(p.grad.isfinite().all() for p in model.parameters())
    assert model.weight.grad.any()

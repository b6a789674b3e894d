"""Bad values that a module cannot see make its loss NaN, in value and in gradient."""

import pytest
import torch

from costfn._foundation import check
from module_table import CASES

pytestmark = pytest.mark.unchecked


@pytest.fixture
def hidden(monkeypatch):
    """As on an accelerator, and while compiling."""
    monkeypatch.setattr(check, "readable_values", lambda values: None)


HARD = [case for case in CASES if case.kind in ("labels", "binary", "multilabel")]
SMOOTHING = (0.0, 0.25, 0.9)
BAD = {"labels": (-1, 3, 255), "binary": (-1, 2, 255), "multilabel": (-1, 2, 255)}


def spoilt(case, value):
    """One target at one place, and the mask of all the others."""
    logits, target = case.draw()
    logits.requires_grad_()
    keep = torch.ones(target.shape, dtype=torch.bool)
    keep[1, ..., 0, 1] = False
    return logits, torch.where(keep, target, value), keep


@pytest.mark.parametrize("module_case", HARD, ids=repr)
@pytest.mark.parametrize("smoothing", SMOOTHING)
def test_a_bad_target_is_never_a_plausible_number(hidden, module_case, smoothing):
    options = {"weight": [1.0, 2.0, 3.0]} if module_case.kind == "labels" else {}
    options |= {"label_smoothing": smoothing}
    options = {n: x for n, x in options.items() if n in module_case.takes}
    if smoothing and "label_smoothing" not in options:
        pytest.skip("it has no label smoothing")
    module = module_case.make(**options)
    for value in BAD[module_case.kind]:
        logits, target, keep = spoilt(module_case, value)
        loss = module(logits, target)
        assert loss.isnan()
        (gradient,) = torch.autograd.grad(loss, logits)
        wrong = ~keep if keep.shape == logits.shape else (~keep).unsqueeze(1)
        assert gradient[wrong.expand_as(logits)].isnan().any()
        # What is masked is excused, and so it is by the label to ignore.
        clean, without = module_case.draw(), {"where": keep}
        expected = module(*clean, **without)
        masked = module(logits, target, **without)
        torch.testing.assert_close(masked, expected)
        assert torch.autograd.grad(masked, logits)[0].isfinite().all()
        ignoring = module_case.make(**options, ignore_index=value)
        if value not in (0, 1, 2) or module_case.kind != "labels":
            torch.testing.assert_close(ignoring(logits, target), expected)


@pytest.mark.parametrize(
    "module_case", [c for c in CASES if "Lovasz" not in c.name], ids=repr
)
def test_a_bad_weight_is_never_a_plausible_number(hidden, module_case):
    module = module_case.make()
    logits, target = module_case.draw()
    shape = target.shape[:1] + target.shape[2:] if module_case.kind == "probs" else None
    for bad in (-1.0, torch.nan, torch.inf):
        weight = torch.ones(shape or target.shape, dtype=torch.float64)
        weight[1, ..., 0, 1] = bad
        z = logits.clone().requires_grad_()
        loss = module(z, target, sample_weight=weight)
        assert loss.isnan()
        assert torch.autograd.grad(loss, z)[0].isnan().any()
        keep = weight == 1
        found = module(logits, target, sample_weight=weight, where=keep)
        torch.testing.assert_close(found, module(logits, target, where=keep))

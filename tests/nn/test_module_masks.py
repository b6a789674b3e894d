"""What is ignored changes nothing: for every module, kind of target and reduction."""

from math import inf, nan

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from module_table import CASES, CLASSES

each_case = pytest.mark.parametrize("module_case", CASES, ids=repr)
MARK = 255
NOTHING = (nan, inf, 1e30)


def close(actual, expected):
    torch.testing.assert_close(actual, expected, rtol=1e-9, atol=1e-12)


@st.composite
def options_of(draw, case):
    """Reduction, scope, and what says when a metric is undefined."""
    options = {}
    if "reduction" in case.takes:
        options["reduction"] = draw(st.sampled_from(["mean", "sum", "none"]))
    if "scope" in case.takes:
        options["scope"] = draw(st.sampled_from(["batch", "example"]))
    if "zero_division" in case.takes:
        options["zero_division"] = draw(st.sampled_from([0.0, 1.0, nan]))
    if "average" in case.takes:
        averages = ["macro", "weighted", None]
        averages += ["micro"] if case.kind == "multilabel" else []
        options["average"] = draw(st.sampled_from(averages))
    if "weight" in case.takes and case.kind != "binary" and draw(st.booleans()):
        options["weight"] = [1.0, 0.5, 2.0]
    if "pos_weight" in case.takes and case.kind in ("binary", "multilabel"):
        options["pos_weight"] = draw(st.sampled_from([None, 3.0]))
    if (
        case.kind in ("labels", "binary", "multilabel")
        and "label_smoothing" in case.takes
    ):
        options["label_smoothing"] = draw(st.sampled_from([0.0, 0.25]))
    return options


def value_and_gradient(module, logits, target, **given):
    logits = logits.clone().requires_grad_()
    value = module(logits, target, **given)
    # Different weights, so that no two places can be mistaken for each other.
    cotangent = torch.linspace(1, 2, value.numel(), dtype=value.dtype)
    (gradient,) = torch.autograd.grad(
        value, logits, cotangent.reshape(value.shape), allow_unused=True
    )
    return value.detach(), torch.zeros_like(logits) if gradient is None else gradient


def padded(values, axis, at, filler):
    """One more entry along an axis, before position `at`."""
    before, after = values.split([at, values.shape[axis] - at], axis)
    shape = list(values.shape)
    shape[axis] = 1
    new = torch.full(shape, filler, dtype=values.dtype)
    return torch.cat([before, new, after], axis)


def given_up(case, draw, logits, target, keep):
    """A way to leave out what `keep` does not keep: other targets, and arguments."""
    soft = case.kind in ("probs", "values")
    ways = ["where"] + ["mark"] * (not soft)
    ways += ["weight"] * ("Lovasz" not in case.name)
    ways = [w for w in ways if w != "mark" or "ignore_index" in case.takes]
    way = draw(st.sampled_from(ways))
    per_target = keep if keep.shape == target.shape else keep.unsqueeze(1)
    nothing = draw(st.sampled_from(NOTHING))
    if way == "weight":
        # Nothing hides a NaN there: a weight of 0 is of a loss that is a number.
        nothing = draw(st.sampled_from([0.0, 7.0, -40.0]))
    over = keep if keep.shape == logits.shape else keep.unsqueeze(1)
    logits = torch.where(over, logits, nothing)
    if way == "mark":
        return logits, target.masked_fill(~keep, MARK), {}
    if way == "where":
        bad = draw(st.sampled_from([7.0, nan])) if soft else draw(st.integers(-9, 9))
        return logits, torch.where(per_target, target, bad), {"where": keep}
    fine = 1 / CLASSES if case.kind == "probs" else 1
    target = torch.where(per_target, target, fine)
    return logits, target, {"sample_weight": keep.double()}


@each_case
@given(data=st.data())
def test_adding_what_is_ignored_changes_neither_value_nor_gradient(module_case, data):
    """A whole image more, a row of pixels more, or a label more."""
    case, draw = module_case, data.draw
    options = draw(options_of(case))
    seed, images = draw(st.integers(0, 99)), draw(st.integers(0, 3))
    logits, target = case.draw(seed, images)
    per_label = case.kind == "multilabel"
    more = ["image", "pixels"]
    if per_label and "weight" not in options and options.get("average", 0) is not None:
        more.append("label")
    what = draw(st.sampled_from(more))
    axis = {"image": 0, "pixels": -1, "label": 1}[what]
    at = draw(st.integers(0, logits.shape[axis]))
    keep = torch.ones(target.shape, dtype=torch.bool)
    if case.kind == "probs":
        keep = keep[:, 0]
    large, soft = padded(logits, axis, at, 0.0), padded(target, axis, at, 0)
    keep = padded(keep, axis, at, False)
    if "ignore_index" in case.takes:
        options["ignore_index"] = MARK
    module = case.make(**options)
    large, soft, arguments = given_up(case, draw, large, soft, keep)
    value, gradient = value_and_gradient(module, logits, target)
    # The same loss in a batch that is larger, with one entry more for what was added.
    wide = large.clone().requires_grad_()
    found = module(wide, soft, **arguments)
    if found.shape != value.shape:
        axes = [
            i
            for i, (a, b) in enumerate(zip(found.shape, value.shape, strict=True))
            if a != b
        ]
        assert len(axes) == 1
        added = found.select(axes[0], at)
        assert (added == 0).all()
        rest = torch.arange(found.shape[axes[0]]) != at
        found = found.index_select(axes[0], rest.nonzero().squeeze(-1))
    close(found.detach(), value)
    cotangent = torch.linspace(1, 2, value.numel(), dtype=value.dtype)
    (slope,) = torch.autograd.grad(found, wide, cotangent.reshape(value.shape))
    over = keep if keep.shape == large.shape else keep.unsqueeze(1).expand(large.shape)
    close(slope[over].reshape(logits.shape), gradient)
    assert (slope[~over] == 0).all()


@each_case
@given(data=st.data())
def test_a_batch_of_nothing_is_0_with_gradient_0(module_case, data):
    case, draw = module_case, data.draw
    options = draw(options_of(case))
    if "ignore_index" in case.takes:
        options["ignore_index"] = MARK
    logits, target = case.draw(draw(st.integers(0, 9)), draw(st.integers(0, 2)))
    keep = torch.zeros(target.shape, dtype=torch.bool)
    keep = keep[:, 0] if case.kind == "probs" else keep
    logits, target, arguments = given_up(case, draw, logits, target, keep)
    value, gradient = value_and_gradient(
        case.make(**options), logits, target, **arguments
    )
    assert (value == 0).all()
    assert (gradient == 0).all()

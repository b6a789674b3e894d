"""Each clause fails on a loss with just that fault, and says so; good losses pass."""

import re
import traceback
from functools import partial

import numpy as np
import pytest
import torch

from costfn.testing import (
    CLAUSES,
    LossContractError,
    assert_loss_contract,
    batches,
    regression_batches,
)
from faulty_losses import FAULTS, good, good_mean

# It traces and compiles what jaxtyping would wrap.
pytestmark = pytest.mark.unchecked


CLAIMS = (
    "non_negative",
    "zero_at_perfect",
    "shift_invariant",
    "lower_is_better",
    "alive_when_wrong",
    "mean_of_examples",
    "repetition_invariant",
    "reference",
)
INPUTS = batches(classes=3, sizes=(1, 4))
# One batch is enough for every fault: with a tie, a confident hit and a mistake.
BATCH = (
    np.array([[0.0, 0.0, 0.0], [4.0, -3.0, 0.5], [-6.0, 7.0, 6.5], [1.0, 2.0, 3.0]]),
    np.array([0, 1, 1, 1]),
)


def clause_of(fault):
    return max((name for name in CLAUSES if fault.startswith(name)), key=len)


def check(loss, inputs=INPUTS, max_examples=6, **options):
    return assert_loss_contract(loss, inputs, max_examples=max_examples, **options)


def broken(loss, inputs=INPUTS, **options):
    with pytest.raises(LossContractError) as caught:
        check(loss, inputs, **options)
    return caught.value


def claims_of(fault):
    claim = good if fault == "reference" else True
    return {name: claim for name in CLAIMS if name == fault}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_breaks_its_clause_alone(fault):
    clause = clause_of(fault)
    # To compile takes a second: for what cannot be compiled, and not for the others.
    skip = () if clause == "compiled" else "compiled"
    error = broken(FAULTS[fault], BATCH, skip=skip, **claims_of(fault))
    assert set(error.broken) == {clause}
    assert f"`{fault}` breaks the clause {clause}" in str(error)
    assert CLAUSES[clause] in str(error)


def test_every_clause_has_a_fault():
    assert {clause_of(fault) for fault in FAULTS} == set(CLAUSES)


@pytest.mark.parametrize("fault", ["finite", "gradient", "zero_at_perfect", "vmap"])
def test_the_call_in_the_message_shows_the_fault_again(fault):
    error = broken(FAULTS[fault], skip="compiled", **claims_of(fault))
    call = re.search(r"^ +(assert_loss_contract\(.*)$", str(error), re.MULTILINE)
    names = {fault: FAULTS[fault], "np": np}
    with pytest.raises(LossContractError) as again:
        eval(call[1], names | {"assert_loss_contract": assert_loss_contract})
    assert again.value.broken == error.broken


def test_the_batch_in_the_message_is_small():
    """A loss that is wrong from 3 on is shown at 3 and nothing else."""

    def wrong(logits, labels):
        far = (logits > 3).any(-1)
        return good(logits, labels).masked_fill(far, torch.nan)

    # Enough of them that scores above 3 are surely drawn.
    few, skip = batches(sizes=(1, 5)), ("compiled", "saturation")
    error = broken(wrong, few, max_examples=60, skip=skip)
    assert set(error.broken) == {"finite"}
    shown = re.search(r"np.array\((.*?)\), np.array\((.*?)\)", str(error))
    assert sorted(eval(shown[1])[0]) == [0.0, 4.0]
    assert eval(shown[2]) == [0]


def test_what_a_broken_clause_says_is_not_said_again():
    error = broken(FAULTS["alive_detached"], skip="compiled")
    left_out = error.report.left_out
    assert left_out["gradient"] == "needs alive"
    assert left_out["second_derivative"] == "needs gradient"
    assert left_out["compiled"] == "skipped"
    assert "precision" in error.report.kept
    assert set(broken(FAULTS["pure"]).report.kept) == {"shape"}


def test_two_faults_are_both_named():
    def both(logits, labels):
        return FAULTS["independence"](logits, labels.clamp(min=0))

    error = broken(both, BATCH, skip="compiled")
    assert list(error.broken) == ["independence", "bad_labels"]
    assert "breaks the clauses independence, bad_labels" in str(error)


def test_a_cast_to_float32_is_said_once():
    """By `dtype`: the other clauses know then how exact it can be."""

    def rounded(logits, labels):
        return good(logits.float(), labels).to(logits.dtype)

    def in_float32(logits, labels):
        return good(logits.float(), labels)

    for loss in (rounded, in_float32):
        error = broken(loss, BATCH, skip="compiled")
        assert set(error.broken) == {"dtype"}
        assert "float32" in error.broken["dtype"]
        assert {"gradient", "vmap", "hessian"} <= set(error.report.kept)


def test_a_branch_on_values_can_be_neither_mapped_nor_compiled():
    def branching(logits, labels):
        if logits.max() > 1e9:
            raise ValueError("diverged")
        return good(logits, labels)

    assert set(broken(branching, BATCH).broken) == {"vmap", "compiled"}


def test_an_error_of_the_loss_is_shown():
    def failing(logits, labels):
        raise RuntimeError("no such luck")

    error = broken(failing)
    assert error.broken == {"shape": "RuntimeError: no such luck"}
    last = traceback.extract_tb(error.__cause__.__traceback__)[-1]
    assert last.line == 'raise RuntimeError("no such luck")'


def test_a_partial_goes_by_the_name_of_its_function():
    def failing(logits, labels, strength):
        return logits.argmax(-1)

    assert "`failing` breaks" in str(broken(partial(failing, strength=2.0)))


class Strict:
    """A loss with an option, below 0 for some values of it."""

    def __init__(self, offset, weight=None):
        self.offset, self.weight = offset, weight

    def __call__(self, logits, labels):
        weight = 1.0 if self.weight is None else self.weight.to(logits)[labels]
        return weight * good(logits, labels) - self.offset


class Offset(torch.nn.Module):
    def __init__(self, weight, offset=0.0):
        super().__init__()
        self.offset = offset
        self.register_buffer("weight", weight)

    def forward(self, logits, labels):
        return self.weight[labels] * good(logits, labels) - self.offset


def lowered(logits, labels, offset, *, twice):
    return (1 + twice) * good(logits, labels) - offset


OBJECTS = [
    partial(lowered, offset=2.0, twice=True),
    partial(partial(lowered, twice=False), offset=2.0),
    Strict(2.0),
    Strict(2.0, torch.tensor([1.0, 2.0, 3.0])),
    Offset(torch.tensor([1.0, 0.5, 2.0]), offset=2.0),
]


@pytest.mark.parametrize("loss", OBJECTS, ids=lambda loss: type(loss).__name__)
def test_the_call_in_the_message_keeps_the_options_of_an_object(loss):
    """What it names is made again by it, and is no less than what was given."""
    error = broken(loss, BATCH, skip="compiled", non_negative=True)
    assert "non_negative" in error.broken
    source = re.search(
        r"^ +(import numpy.*?^ +assert_loss[^\n]*)", str(error), re.M | re.S
    )
    lines = [line.strip() for line in source[1].splitlines()]
    known = {"Strict": Strict, "Offset": Offset, "lowered": lowered}
    names = dict(known)
    with pytest.raises(LossContractError) as again:
        for line in lines:
            if not any(line.endswith(f"import {name}") for name in known):
                exec(line, names)
    assert again.value.broken == error.broken


def test_what_cannot_be_made_again_is_said():
    class Hidden:
        def __init__(self, offset):
            self._offset = offset

        def __call__(self, logits, labels):
            return good(logits, labels) - self._offset

    error = broken(Hidden(2.0), BATCH, skip="compiled", non_negative=True)
    assert re.search(r"loss = \.\.\.  # <.*, as you gave it", str(error))
    assert "assert_loss_contract(loss, (np.array" in str(error)


def test_numbers_that_look_alike_are_told_apart():
    def slightly(logits, labels):
        far = logits * (1 + 1e-9 * (len(logits) > 1))
        return good(far, labels)

    said = broken(slightly, BATCH, skip="compiled").broken["independence"]
    one, other = re.search(
        r"is\n(.*)\nbut the loss of each example alone is\n(.*)\n", said
    ).groups()
    assert one != other
    assert re.search(r"differ by 6\.89e-09; rounding explains at most 1\.\d+e-13", said)


def test_labels_that_name_groups_may_be_any():
    def apart(points, groups):
        distance = (points[:, None] - points).square().sum(-1)
        alike = groups[:, None] == groups
        return torch.where(alike, distance, (1 - distance).clamp(min=0)).mean()

    # -1 is a group as good as another.
    inputs = batches(classes=3, sizes=(3, 5), largest=2.0)
    report = check(apart, inputs, skip="compiled")
    assert report.left_out["bad_labels"] == "the labels are names of groups"
    assert report.left_out["every_class"] == "the labels are names of groups"
    assert "paired" in report.kept


def test_scores_that_are_refused_are_left_out():
    def deviance(prediction, target):
        if ((prediction <= 0) | (prediction > 25)).any():
            raise ValueError("prediction must be in (0, 25]")
        return prediction - target * prediction.log()

    inputs = regression_batches(smallest=0.5, sizes=(1, 4))
    skip = ("vmap", "per_sample_gradients", "compiled")
    report = check(deviance, inputs, task="regression", skip=skip)
    assert report.left_out["saturation"].startswith("the loss refuses scores of [")
    assert "prediction must be in (0, 25]" in report.left_out["saturation"]
    assert {"gradient", "continuous", "hessian"} <= set(report.kept)


def in_bfloat16(values):
    """A sum that is rounded after each term."""
    total = torch.zeros((), dtype=values.dtype)
    for value in values:
        total = total + value
    return total


def test_a_sum_of_256_terms_kept_in_half_precision():
    """It is 6 % off in bfloat16, which 16 roundings of it would excuse."""

    def summed(prediction, target):
        return in_bfloat16((prediction - target).square()) / len(target)

    size = 256
    batch = np.zeros(size), np.full(size, 1.25)
    exact = summed(*map(torch.tensor, batch))
    rounded = summed(*(torch.tensor(x).bfloat16() for x in batch))
    assert 0.05 < abs(rounded - exact) / exact < 0.5
    for inputs in (batch, tuple(x[:5] for x in batch)):
        error = broken(summed, inputs, task="regression", skip="compiled")
        assert set(error.broken) == {"precision"}
        assert "the loss" in error.broken["precision"]
        assert "float16 is" in error.broken["precision"]


@pytest.mark.parametrize("loss", [good, good_mean])
@pytest.mark.parametrize("dtype, error", [("bfloat16", 0.07), ("float16", 0.01)])
def test_an_error_in_half_precision_that_the_page_says_is_seen(loss, dtype, error):
    def off(logits, labels):
        found = loss(logits, labels)
        return found * (1 + error) if logits.dtype == getattr(torch, dtype) else found

    broken_clauses = broken(off, BATCH, skip=("compiled", "vmap", "hessian")).broken
    assert set(broken_clauses) == {"precision"}
    assert dtype in broken_clauses["precision"]


@pytest.mark.parametrize(
    "formula",
    [
        lambda z, y: torch.nn.functional.cross_entropy(z, y, reduction="none"),
        lambda z, y: np.log(np.exp(z - z[np.arange(len(y)), y][:, None]).sum(1)),
        torch.nn.CrossEntropyLoss(reduction="none"),
    ],
    ids=["torch", "numpy", "module"],
)
def test_a_reference_in_torch_or_numpy(formula):
    assert "reference" in check(good, BATCH, skip="compiled", reference=formula).kept
    said = broken(FAULTS["reference"], BATCH, skip="compiled", reference=formula)
    assert set(said.broken) == {"reference"}


def test_a_reference_that_is_none():
    def wrong(logits):
        return logits.sum()

    with pytest.raises(ValueError, match="reference must take what the loss takes"):
        check(good, BATCH, reference=wrong)
    error = broken(good, BATCH, reference=good_mean, skip="compiled")
    assert error.broken["reference"].endswith("has the shape (4,), the reference ()")


@pytest.mark.parametrize("claim", ["mean_of_examples", "repetition_invariant"])
def test_claims_on_batches_have_nothing_to_say_of_one_example(claim):
    report = check(good, BATCH, skip="compiled", **{claim: True})
    assert report.left_out[claim] == "one loss per example"
    assert claim in check(good_mean, BATCH, skip="compiled", **{claim: True}).kept


def test_a_report_of_what_was_held():
    report = check(good, skip=("compiled", "precision"), non_negative=True)
    always = [name for name in CLAUSES if name not in CLAIMS]
    left_out = ("precision", "permutation", "compiled")
    assert report.kept == (*(n for n in always if n not in left_out), "non_negative")
    assert report.left_out["permutation"] == "one loss per example"
    assert str(report).startswith("kept: shape, pure, dtype")
    assert "precision: skipped" in str(report)


def test_a_mean_is_a_loss_of_the_batch():
    report = check(good_mean, BATCH)
    assert {"permutation", "compiled", "vmap"} <= set(report.kept)
    assert report.left_out == {"independence": "one loss for the batch"}
    error = broken(good_mean, BATCH, per_sample=True)
    assert error.broken["shape"].endswith("must have the shape (4,), got ()")


def test_a_module_is_held_in_every_dtype_and_left_as_it_was():
    weight = torch.tensor([0.5, 1.0, 2.0])
    module = torch.nn.CrossEntropyLoss(weight, reduction="none", ignore_index=7)
    report = check(module, skip=("compiled", "bad_labels"))
    assert {"dtype", "precision", "gradient"} <= set(report.kept)
    assert module.weight.dtype == torch.float32 and module.weight is weight


def test_arguments_that_all_examples_share_or_have_each():
    def weighted(logits, labels, weight):
        return weight * good(logits, labels)

    each = INPUTS.map(lambda batch: (*batch, np.arange(1.0, len(batch[1]) + 1)))
    assert check(weighted, each, in_dims=(0, 0, 0), skip="compiled").kept
    shared = INPUTS.map(lambda batch: (*batch, np.array(2.0)))
    assert check(weighted, shared, skip="compiled").kept


@pytest.mark.parametrize(
    "options, words",
    [
        ({"task": "ranking"}, "task must be one of multiclass"),
        ({"framework": "tensorflow"}, "framework must be 'torch' or 'jax'"),
        ({"skip": "compile"}, "skip must name clauses, of shape"),
        ({"in_dims": (0, 0, None)}, "in_dims must be 0 or None for each of 2"),
        ({"in_dims": (None, 0)}, "in_dims must be 0 or None for each of 2"),
    ],
)
def test_bad_options(options, words):
    with pytest.raises(ValueError, match=words):
        check(good, **options)


def test_a_single_batch_may_be_given():
    arguments = ([[1.0, 2.0, -3.0]], [2])
    assert "gradient" in check(good, arguments, skip="compiled").kept
    error = broken(FAULTS["saturation"], arguments, skip="compiled")
    assert set(error.broken) == {"saturation"}

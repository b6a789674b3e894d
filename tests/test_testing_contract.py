"""Each clause fails on a loss with just that fault, and says so; good losses pass."""

import re
import traceback
from functools import partial

import numpy as np
import pytest
import torch

from costfn.testing import CLAUSES, LossContractError, assert_loss_contract, batches
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


def check(loss, inputs=INPUTS, **options):
    return assert_loss_contract(loss, inputs, max_examples=6, **options)


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

    error = broken(wrong, batches(sizes=(1, 5)), skip=("compiled", "saturation"))
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

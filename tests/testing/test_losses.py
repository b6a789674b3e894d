"""Every loss of the catalogue keeps the contract, and torch's own mostly."""

from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import settings
from hypothesis import strategies as st
from torch.nn import functional

import costfn
from batch_losses import CASES as OF_BATCHES
from cases import Case
from costfn.testing import (
    CLAUSES,
    LossContractError,
    assert_loss_contract,
    batches,
    binary_batches,
    logits,
    regression_batches,
)
from losses import LOSSES

# It traces what jaxtyping would wrap.
pytestmark = pytest.mark.unchecked

SMALL = {"classes": 3, "sizes": (1, 4)}


@pytest.fixture(autouse=True)
def same_batches():
    """The same few batches in each run: of four at random, none may suit a clause."""
    before = settings.get_current_profile_name()
    settings.load_profile("ci")
    yield
    settings.load_profile(before)


EXTRAS = {
    "transition": torch.tensor([[0.5, 0.25, 0.25], [0, 1, 0], [0.25, 0, 0.75]]),
    "prior": torch.tensor([0.5, 0.25, 0.25]),
}
# The scores of the first are costs: the lowest is best. The second is a proper score,
# and so falls on the way to the truth, for conditionally negative definite costs only.
# The third falls for the zero-one cost; for others a likelier truth may make a decision
# likelier that is wrong for it, but worse for the classes that are now less likely.
RISES = {"cost_regression_loss", "energy_cost_loss", "soft_decision_cost_loss"}
# A class that is absent counts as 0 in most: all of them are there.
EVERY_CLASS = st.tuples(
    logits(classes=3, sizes=5), st.permutations([0, 1, 2, 2, 1]).map(np.array)
)


def check(loss, inputs=None, **options):
    # To compile them takes a second, and has its own tests.
    few = {"skip": "compiled", "max_examples": 4}
    return assert_loss_contract(loss, inputs, **few | options)


def cases(form):
    """Each loss that takes arguments of this form, once."""
    rows = [loss for loss in LOSSES if form in loss.forms]
    found = [Case(loss, dict(loss.options[0]), form) for loss in rows]
    for case in found:
        if "iterations" in case.options:
            case.options["iterations"] = 3
    return pytest.mark.parametrize("case", found, ids=repr)


def loss_and_cost(case):
    """The loss of the arguments that are drawn, and the kind of cost among them."""
    if case.takes != ("cost",):
        fixed = [EXTRAS[name] for name in case.takes]
        return lambda z, y: case(z, y, *(x.to(z) for x in fixed)), None
    return case, "plain"


@cases("labels")
def test_a_loss_of_labels(case):
    loss, cost = loss_and_cost(case)
    report = check(
        loss,
        batches(cost=cost, **SMALL),
        zero_at_perfect=costfn.catalogue.LOSSES[case.loss.name].zero_at_perfect,
        shift_invariant=case.loss.shift_invariant,
        lower_is_better=case.loss.name not in RISES,
    )
    apart = "permutation" if case.loss.per_sample else "independence"
    assert set(report.left_out) == {"compiled", apart}


def test_the_soft_decision_falls_on_the_way_to_the_truth_for_the_zero_one_cost():
    row = next(loss for loss in LOSSES if loss.name == "soft_decision_cost_loss")
    case = Case(row, dict(row.options[0]), "labels")
    claimed = partial(check, case, max_examples=40, lower_is_better=True)
    assert "lower_is_better" in claimed(batches(cost="zero_one", **SMALL)).kept
    # With class 1 likelier class 0 is less likely, for which decision 2 costs most.
    cost = torch.tensor([[0.0, 0.0, 0.75], [0.0, 0.0, 0.25], [0.0, 0.0, 0.0]])
    label = torch.tensor(1)
    before, after = (case(torch.tensor([0.0, z, 0.0]), label, cost) for z in (0.0, 1.0))
    assert after > before


# All that does not say where the gradient ends.
REST = [name for name in CLAUSES if name not in ("shape", "alive_when_wrong")]


@cases("labels")
def test_what_the_catalogue_says_of_certain_mistakes_is_so(case):
    """A claim in the catalogue, and the clause that checks it for losses of others."""
    loss, cost = loss_and_cost(case)
    inputs = batches(cost=cost and "zero_one", **SMALL)
    claimed = partial(check, loss, inputs, skip=REST, alive_when_wrong=True)
    if costfn.catalogue.LOSSES[case.loss.name].log_divergent:
        assert "alive_when_wrong" in claimed().kept
    else:
        # Of some labels the claim holds: few examples may all be of these.
        with pytest.raises(LossContractError, match="at scores of 0 it is"):
            claimed(max_examples=40)


@pytest.mark.parametrize(
    "loss",
    [
        costfn.expected_cost_loss,
        partial(costfn.soft_decision_cost_loss, temperature=0.5),
    ],
    ids=["expected_cost_loss", "soft_decision_cost_loss"],
)
def test_gains_and_costs_of_being_right(loss):
    check(loss, batches(cost="any", **SMALL))


def test_the_energy_of_a_distance():
    inputs = batches(cost="zero_one", **SMALL)
    check(costfn.energy_cost_loss, inputs, lower_is_better=True)


@cases("probs")
def test_a_loss_of_class_probabilities(case):
    loss, cost = loss_and_cost(case)
    inputs = batches(target="probs", cost=cost, **SMALL)
    # Debiasing takes the difference of three transports, each of the size of epsilon.
    skip = ("compiled", "precision") if "sinkhorn" in repr(case) else "compiled"
    claims = {"skip": skip, "shift_invariant": case.loss.shift_invariant}
    report = check(loss, inputs, task="soft", **claims)
    assert report.left_out["bad_labels"] == "the target holds no labels"


@cases("marks")
def test_a_loss_of_labels_one_by_one(case):
    inputs = binary_batches(sizes=4).map(lambda batch: (batch[0], batch[1].astype(int)))
    report = check(case.loss.torch, inputs, task="binary", zero_at_perfect=True)
    assert {"vmap", "hessian"} <= set(report.kept)


@pytest.mark.parametrize(
    "one",
    [one for one in OF_BATCHES if not one.options or "smooth" in one.options],
    ids=repr,
)
def test_a_loss_of_the_batch(one):
    def loss(z, y):
        return one(z, y)

    claim = "smooth" not in one.options
    report = check(loss, EVERY_CLASS, zero_at_perfect=claim, repetition_invariant=claim)
    kept = {"permutation", "vmap", "hessian", "every_class", "paired", "continuous"}
    assert kept <= set(report.kept)


def test_the_lovasz_losses():
    check(costfn.lovasz_softmax_loss, EVERY_CLASS, zero_at_perfect=True)
    binary = binary_batches(sizes=4).map(lambda batch: (batch[0], batch[1].astype(int)))
    check(costfn.lovasz_hinge_loss, binary, task="binary", zero_at_perfect=True)


def test_the_q_error():
    claims = {"non_negative": True, "zero_at_perfect": True, "lower_is_better": True}
    check(costfn.q_error_loss, task="regression", **claims)
    linear = partial(costfn.q_error_loss, log_space=False)
    positive = regression_batches(smallest=0.25)
    check(linear, positive, task="regression", **claims)


def test_with_a_decision_to_abstain():
    check(costfn.log_cost_loss, batches(cost="plain", abstain=True, **SMALL))


def test_compiled_too():
    inputs = batches(cost="asymmetric", **SMALL)
    assert "compiled" in check(costfn.log_cost_loss, inputs, skip=()).kept


@pytest.mark.parametrize("reduction", ["none", "mean"])
def test_torch_cross_entropy_lets_one_bad_label_pass(reduction):
    """-100 is its `ignore_index`: the example drops out without a word."""
    loss = partial(functional.cross_entropy, reduction=reduction)
    inputs = batches(classes=3, sizes=4)
    claims = {"non_negative": True, "zero_at_perfect": True, "shift_invariant": True}
    with pytest.raises(LossContractError) as caught:
        check(loss, inputs, skip="compiled" if reduction == "mean" else (), **claims)
    assert set(caught.value.broken) == {"bad_labels"}
    assert "label -100 gives a loss of" in caught.value.broken["bad_labels"]


@pytest.mark.parametrize("task", ["binary", "multilabel"])
def test_torch_binary_cross_entropy(task):
    loss = partial(functional.binary_cross_entropy_with_logits, reduction="none")
    claims = {"non_negative": True, "zero_at_perfect": True, "lower_is_better": True}
    assert "compiled" in check(loss, task=task, skip=(), **claims).kept


def test_torch_soft_margin_loss_overflows():
    """A defect of torch's own that the contract found: log(1 + exp(-x)) as written."""

    def loss(logits, target):
        return functional.soft_margin_loss(logits, 2 * target - 1, reduction="none")

    with pytest.raises(LossContractError) as caught:
        check(loss, (np.array([-12.0]), np.array([1.0])), task="binary")
    assert set(caught.value.broken) == {"saturation", "precision", "hessian"}

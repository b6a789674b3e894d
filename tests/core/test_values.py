"""Each loss against worked values and its published formula."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cases import Case, arguments_of
from losses import CASES, LOSSES

pytestmark = pytest.mark.shapes

WITH_COST = [case for case in CASES if case.takes == ("cost",)]
LABELS = ("labels", "probs")
HARD = ("labels", "each")
SQUARE = [
    case
    for case in CASES
    if case.form not in ("actions", "vector") and case.takes != ("transition",)
]


def tensor(x):
    if x is None:
        return None
    return torch.tensor(np.asarray(x))


@pytest.mark.parametrize(
    "loss, worked",
    [(loss, worked) for loss in LOSSES for worked in loss.by_hand],
    ids=lambda x: getattr(x, "name", ""),
)
def test_the_values_worked_by_hand(loss, worked):
    logits, target, extras, options, expected = worked
    options = {name: loss.options[0][name] for name in loss.required} | options
    extras = [tensor(extra).double() for extra in extras]
    actual = loss.of_example(tensor(logits), tensor(target), *extras, **options)
    assert actual.shape == ()
    assert actual.item() == pytest.approx(expected, rel=1e-12, abs=1e-12)


@given(data=st.data())
def test_the_published_formula(case: Case, data):
    arguments = data.draw(arguments_of(case))
    actual = case(*arguments.torch())
    expected = case.expected(arguments)
    # The terms are as large as logits and costs, and squared for regression.
    scale = 100 if case.loss.name == "cost_regression_loss" else 10
    np.testing.assert_allclose(actual, expected, rtol=2e-13, atol=2e-14 * scale)


def test_a_loss_for_each_example_of_any_batch(sample_case):
    for batch in [(), (3,), (2, 3), (1, 2, 2), (0,), (2, 0)]:
        losses = sample_case(*sample_case.draw(batch=batch).torch())
        assert losses.shape == batch
        assert losses.dtype == torch.float64


def test_the_examples_do_not_mix(sample_case):
    """The loss of an example in a batch is its loss alone."""
    arguments = sample_case.draw(batch=(2, 3)).torch()
    together = sample_case(*arguments)
    for i in np.ndindex(2, 3):
        alone = sample_case(
            *(
                x if dim is None else x[i]
                for x, dim in zip(arguments, sample_case.in_dims, strict=True)
            )
        )
        torch.testing.assert_close(together[i], alone, rtol=1e-13, atol=1e-14)


def test_a_label_is_a_one_hot_target(loss):
    if loss.forms == ("probs",):
        pytest.skip("it takes class probabilities only")
    for options in loss.options:
        case = Case(loss, options, loss.forms[0])
        logits, labels, *extras = case.draw(batch=(2, 3)).torch()
        one_hot = torch.eye(3, dtype=torch.float64)[labels]
        if loss.per_label:
            one_hot = labels.double()
        of_labels = case(logits, labels, *extras)
        of_one_hot = case(logits, one_hot, *extras)
        torch.testing.assert_close(of_one_hot, of_labels, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.form == "each"], ids=repr
)
def test_a_matrix_for_each_example_may_be_the_same_for_all(case):
    logits, labels, cost = case.draw(batch=(2, 3)).torch()
    shared = cost[0, 0]
    torch.testing.assert_close(
        case(logits, labels, shared.expand_as(cost)), case(logits, labels, shared)
    )


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.form == "vector"], ids=repr
)
def test_cost_vectors_are_the_rows_of_the_labels(case):
    labelled = Case(case.loss, case.options, "labels")
    logits, labels, cost = labelled.draw(batch=(2, 3)).torch()
    torch.testing.assert_close(
        case(logits, None, cost[labels]), case(logits, labels, cost)
    )


@given(data=st.data(), shift=st.floats(-1000, 1000, width=16))
def test_adding_a_constant_to_the_logits_changes_nothing(sample_case, data, shift):
    case = sample_case
    if not case.loss.shift_invariant:
        pytest.skip("the level of its scores matters")
    logits, *others = data.draw(arguments_of(case)).torch()
    before, after = case(logits, *others), case(logits + shift, *others)
    # A large shift rounds the last bits of the logits; exp amplifies the error.
    torch.testing.assert_close(after, before, rtol=1e-10, atol=1e-10)


def test_the_level_of_estimated_costs_matters():
    logits, labels, cost = CASES[0].draw().torch()
    (regression,) = (row for row in LOSSES if row.name == "cost_regression_loss")
    change = regression.torch(logits + 1, labels, cost) - regression.torch(
        logits, labels, cost
    )
    assert (change.abs() > 0.1).all()


@pytest.mark.parametrize("case", SQUARE, ids=repr)
def test_renaming_the_classes_changes_nothing(case):
    if case.loss.name == "ranked_probability_loss":
        pytest.skip("its classes are in order")
    logits, target, *extras = case.draw(batch=(2, 3), classes=4).torch()
    order = torch.tensor([2, 0, 3, 1])
    new_name = order.argsort()
    renamed = new_name[target] if case.form in HARD else target[..., order]
    extras = [
        extra[..., order] if name == "prior" else extra[..., order, :][..., order]
        for name, extra in zip(case.takes, extras, strict=True)
    ]
    options = dict(case.options)
    if case.loss.name == "generalized_wasserstein_dice_loss":
        background = options.get("background", 0)
        if background is not None:
            options["background"] = order.tolist().index(background)
    actual = Case(case.loss, options, case.form)(logits[..., order], renamed, *extras)
    expected = case(*case.draw(batch=(2, 3), classes=4).torch())
    torch.testing.assert_close(actual, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(
    "case",
    [case for case in WITH_COST if case.form not in ("actions", "vector")],
    ids=repr,
)
def test_reading_the_matrix_the_wrong_way_round_changes_the_loss(case):
    logits, target, cost = case.draw(batch=(2, 3)).torch()
    difference = case(logits, target, cost) - case(logits, target, cost.mT)
    # The largest of several costs may be the same by chance.
    enough = 3 if case.loss.kinked else difference.numel()
    assert (difference.abs() > 1e-4).sum() >= enough


def test_the_transition_matrix_is_not_symmetric_in_its_arguments():
    (row,) = (row for row in LOSSES if row.takes == ("transition",))
    transition = torch.tensor([[0.9, 0.1], [0.6, 0.4]]).double()
    logits = torch.tensor([0.0, 3.0]).double()
    p = logits.softmax(-1)
    seen = row.torch(logits, torch.tensor(0), transition)
    torch.testing.assert_close(seen, -(0.9 * p[0] + 0.6 * p[1]).log())


def test_every_reference_agrees_with_the_values_worked_by_hand():
    """The reference formulas are tested too."""
    for loss in LOSSES:
        for logits, target, extras, options, expected in loss.by_hand:
            if target is None:
                continue
            hard, soft = ("marks", "memberships") if loss.per_label else LABELS
            form = soft if np.asarray(target).dtype == float else hard
            options = {name: loss.options[0][name] for name in loss.required} | options
            case = Case(loss, options, form)
            extras = tuple(np.asarray(extra, float) for extra in extras)
            arguments = (np.asarray(logits, float), np.asarray(target), extras)
            value = case.expected(type(case.draw())(*arguments))
            assert value == pytest.approx(expected, rel=1e-12, abs=1e-12), loss.name

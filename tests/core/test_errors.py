"""Bad arguments: the error names the argument, the rule and the value."""

import pytest
import torch
from torch.func import grad, vmap

import costfn
from cases import Case
from losses import CASES, LOSSES, U

# jaxtyping's checks come before ours.
pytestmark = pytest.mark.unchecked

LABELS = [
    next(case for case in CASES if case.loss is loss and case.form == "labels")
    for loss in LOSSES
    if "labels" in loss.forms
]
PROBS = [
    next(case for case in CASES if case.loss is loss and case.form == "probs")
    for loss in LOSSES
    if "probs" in loss.forms
]
COSTS = [case for case in [*LABELS, *PROBS] if case.takes == ("cost",)]
VECTORS = [case for case in CASES if case.form == "vector"]
NON_NEGATIVE = ("log_cost_loss", "sum_to_zero_loss")
labels_cases = pytest.mark.parametrize("case", LABELS, ids=repr)
probs_cases = pytest.mark.parametrize("case", PROBS, ids=repr)
cost_cases = pytest.mark.parametrize("case", COSTS, ids=repr)


def refused(error, argument, words=""):
    """Raises `<argument> must be <rule>, got <value>`, with these words in it."""
    return pytest.raises(error, match=rf"(?s)^{argument} must (?=.*{words}).*got ")


def target_name(case):
    names = ("soft_target_loss", "sinkhorn_loss")
    return "target_probs" if case.loss.name in names else "target"


@pytest.mark.parametrize("case", [*LABELS, *PROBS, *VECTORS], ids=repr)
def test_logits_must_be_a_floating_point_tensor_of_2_or_more_classes(case):
    logits, *others = case.draw(batch=(3,)).torch()
    for dtype in (torch.long, torch.bool, torch.complex64):
        with refused(TypeError, "logits", "floating"):
            case(logits.to(dtype), *others)
    with refused(TypeError, "logits", "tensor"):
        case(logits.tolist(), *others)
    with refused(TypeError, "logits", "tensor"):
        case(logits.numpy(), *others)
    with refused(ValueError, "logits", "2 or more classes"):
        case(logits[:, :1], *others)
    with refused(ValueError, "logits", "classes"):
        case(logits[0, 0], *others)


@pytest.mark.parametrize("case", VECTORS, ids=repr)
def test_a_single_class_is_refused_with_its_costs_too(case):
    with refused(ValueError, "logits", "2 or more"):
        case(torch.zeros(3, 1), None, torch.zeros(3, 1))


@labels_cases
@pytest.mark.parametrize("label", [-1, 3, 300, -100])
def test_a_label_out_of_range(case, label):
    logits, labels, *extras = case.draw(batch=(3,)).torch()
    bad = labels.clone()
    bad[1] = label
    with refused(ValueError, "target", str(label)):
        case(logits, bad, *extras)
    with refused(ValueError, "target", str(label)):
        grad(lambda x: case(x, bad, *extras).sum())(logits)
    if not case.loss.per_sample:
        return
    for f in (case, grad(case)):
        with refused(ValueError, "target", str(label)):
            vmap(f, case.in_dims)(logits, bad, *extras)
        with refused(ValueError, "target", str(label)):
            vmap(f, (None, 0, *case.in_dims[2:]))(logits[0], bad, *extras)


@labels_cases
def test_labels_of_the_wrong_kind(case):
    logits, labels, *extras = case.draw(batch=(3,)).torch()
    for dtype in (torch.float32, torch.float64, torch.float16):
        with refused(TypeError, "target", "labels"):
            case(logits, labels.to(dtype), *extras)
    for dtype in (torch.bool, torch.complex64):
        with refused(TypeError, "target", "labels"):
            case(logits, labels.to(dtype), *extras)
    with refused(TypeError, "target", "tensor"):
        case(logits, labels.tolist(), *extras)


@labels_cases
def test_labels_of_the_wrong_shape(case):
    logits, labels, *extras = case.draw(batch=(3,)).torch()
    for bad in (labels[:2], labels[:, None], labels[0], labels.expand(3, 3)):
        with refused(ValueError, "target"):
            case(logits, bad, *extras)


@probs_cases
def test_probabilities_of_the_wrong_shape(case):
    logits, probs, *extras = case.draw(batch=(3,), classes=4).torch()
    name = target_name(case)
    for bad in (probs[:2], probs[:, None], probs[0], probs[:, :3]):
        with refused(ValueError, name):
            case(logits, bad, *extras)


@probs_cases
def test_what_is_no_probability(case):
    logits, probs, *extras = case.draw(batch=(3,)).torch()
    name = target_name(case)
    negative = torch.tensor([1.5, -0.5, 0.0]).double()
    for bad in (2 * probs, torch.zeros_like(probs), logits, negative.expand(3, 3)):
        with refused(ValueError, name, "sum 1"):
            case(logits, bad, *extras)
    spoiled = probs.clone()
    spoiled[1, 2] = torch.nan
    with refused(ValueError, name):
        case(logits, spoiled, *extras)
    if case.loss.per_sample:
        with refused(ValueError, name, "sum 1"):
            vmap(grad(case), case.in_dims)(logits, 2 * probs, *extras)


@probs_cases
def test_rows_of_a_cost_matrix_as_soft_targets_are_explained(case):
    logits, _, *extras = case.draw(batch=(2,), classes=4).torch()
    rows = torch.tensor(U, dtype=torch.float64)[[0, 3]]
    with pytest.raises(ValueError, match=r"(?is)rows of a cost matrix.*soft_targets"):
        case(logits, rows, *extras)


@probs_cases
def test_rounded_probabilities_pass(case):
    logits, probs, *extras = case.draw(batch=(3,)).torch(torch.float32)
    for dtype in (torch.float16, torch.bfloat16):
        losses = case(logits, probs.to(dtype), *extras)
        assert losses.isfinite().all()
        assert losses.dtype == torch.float32


@cost_cases
def test_a_cost_matrix_of_the_wrong_shape(case):
    logits, target, cost = case.draw(batch=(3,)).torch()
    square = torch.zeros(4, 4, dtype=torch.float64)
    for bad in (square, cost[0], cost[0, 0], cost[:, :1], cost.expand(2, 3, 3)):
        with refused(ValueError, "cost"):
            case(logits, target, bad)
    if case.loss.entry.scores == "decisions" or not case.loss.entry.actions:
        with refused(ValueError, "cost"):
            case(logits, target, cost[:, :2])


@cost_cases
def test_a_cost_matrix_without_one_row_for_each_class(case):
    logits, target, cost = case.draw(batch=(3,)).torch()
    arguments = "(target|target_probs|cost)"
    if case.form == "labels" and "actions" in case.loss.forms:
        # Two rows mean two classes, so the label 2 has no row.
        target = torch.full_like(target, 2)
    with refused(ValueError, arguments):
        case(logits, target, cost[:2])


@cost_cases
@pytest.mark.parametrize("number", [torch.nan, torch.inf, -torch.inf])
def test_a_cost_that_is_not_a_number(case, number):
    logits, target, cost = case.draw(batch=(3,)).torch()
    spoiled = cost.clone()
    spoiled[1, 2] = number
    with refused(ValueError, "cost", "finite"):
        case(logits, target, spoiled)
    if case.loss.per_sample:
        with refused(ValueError, "cost", "finite"):
            vmap(grad(case), case.in_dims)(logits, target, spoiled)


@cost_cases
def test_a_cost_of_the_wrong_type(case):
    logits, target, cost = case.draw(batch=(3,)).torch()
    with refused(TypeError, "cost", "tensor"):
        case(logits, target, cost.tolist())
    for dtype in (torch.bool, torch.complex64):
        with refused(TypeError, "cost", "real"):
            case(logits, target, cost.to(dtype))


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if case.loss.name in NON_NEGATIVE]
    + [case for case in CASES if case.options.get("base") == "log_cost"],
    ids=repr,
)
def test_a_negative_cost_where_a_log_loss_cannot_take_it(case):
    logits, target, cost = case.draw(batch=(3,)).torch()
    negative = cost.clone()
    negative[..., -1, -1] = -0.5
    with refused(ValueError, "cost", "at least 0"):
        case(logits, target, negative)


@pytest.mark.parametrize(
    "name", ["expected_cost_loss", "softmax_margin_loss", "cost_hinge_loss"]
)
def test_a_gain_is_welcome_where_nothing_forbids_it(name):
    case = next(case for case in LABELS if case.loss.name == name)
    logits, labels, cost = case.draw(batch=(3,)).torch()
    assert case(logits, labels, cost - 2).isfinite().all()


@pytest.mark.parametrize("case", VECTORS, ids=repr)
def test_without_a_target_the_costs_are_one_vector_for_each_example(case):
    logits, _, cost = case.draw(batch=(3,)).torch()
    for bad in (cost[0], cost[:2], cost[:, :2], cost[:, None]):
        with refused(ValueError, "cost"):
            case(logits, None, bad)


@labels_cases
def test_a_target_is_needed_unless_costs_are_given_for_each_example(case):
    if "vector" in case.loss.forms:
        pytest.skip("it accepts cost vectors")
    logits, _, *extras = case.draw(batch=(3,)).torch()
    with refused(TypeError, "target", "tensor"):
        case(logits, None, *extras)


def test_bad_options(loss):
    case = Case(loss, loss.options[0], loss.forms[0])
    arguments = case.draw().torch()
    for options in loss.bad_options:
        name = list(options)[-1]
        with pytest.raises(ValueError, match=f"^{name} must (?s:.*)"):
            loss.torch(*arguments, **(loss.options[0] | options))


def test_an_unknown_option_is_named(loss):
    arguments = Case(loss, loss.options[0], loss.forms[0]).draw().torch()
    with pytest.raises(TypeError, match="axis"):
        loss.torch(*arguments, **loss.options[0], axis=1)


def test_options_come_by_name(loss):
    arguments = Case(loss, loss.options[0], loss.forms[0]).draw().torch()
    with pytest.raises(TypeError, match="positional"):
        loss.torch(*arguments, 1.0)


@pytest.mark.parametrize(
    "prior, error",
    [
        ([0.5, 0.5], ValueError),
        ([[0.2, 0.3, 0.5]], ValueError),
        ([0.0, 0.5, 0.5], ValueError),
        ([-1.0, 1.0, 1.0], ValueError),
        ([torch.nan, 0.5, 0.5], ValueError),
        ([torch.inf, 0.5, 0.5], ValueError),
        ([True, True, False], TypeError),
    ],
)
def test_a_bad_prior(prior, error):
    with refused(error, "prior"):
        costfn.logit_adjusted_loss(torch.zeros(3), torch.tensor(0), torch.tensor(prior))


@pytest.mark.parametrize(
    "transition, error",
    [
        (torch.ones(3, 3), ValueError),
        (torch.eye(2), ValueError),
        (torch.eye(3)[0], ValueError),
        (torch.full((3, 3), torch.nan), ValueError),
        (torch.tensor([[0.5, 0, 0], [0.5, 1, 0], [0, 0, 1]]), ValueError),
        (torch.eye(3, dtype=torch.long), TypeError),
        (torch.eye(3).tolist(), TypeError),
    ],
)
def test_a_bad_transition(transition, error):
    with refused(error, "transition"):
        costfn.forward_corrected_loss(torch.zeros(3), torch.tensor(0), transition)

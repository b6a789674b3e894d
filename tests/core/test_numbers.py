"""Finite, live and accurate where floating point is hardest."""

from dataclasses import replace
from math import log

import numpy as np
import pytest
import torch

import costfn
from hard_numbers import EXTREMES, LABELLED, at, derivative
from losses import CASES, LOSSES, U


def value_and_gradient(case, arguments, dtype):
    logits, *others = arguments.torch(dtype)
    logits.requires_grad_()
    value = case(logits, *others)
    value.backward()
    return value.detach(), logits.grad


@pytest.mark.parametrize("logits", EXTREMES, ids=str)
def test_finite_at_the_ends_of_the_scale(case, logits):
    for label in range(3):
        arguments = at(case, logits, label)
        value, gradient = value_and_gradient(case, arguments, torch.float32)
        assert value.isfinite()
        assert gradient.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_is_the_float64_value_rounded(case, dtype):
    """Within 2 units in the last place, from inputs that the type holds exactly."""
    rng = np.random.default_rng(0)
    for label in range(3):
        arguments = at(case, rng.integers(-64, 64, 3) / 16, label)
        actual = case(*arguments.torch(dtype))
        assert actual.dtype == dtype
        expected = np.asarray(case.expected(arguments)).item()
        limits = torch.finfo(dtype)
        magnitude = 2.0 ** np.floor(np.log2(max(abs(expected), limits.tiny)))
        assert abs(actual.item() - expected) <= 2 * limits.eps * magnitude


@pytest.mark.parametrize(
    "dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64], ids=str
)
def test_the_type_of_the_logits_is_that_of_the_loss(case, dtype):
    logits, target, *extras = at(case, [1.0, 0, -1]).torch(dtype)
    for other in (dtype, torch.float32, torch.float64):
        others = [extra.to(other) for extra in extras]
        x = logits.clone().requires_grad_()
        losses = case(x, target, *others)
        losses.backward()
        assert losses.dtype == x.grad.dtype == dtype


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.takes == ("cost",)], ids=repr
)
def test_penalties_may_be_written_as_integers(case):
    logits, target, cost = at(case, [1.0, 0, -1]).torch()
    whole = (2 * cost).long()
    torch.testing.assert_close(
        case(logits, target, whole), case(logits, target, whole.double())
    )


@pytest.mark.parametrize("case", LABELLED, ids=repr)
@pytest.mark.parametrize("gap", [20.0, 40.0])
@pytest.mark.parametrize("third", [0.5, 39.5, -39.5])
def test_a_confident_mistake_has_the_right_gradient(case, gap, third):
    """It is alive if the loss is log-divergent; if not, at least not noise."""
    arguments = at(case, [0.25, gap, min(third, gap - 0.5)])
    value, gradient = value_and_gradient(case, arguments, torch.float32)
    by_the_book = np.asarray(case.expected(arguments)).item()
    # exp(z) is no better than z is: eps times the gap.
    rounding = 2 * torch.finfo(torch.float32).eps * gap
    assert value.item() == pytest.approx(by_the_book, rel=rounding)
    expected = derivative(case, arguments)
    scale = abs(expected).max()
    if case.loss.log_divergent and third == 0.5:
        assert scale > 0.2
    allowed = np.full(expected.shape, rounding * scale)
    if not case.loss.log_divergent:
        # The class that takes all the probability: differences of costs of order 1.
        allowed[..., 1] += rounding
    assert (abs(gradient.numpy() - expected) <= allowed).all()


@pytest.mark.parametrize(
    "case", [case for case in LABELLED if case.loss.vanishes], ids=repr
)
@pytest.mark.parametrize("gap", [10.0, 20.0, 30.0])
def test_a_confident_hit_keeps_its_small_loss(case, gap):
    """It is made of the other classes' mass, not of what 1 - p has left."""
    for logits in ([gap, 0.0, 0.0], [gap, 0.0, -2.5]):
        arguments = at(case, logits)
        expected = np.asarray(case.expected(arguments)).item()
        value, gradient = value_and_gradient(case, arguments, torch.float32)
        assert value.item() == pytest.approx(expected, rel=1e-5)
        by_the_book = derivative(case, arguments)
        scale = abs(by_the_book).max()
        np.testing.assert_allclose(gradient, by_the_book, rtol=0, atol=1e-5 * scale)


def test_log_cost_where_a_peer_gives_116_8_and_a_gradient_of_minus_2e8():
    """The CDWCE of dlordinal takes log(1 - p) of a softmax."""
    cost = torch.tensor([[0.0, 1, 2], [1, 0, 1], [2, 1, 0]])
    logits = torch.tensor([0.0, 0, 40], requires_grad=True)
    value = costfn.log_cost_loss(logits, torch.tensor(0), cost)
    value.backward()
    assert value.item() == pytest.approx(2 * (40 - log(2)), rel=1e-6)
    torch.testing.assert_close(logits.grad, torch.tensor([-1.0, -1.0, 2.0]))


@pytest.mark.parametrize("risk", [1e-6, 1e-3, -1e-3, 50.0, -50.0, 1e4])
def test_any_risk_is_accurate_in_float32(risk):
    row = next(loss for loss in LOSSES if loss.name == "expected_cost_loss")
    case = replace(CASES[0], options={"risk": risk})
    assert case.loss is row
    arguments = at(case, [1.0, 0.5, -1.0])
    actual = case(*arguments.torch(torch.float32)).item()
    assert actual == pytest.approx(float(case.expected(arguments)), rel=1e-6)


def test_an_empty_batch(sample_case):
    logits, target, *extras = sample_case.draw(batch=(0,)).torch()
    logits.requires_grad_()
    losses = sample_case(logits, target, *extras)
    assert losses.shape == (0,)
    for reduction in ("mean", "sum"):
        loss = costfn.reduce(losses, reduction=reduction)
        assert loss.item() == 0
        (gradient,) = torch.autograd.grad(loss, logits, retain_graph=True)
        assert gradient.shape == logits.shape


def test_an_example_that_is_not_a_number_spoils_only_itself(sample_case):
    logits, *others = sample_case.draw(batch=(3,)).torch()
    logits[1] = torch.nan
    logits.requires_grad_()
    losses = sample_case(logits, *others)
    losses.sum().backward()
    assert losses.isnan().tolist() == [False, True, False]
    assert logits.grad[[0, 2]].isfinite().all()


def test_a_matrix_without_costs(case):
    if case.takes != ("cost",) or case.loss.name.startswith("generalized"):
        pytest.skip("it has no cost matrix, or divides by its largest entry")
    logits, target, cost = case.draw(batch=(3,)).torch()
    logits.requires_grad_()
    losses = case(logits, target, torch.zeros_like(cost))
    losses.sum().backward()
    assert losses.isfinite().all()
    assert logits.grad.isfinite().all()


def test_a_dice_loss_of_nothing_is_0():
    """Background, found with certainty: no overlap to count and nothing missed."""
    logits = torch.tensor([[800.0, 0, 0, 0]], requires_grad=True)
    loss = costfn.generalized_wasserstein_dice_loss(
        logits, torch.tensor([0]), torch.tensor(U)
    )
    loss.backward()
    assert loss.item() == 0
    assert logits.grad.isfinite().all()


def test_a_dice_loss_of_an_empty_batch_is_0():
    logits = torch.zeros(0, 4, requires_grad=True)
    loss = costfn.generalized_wasserstein_dice_loss(
        logits, torch.zeros(0, dtype=torch.long), torch.tensor(U)
    )
    loss.backward()
    assert loss.item() == 0
    assert logits.grad.shape == (0, 4)


@pytest.mark.parametrize("case", LABELLED, ids=repr)
def test_nan_logits_are_not_hidden(case):
    arguments = at(case, [0.5, np.nan, -1.0])
    logits, *rest = arguments.torch()
    gradient, value = torch.func.grad_and_value(lambda z: case(z, *rest).sum())(logits)
    assert value.isnan()
    assert gradient.isnan().any()

"""The q-error, and monitoring metrics while training on a loss."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.autograd import gradcheck
from torch.func import grad, grad_and_value, hessian, vmap
from torch.nn.functional import l1_loss, mse_loss

import costfn
import costfn_nn

pytestmark = pytest.mark.shapes

positive = st.floats(2**-10, 2**10, width=32)


@given(p=positive, t=positive)
def test_it_is_the_larger_ratio_less_one(p, t):
    expected = max(p / t, t / p) - 1
    of = torch.tensor([p], dtype=torch.float64), torch.tensor([t], dtype=torch.float64)
    linear = costfn.q_error_loss(*of, log_space=False)
    logs = costfn.q_error_loss(of[0].log(), of[1].log())
    assert linear.item() == pytest.approx(expected, rel=1e-12, abs=1e-14)
    assert logs.item() == pytest.approx(expected, rel=1e-12, abs=1e-14)


def test_ties_and_zeros_are_defined():
    tie = torch.tensor([3.0, 0.0], requires_grad=True)
    value = costfn.q_error_loss(tie, tie.detach(), log_space=False)
    value.sum().backward()
    assert torch.equal(value.detach(), torch.zeros(2))
    assert tie.grad[0] == 0
    zero = torch.tensor([0.0, -1.0, 2.0], requires_grad=True)
    truth = torch.tensor([1.0, 1.0, 0.0])
    value = costfn.q_error_loss(zero, truth, log_space=False, floor=0.5)
    # At the floor the factor is 2, so the loss is 1; it grows by 1 per floor below.
    torch.testing.assert_close(value.detach(), torch.tensor([1.0 + 1, 1 + 3, 3]))
    value.sum().backward()
    assert (zero.grad[:2] < 0).all() and zero.grad[2] > 0


def test_every_finite_input_has_a_finite_loss_and_gradient():
    p = torch.tensor([1e4, -1e4, 31.0, 1e-30], requires_grad=True)
    value = costfn.q_error_loss(p, torch.zeros(4))
    value.sum().backward()
    assert value.isfinite().all() and p.grad.isfinite().all()
    for log_space in (True, False):
        half = torch.tensor([1.0, 2.0], dtype=torch.float16)
        found = costfn.q_error_loss(half, half.flip(0), log_space=log_space)
        assert found.dtype == torch.float16


@pytest.mark.parametrize("log_space", [True, False])
def test_transforms(log_space):
    def loss(p, t):
        return costfn.q_error_loss(p, t, log_space=log_space)

    rng = np.random.default_rng(0)
    p, t = (torch.from_numpy(rng.uniform(0.5, 4, size=5)) for _ in range(2))
    assert gradcheck(lambda x: loss(x, t), p.clone().requires_grad_())
    each = vmap(grad(loss))(p, t)
    torch.testing.assert_close(each, grad(lambda x: loss(x, t).sum())(p))
    assert hessian(lambda x: loss(x, t).sum())(p).diagonal().min() > 0


@pytest.mark.unchecked
@pytest.mark.parametrize("log_space", [True, False])
def test_it_compiles(log_space):
    def loss(p, t):
        return costfn.q_error_loss(p, t, log_space=log_space)

    p, t = torch.tensor([1.0, 3.0]), torch.tensor([2.0, 0.5])
    torch.compiler.reset()
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(p, t), loss(p, t))


@pytest.mark.unchecked
def test_bad_arguments():
    x = torch.ones(2)
    with pytest.raises(TypeError, match="prediction must be floating point"):
        costfn.q_error_loss(x.long(), x)
    with pytest.raises(ValueError, match="target must have the shape"):
        costfn.q_error_loss(x, x[:, None])
    with pytest.raises(ValueError, match="target must be at least 0"):
        costfn.q_error_loss(x, -x, log_space=False)
    with pytest.raises(ValueError, match="floor must be above 0"):
        costfn.q_error_loss(x, x, floor=0.0)


def test_the_module_is_the_function_reduced():
    p, t = torch.tensor([2.0, 8.0]), torch.tensor([1.0, 4.0])
    module = costfn_nn.QErrorLoss(log_space=False)
    torch.testing.assert_close(module(p, t), torch.tensor(1.0))
    each = costfn_nn.QErrorLoss(log_space=False, reduction="none")(p, t)
    torch.testing.assert_close(each, torch.ones(2))


def test_metrics_are_watched_without_a_graph():
    model = torch.nn.Linear(2, 1)
    x, y = torch.randn(4, 2), torch.randn(4, 1)
    loss, watched = costfn.with_metrics(mse_loss, mae=l1_loss)(model(x), y)
    loss.backward()
    alone = torch.autograd.grad(mse_loss(model(x), y), model.weight)[0]
    torch.testing.assert_close(model.weight.grad, alone)
    assert set(watched) == {"mae"} and not watched["mae"].requires_grad
    torch.testing.assert_close(watched["mae"], l1_loss(model(x), y).detach())


def test_it_has_the_form_that_has_aux_asks_for():
    tracked = costfn.with_metrics(mse_loss, mae=l1_loss)
    x, y = torch.tensor([1.0, 3.0]), torch.zeros(2)
    gradient, (value, watched) = grad_and_value(tracked, has_aux=True)(x, y)
    torch.testing.assert_close(gradient, x)
    assert value == 5 and watched["mae"] == 2
    rows, aux = vmap(grad(tracked, has_aux=True))(x[:, None], y[:, None])
    torch.testing.assert_close(rows, 2 * x[:, None])
    torch.testing.assert_close(aux["mae"], x)


def test_the_module_form_and_no_metrics():
    module = costfn_nn.WithMetrics(torch.nn.MSELoss(), mae=torch.nn.L1Loss())
    value, watched = module(torch.tensor([1.0, 3.0]), torch.zeros(2))
    assert value == 5 and watched["mae"] == 2
    with pytest.raises(ValueError, match="metrics must name at least one"):
        costfn.with_metrics(mse_loss)

"""From one loss per example to one number."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch.func import grad, jacfwd, jacrev, vmap

import costfn

pytestmark = pytest.mark.shapes

LOSSES = torch.tensor([[1.0, 2.0], [4.0, 8.0]])
WEIGHT = torch.tensor([[1.0, 0.0], [2.0, 5.0]])
WHERE = torch.tensor([[True, True], [True, False]])


@pytest.mark.parametrize(
    "reduction, options, expected",
    [
        ("mean", {}, 15 / 4),
        ("sum", {}, 15.0),
        ("none", {}, [[1.0, 2.0], [4.0, 8.0]]),
        ("mean", {"weight": WEIGHT}, (1 + 8 + 40) / 8),
        ("sum", {"weight": WEIGHT}, 49.0),
        ("none", {"weight": WEIGHT}, [[1.0, 0.0], [8.0, 40.0]]),
        ("mean", {"where": WHERE}, 7 / 3),
        ("sum", {"where": WHERE}, 7.0),
        ("none", {"where": WHERE}, [[1.0, 2.0], [4.0, 0.0]]),
        ("mean", {"weight": WEIGHT, "where": WHERE}, 9 / 3),
        ("sum", {"weight": WEIGHT, "where": WHERE}, 9.0),
        ("none", {"weight": WEIGHT, "where": WHERE}, [[1.0, 0.0], [8.0, 0.0]]),
        ("mean", {"where": torch.zeros(2, 2, dtype=torch.bool)}, 0.0),
        ("sum", {"where": torch.zeros(2, 2, dtype=torch.bool)}, 0.0),
        ("mean", {"weight": torch.zeros(2, 2)}, 0.0),
    ],
)
def test_worked_values(reduction, options, expected):
    actual = costfn.reduce(LOSSES, reduction=reduction, **options)
    torch.testing.assert_close(actual, torch.tensor(expected))


def test_the_mean_is_the_default():
    assert costfn.reduce(LOSSES).item() == 15 / 4


finite = arrays(float, 4, elements=st.floats(-100, 100, width=16))
positive = arrays(float, 4, elements=st.floats(0, 8, width=16))


@given(losses=finite, weight=positive, where=arrays(bool, 4))
def test_the_weighted_mean_over_what_is_kept(losses, weight, where):
    kept = weight * where
    expected = (kept * losses).sum() / kept.sum() if kept.sum() else 0.0
    actual = costfn.reduce(
        torch.tensor(losses), weight=torch.tensor(weight), where=torch.tensor(where)
    )
    assert actual.item() == pytest.approx(expected, rel=1e-14, abs=1e-14)


@pytest.mark.parametrize("hidden", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_what_is_masked_contributes_neither_value_nor_gradient(hidden, reduction):
    losses = LOSSES.clone()
    losses[1, 1] = hidden
    losses.requires_grad_()
    weight = torch.ones(2, 2).requires_grad_()
    loss = costfn.reduce(losses, where=WHERE, weight=weight, reduction=reduction)
    loss.sum().backward()
    assert loss.isfinite().all()
    assert losses.grad.isfinite().all()
    assert losses.grad[1, 1] == 0
    assert (losses.grad[WHERE] != 0).all()
    assert weight.grad.isfinite().all()
    assert weight.grad[1, 1] == 0


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("value", [1.0, torch.nan])
def test_nothing_left_is_0_with_zero_gradient(reduction, value):
    losses = torch.full((3,), value, requires_grad=True)
    loss = costfn.reduce(
        losses, where=torch.zeros(3, dtype=torch.bool), reduction=reduction
    )
    loss.sum().backward()
    assert (loss == 0).all()
    assert (losses.grad == 0).all()


def test_an_empty_batch_is_0():
    assert costfn.reduce(torch.zeros(0)).item() == 0
    assert costfn.reduce(torch.zeros(0), reduction="none").shape == (0,)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_is_summed_in_float32(dtype):
    """A sum in the dtype itself stops growing at 2048 or 256."""
    losses = torch.ones(60_000, dtype=dtype)
    assert costfn.reduce(losses).item() == 1
    assert costfn.reduce(losses).dtype == dtype
    expected = torch.tensor(60_000.0).to(dtype)
    assert costfn.reduce(losses, reduction="sum") == expected
    # The sum of the weights would exceed the largest float16.
    weight = torch.full((60_000,), 1000.0, dtype=dtype)
    assert costfn.reduce(losses, weight=weight).item() == 1


def test_a_batch_of_batches():
    losses = torch.arange(6.0).reshape(2, 3)
    where = torch.tensor([[True, False, True], [False, False, False]])
    each = vmap(lambda x, m: costfn.reduce(x, where=m))(losses, where)
    assert each.tolist() == [1.0, 0.0]
    gradients = vmap(grad(lambda x, m: costfn.reduce(x, where=m)))(losses, where)
    assert gradients.tolist() == [[0.5, 0.0, 0.5], [0.0, 0.0, 0.0]]


def test_derivatives_in_the_weights():
    def f(weight):
        return costfn.reduce(LOSSES, weight=weight)

    weight = WEIGHT.clone()
    # d/dw of (sum wl)/(sum w) is (l - mean)/(sum w).
    expected = (LOSSES - 49 / 8) / 8
    torch.testing.assert_close(jacrev(f)(weight), expected)
    torch.testing.assert_close(jacfwd(f)(weight), expected)


@pytest.mark.unchecked
def test_one_graph():
    compiled = torch.compile(costfn.reduce, fullgraph=True, backend="aot_eager")
    for reduction in ("mean", "sum", "none"):
        options = {"weight": WEIGHT, "where": WHERE, "reduction": reduction}
        expected = costfn.reduce(LOSSES, **options)
        torch.testing.assert_close(compiled(LOSSES, **options), expected)


@pytest.mark.unchecked
@pytest.mark.parametrize(
    "options, error, message",
    [
        ({"reduction": "avg"}, ValueError, "reduction must be .*mean.*avg"),
        ({"reduction": None}, ValueError, "reduction must be"),
        ({"weight": torch.ones(2)}, ValueError, r"weight must .*\(2, 2\).*\(2,\)"),
        ({"weight": torch.ones(2, 1)}, ValueError, "weight must"),
        ({"weight": -WEIGHT}, ValueError, "weight must .*0"),
        ({"weight": WEIGHT / 0}, ValueError, "weight must .*finite"),
        ({"weight": [1.0, 2.0]}, TypeError, "weight must .*tensor"),
        ({"where": WHERE[0]}, ValueError, r"where must .*\(2, 2\).*\(2,\)"),
        ({"where": WEIGHT}, TypeError, "where must .*bool"),
        ({"where": WHERE.long()}, TypeError, "where must .*bool"),
    ],
)
def test_bad_arguments(options, error, message):
    with pytest.raises(error, match=message):
        costfn.reduce(LOSSES, **options)


@pytest.mark.unchecked
@pytest.mark.parametrize("losses", [LOSSES.long(), LOSSES > 2, [1.0, 2.0], 3.0])
def test_losses_must_be_floating_point(losses):
    with pytest.raises(TypeError, match="losses must be"):
        costfn.reduce(losses)

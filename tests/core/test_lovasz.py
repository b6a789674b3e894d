"""Lovász losses against the definition, with the sorted errors one by one."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch.autograd import gradcheck
from torch.func import grad, hessian, vmap

import costfn

pytestmark = pytest.mark.shapes


def jaccard_loss(truth, wrong):
    """The loss of a set of mistakes: 1 - |truth and decided| / |truth or decided|."""
    decided = truth ^ wrong
    union = (truth | decided).sum()
    return 1 - (truth & decided).sum() / union if union else 0.0


def extension(errors, truth):
    """The Lovász extension: errors, largest first, times what each adds to the loss."""
    wrong, total, before = np.zeros(len(truth), bool), 0.0, 0.0
    for i in np.argsort(-errors, kind="stable"):
        wrong[i] = True
        after = jaccard_loss(truth, wrong)
        total += errors[i] * (after - before)
        before = after
    return total


def lovasz_softmax(logits, labels, present):
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    losses = []
    for k in range(p.shape[-1]):
        truth = labels == k
        if truth.any() or not present:
            losses.append(extension(np.where(truth, 1 - p[:, k], p[:, k]), truth))
    return np.mean(losses)


def lovasz_hinge(logits, labels):
    errors = np.maximum(0, 1 - logits * (2 * labels - 1))
    return extension(errors, labels == 1)


logits_ = arrays(np.float64, (6, 3), elements=st.floats(-5, 5, width=16))
labels_ = arrays(np.int64, (6,), elements=st.integers(0, 2))


@given(logits=logits_, labels=labels_)
def test_lovasz_softmax_is_the_definition(logits, labels):
    z, y = torch.from_numpy(logits), torch.from_numpy(labels)
    for classes in ("present", "all"):
        expected = lovasz_softmax(logits, labels, classes == "present")
        actual = costfn.lovasz_softmax_loss(z, y, classes=classes)
        assert actual.item() == pytest.approx(expected, abs=1e-12)


@given(logits=logits_, labels=labels_)
def test_lovasz_hinge_is_the_definition(logits, labels):
    z, y = logits[:, 0], np.minimum(labels, 1)
    actual = costfn.lovasz_hinge_loss(torch.from_numpy(z), torch.from_numpy(y))
    assert actual.item() == pytest.approx(lovasz_hinge(z, y), abs=1e-12)


RNG = np.random.default_rng(3)
Z = torch.from_numpy(RNG.normal(size=(8, 3)))
Y = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1])


def test_of_hard_decisions_it_is_the_jaccard_loss():
    hard = 1e4 * torch.nn.functional.one_hot(Z.argmax(-1), 3).double()
    torch.testing.assert_close(
        costfn.lovasz_softmax_loss(hard, Y), costfn.jaccard_loss(hard, Y)
    )


def test_all_wrong_is_one_and_perfect_is_zero():
    right = 1e4 * torch.nn.functional.one_hot(Y, 3).double()
    assert costfn.lovasz_softmax_loss(right, Y) == 0
    assert costfn.lovasz_softmax_loss(right.roll(1, -1), Y) == 1
    assert costfn.lovasz_hinge_loss(2 * right[:, 0] - 1e4, (Y == 0).long()) == 0


EACH = pytest.mark.parametrize(
    "loss",
    [
        lambda z, y: costfn.lovasz_softmax_loss(z, y),
        lambda z, y: costfn.lovasz_softmax_loss(z, y, classes="all"),
        lambda z, y: costfn.lovasz_hinge_loss(z[..., 0], (y == 0).long()),
    ],
    ids=["present", "all", "hinge"],
)


@EACH
@pytest.mark.unchecked
def test_it_compiles(loss):
    torch.compiler.reset()
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(Z, Y), loss(Z, Y))


@EACH
def test_every_transform_and_no_nan(loss):
    assert gradcheck(lambda z: loss(z, Y), Z.clone().requires_grad_())
    assert hessian(loss)(Z, Y).isfinite().all()
    batches = vmap(grad(loss))(Z.reshape(2, 4, 3), Y.reshape(2, 4))
    torch.testing.assert_close(batches[1], grad(loss)(Z[4:], Y[4:]))
    for z in (Z[:0], Z[:1], 1e4 * Z.float()):
        x = z.clone().requires_grad_()
        value = loss(x, Y[: len(z)])
        value.backward()
        assert value.isfinite() and x.grad.isfinite().all()


def test_what_is_masked_does_not_count():
    bad = Z.clone()
    bad[5] = torch.nan
    where = torch.arange(8) != 5
    for loss in (
        costfn.lovasz_softmax_loss,
        lambda z, y, **o: costfn.lovasz_hinge_loss(z[:, 0], (y == 0).long(), **o),
    ):
        x = bad.clone().requires_grad_()
        value = loss(x, Y, where=where)
        value.backward()
        torch.testing.assert_close(value, loss(Z[where], Y[where]))
        assert x.grad.isfinite().all() and (x.grad[5] == 0).all()
        assert loss(bad, Y).isnan()


@pytest.mark.unchecked
def test_bad_arguments():
    with pytest.raises(ValueError, match="classes must be one of"):
        costfn.lovasz_softmax_loss(Z, Y, classes="some")
    with pytest.raises(TypeError, match="target must be integer labels"):
        costfn.lovasz_softmax_loss(Z, Y.double())
    with pytest.raises(ValueError, match=r"target must be labels in \[0, 2\)"):
        costfn.lovasz_hinge_loss(Z[:, 0], Y)
    with pytest.raises(TypeError, match="where must be boolean"):
        costfn.lovasz_softmax_loss(Z, Y, where=Y)
    with pytest.raises(ValueError, match="where must have the shape"):
        costfn.lovasz_hinge_loss(Z[:, 0], (Y == 0).long(), where=Y[:3] == 0)

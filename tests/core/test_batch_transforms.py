"""Count-based losses: derivatives, `torch.func` and `torch.compile`."""

from functools import partial

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.func import grad, grad_and_value, hessian, jacfwd, jacrev, vmap

import costfn
from batch_losses import CASES, EXEMPLARS, LABELS, LOGITS, SOFT, WEIGHT

batch = pytest.mark.parametrize("one", CASES, ids=repr)
# Tracing takes a second, so each loss is traced once.
FIRST = [one for one in CASES if not one.options]
first = pytest.mark.parametrize("one", FIRST, ids=repr)


def close(actual, expected, error=1e-12):
    torch.testing.assert_close(actual, expected, rtol=error, atol=error)


@pytest.fixture(autouse=True)
def fresh():
    torch._dynamo.reset()


@batch
@pytest.mark.parametrize("target", [LABELS[0], SOFT[0]], ids=["labels", "probs"])
def test_derivatives_agree_with_finite_differences(one, target):
    z = LOGITS[0].clone().requires_grad_()

    def f(z):
        return one(z, target, sample_weight=WEIGHT[0])

    assert gradcheck(f, z, check_forward_ad=True, fast_mode=True)
    assert gradgradcheck(f, z, fast_mode=True)


@batch
def test_derivatives_in_weights_and_target_probabilities(one):
    scores, weight = SOFT[0].log().requires_grad_(), WEIGHT[0].clone().requires_grad_()

    def f(scores, weight):  # keeps the rows at sum 1
        return one(LOGITS[0], scores.softmax(-1), sample_weight=weight)

    assert gradcheck(f, (scores, weight), fast_mode=True)


@batch
def test_the_gradient_of_each_batch(one):
    each = vmap(grad(one))(LOGITS, LABELS)
    close(each, torch.stack([grad(one)(LOGITS[i], LABELS[i]) for i in range(2)]))
    assert (each.abs().sum((-2, -1)) > 1e-3).all()
    softly = vmap(grad(one))(LOGITS, SOFT)
    close(softly, torch.stack([grad(one)(LOGITS[i], SOFT[i]) for i in range(2)]))


@batch
def test_forward_and_reverse_derivatives_agree(one):
    def f(z):
        return one(z, LABELS[0])

    close(jacfwd(f)(LOGITS[0]), jacrev(f)(LOGITS[0]))
    curvature = hessian(f)(LOGITS[0]).reshape(18, 18)
    close(curvature, curvature.mT)
    close(curvature, jacrev(jacrev(f))(LOGITS[0]).reshape(18, 18))
    assert curvature.abs().sum() > 0


@pytest.mark.unchecked
@first
def test_one_graph_of_the_loss_and_its_gradient(one):
    compiled = torch.compile(one.function(LOGITS), fullgraph=True, backend="aot_eager")
    x, same = (LOGITS[0].clone().requires_grad_() for _ in range(2))
    actual, expected = compiled(x, LABELS[0]), one(same, LABELS[0])
    close(actual, expected)
    actual.backward()
    expected.backward()
    close(x.grad, same.grad)


@pytest.mark.unchecked
@pytest.mark.parametrize("one", [x for x in FIRST if x.name in EXEMPLARS], ids=repr)
def test_one_graph_of_each_gradient_in_which_a_bad_label_is_nan(one):
    g = vmap(grad_and_value(one.function(LOGITS)))
    compiled = torch.compile(g, fullgraph=True, backend="aot_eager")
    gradient, value = compiled(LOGITS, LABELS)
    close((gradient, value), g(LOGITS, LABELS))
    labels = LABELS.clone()
    labels[1, 2] = 3
    bad_gradient, bad_value = compiled(LOGITS, labels)
    close(bad_value[0], value[0])
    assert bad_value[1].isnan()
    assert bad_gradient[1].isnan().any()
    assert bad_gradient[0].isfinite().all()


@pytest.mark.unchecked
@pytest.mark.parametrize("absent", ["drop", "drop_unseen"])
def test_a_bad_label_does_not_drop_its_class(absent):
    labels = LABELS[0].clone()
    labels[0] = -1
    loss = partial(costfn.recall_loss, absent=absent)
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    assert compiled(LOGITS[0], labels).isnan()

"""Each loss inside `torch.compile`, in one graph."""

import pytest
import torch
from torch.func import grad_and_value, vmap

import costfn
from losses import CASES, LOSSES

# jaxtyping's checks cannot be compiled.
pytestmark = pytest.mark.unchecked

FIRST = [
    next(case for case in CASES if case.loss is loss and case.form == form)
    for loss in LOSSES
    for form in loss.forms
]


@pytest.fixture(autouse=True)
def fresh():
    torch._dynamo.reset()


def short(case):
    """The same loss with few iterations, which can be traced."""
    options = case.options
    if "iterations" in options:
        options = options | {"iterations": 5}
    return lambda *arguments: case.loss.of_example(*arguments, **options)


def compiled(f):
    return torch.compile(f, fullgraph=True, backend="aot_eager")


def value_and_gradient(f, logits, *others):
    x = logits.clone().requires_grad_()
    value = f(x, *others)
    value.sum().backward()
    return value.detach(), x.grad


@pytest.mark.parametrize("case", FIRST, ids=repr)
def test_one_graph_of_the_loss_and_its_gradient(case):
    """What is no probability cannot be seen there, and must not pass for a number."""
    f = short(case)
    graph = compiled(f)
    logits, target, *extras = case.draw(batch=(3,)).torch()
    found = value_and_gradient(graph, logits, target, *extras)
    right = value_and_gradient(f, logits, target, *extras)
    torch.testing.assert_close(found, right)
    if case.form == "probs":
        target[0] = 2 * target[0]
        value, gradient = value_and_gradient(graph, logits, target, *extras)
        assert value.isnan().any()
        assert value[1:].isfinite().all() if case.loss.per_sample else value.isnan()
        assert gradient[0].isnan().all()


@pytest.mark.parametrize(
    "case", [case for case in FIRST if case.form == case.loss.forms[0]], ids=repr
)
def test_one_graph_of_the_gradient_of_each_example(case):
    """A label out of range makes value and gradient NaN."""
    f = short(case)
    logits, target, *extras = case.draw(batch=(3,)).torch()
    g = grad_and_value(f)
    if case.loss.per_sample:
        g = vmap(g, case.in_dims)
    graph = compiled(g)
    torch.testing.assert_close(
        graph(logits, target, *extras), g(logits, target, *extras)
    )
    if case.form != "labels":
        return
    bad = torch.tensor([-1, target[1], 3])
    gradient, value = graph(logits, bad, *extras)
    assert gradient[[0, 2]].isnan().all()
    if case.loss.per_sample:
        assert value.isnan().tolist() == [True, False, True]
        assert gradient[1].isfinite().all()
    else:
        assert value.isnan()


@pytest.mark.parametrize("name", ["log_cost_loss", "sum_to_zero_loss"])
def test_a_negative_cost_makes_the_loss_nan(name):
    case = next(case for case in FIRST if case.loss.name == name)
    logits, labels, cost = case.draw().torch()
    cost[labels[0], 0] = -0.5
    gradient, value = compiled(vmap(grad_and_value(case), case.in_dims))(
        logits, labels, cost
    )
    assert value[0].isnan()
    assert gradient[0].isnan().any()


def test_any_batch_size_after_a_few():
    case = next(case for case in FIRST if case.loss.name == "log_cost_loss")
    f = compiled(case)
    for size in (3, 5, 7, 1, 0):
        arguments = case.draw(batch=(size,)).torch()
        torch.testing.assert_close(f(*arguments), case(*arguments))


def test_bfloat16_probabilities_are_probabilities():
    """Their sum is 1 only to the precision of their dtype."""
    generator = torch.Generator().manual_seed(0)
    q = torch.randn(200, 10, generator=generator).bfloat16().softmax(-1)
    assert (q.float().sum(-1) - 1).abs().max() > 1e-3
    logits = torch.zeros(200, 10)
    assert compiled(costfn.soft_target_loss)(logits, q).isfinite().all()


def test_a_bad_label_is_nan_in_the_gradient_of_kinks_too():
    cost = torch.tensor([[0.0, 1.0], [5.0, 0.0]])

    def loss(logits, labels):
        losses = costfn.cost_regression_loss(
            logits, labels, cost, one_sided=True, smooth=False
        )
        return losses.sum()

    gradient, value = compiled(grad_and_value(loss))(
        torch.zeros(1, 2), torch.tensor([2])
    )
    assert value.isnan()
    assert gradient.isnan().all()

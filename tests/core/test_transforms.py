"""Each loss under `torch.func`, with other integer types, fake tensors and autocast."""

from functools import partial

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.func import functional_call, grad, hessian, jacfwd, jacrev, jvp, vmap

import costfn
from losses import CASES, SAMPLE_CASES


def close(actual, expected):
    torch.testing.assert_close(actual, expected, rtol=1e-12, atol=1e-13)


def total(case, target, extras):
    return lambda logits: case(logits, target, *extras).sum()


def test_mapped_over_the_examples_it_is_the_batch(sample_case):
    arguments = sample_case.draw(batch=(3,)).torch()
    close(vmap(sample_case, sample_case.in_dims)(*arguments), sample_case(*arguments))


def test_the_gradient_of_each_example(sample_case):
    arguments = sample_case.draw(batch=(3,)).torch()
    logits, target, *extras = arguments
    each = vmap(grad(sample_case), sample_case.in_dims)(*arguments)
    close(each, grad(total(sample_case, target, extras))(logits))


def test_mapped_twice(sample_case):
    arguments = sample_case.draw(batch=(2, 3)).torch()
    dims = sample_case.in_dims
    close(vmap(vmap(sample_case, dims), dims)(*arguments), sample_case(*arguments))


@pytest.mark.parametrize(
    "case",
    [case for case in SAMPLE_CASES if case.form in ("labels", "probs")],
    ids=repr,
)
def test_mapped_over_the_targets_alone(case):
    logits, target, *extras = case.draw(batch=(3,)).torch()
    dims = (None, 0, *(None for _ in extras))
    each = vmap(grad(case), dims)(logits[0], target, *extras)
    close(each, torch.stack([grad(case)(logits[0], t, *extras) for t in target]))


@pytest.mark.parametrize(
    "case",
    [
        case
        for case in SAMPLE_CASES
        if case.form == "labels" and case.takes == ("cost",)
    ],
    ids=repr,
)
def test_mapped_over_cost_matrices(case):
    """One example with several matrices, as in a choice of the matrix."""
    logits, label, cost = case.draw(batch=()).torch()
    costs = torch.stack([cost, 2 * cost, cost.flip(0)])
    each = vmap(grad(case), (None, None, 0))(logits, label, costs)
    close(each, torch.stack([grad(case)(logits, label, c) for c in costs]))


def test_forward_and_reverse_jacobians_agree(case):
    logits, *others = case.draw().torch()

    def f(x):
        return case(x, *others)

    close(jacfwd(f)(logits), jacrev(f)(logits))


def test_hessians_agree_and_are_symmetric(sample_case):
    logits, *others = sample_case.draw(batch=()).torch()

    def f(x):
        return sample_case(x, *others)

    of_both = hessian(f)(logits)
    close(of_both, of_both.mT)
    close(of_both, jacrev(jacrev(f))(logits))
    close(of_both, jacfwd(jacfwd(f))(logits))


def test_the_hessian_of_each_example(sample_case):
    arguments = sample_case.draw(batch=(2,)).torch()
    logits, target, *extras = arguments
    each = vmap(hessian(sample_case), sample_case.in_dims)(*arguments)
    of_sum = hessian(total(sample_case, target, extras))(logits)
    close(each, torch.stack([of_sum[i, :, i] for i in range(2)]))


def test_a_hessian_vector_product(case):
    logits, target, *extras = case.draw().torch()
    f = total(case, target, extras)
    direction = torch.linspace(-1, 1, logits.numel()).double().reshape(logits.shape)
    _, product = jvp(grad(f), (logits,), (direction,))
    close(product, (hessian(f)(logits) * direction).sum((-2, -1)))


def test_the_gradient_of_each_example_in_the_weights_of_a_model(sample_case):
    arguments = sample_case.draw(batch=(3,)).torch()
    width = arguments[0].shape[-1]
    model = torch.nn.Linear(width, width, dtype=torch.float64)
    parameters = {name: value.detach() for name, value in model.named_parameters()}

    def loss(parameters, x, *others):
        return sample_case(functional_call(model, parameters, (x,)), *others)

    each = vmap(grad(loss), (None, *sample_case.in_dims))(parameters, *arguments)
    together = grad(lambda *a: loss(*a).sum())(parameters, *arguments)
    for name, value in together.items():
        close(each[name].sum(0), value)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16, torch.int32])
def test_labels_of_any_integer_type(loss, dtype):
    for case in (case for case in CASES if case.loss is loss and case.form == "labels"):
        logits, labels, *extras = case.draw(batch=(3,)).torch()
        close(case(logits, labels.to(dtype), *extras), case(logits, labels, *extras))
        if loss.per_sample:
            dims = case.in_dims
            mapped = vmap(grad(case), dims)(logits, labels.to(dtype), *extras)
            close(mapped, vmap(grad(case), dims)(logits, labels, *extras))


def test_fake_tensors_have_the_right_shape_and_type(case):
    real = case.draw(batch=(2, 3)).torch(torch.float32)
    with FakeTensorMode() as mode:
        fake = [x if x is None else mode.from_tensor(x) for x in real]
        losses = case(*fake)
    assert losses.shape == case(*real).shape
    assert losses.dtype == torch.float32


def test_autocast_leaves_losses_alone(case):
    arguments = case.draw().torch(torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        inside = case(*arguments)
    torch.testing.assert_close(inside, case(*arguments), rtol=0, atol=0)


def test_strided_and_expanded_arguments(case):
    logits, target, *extras = case.draw(batch=(2, 3)).torch()
    expected = case(logits, target, *extras)
    strided = torch.stack([logits, logits], -1)[..., 0]
    assert not strided.is_contiguous()
    close(case(strided, target, *extras), expected)
    if case.loss.per_sample and case.form == "labels":
        expanded = logits[:1].expand(4, *logits.shape[1:])
        labels = target[:1].expand(4, *target.shape[1:])
        close(case(expanded, labels, *extras)[3], expected[0])


def test_the_arguments_are_left_as_they_were(case):
    arguments = case.draw(batch=(2, 3)).torch()
    before = [x if x is None else x.clone() for x in arguments]
    case(*arguments)
    for x, kept in zip(arguments, before, strict=True):
        assert x is None or torch.equal(x, kept)


def test_forward_over_reverse_keeps_the_dtype_of_scalars():
    """torch 2.13 itself does not keep it: for x -> (2.0 * x)**2 it is float64."""

    def curvature(loss, x):
        return jvp(grad(loss), (x,), (torch.ones_like(x),))[1].dtype

    logits, label = torch.tensor([1.0, 0.0]), torch.tensor(0)
    assert curvature(lambda z: costfn.focal_loss(z, label), logits) == torch.float32
    size, floor = torch.tensor(0.5), torch.tensor(2.0)
    for log_space in (False, True):
        loss = partial(costfn.q_error_loss, target=floor, log_space=log_space)
        assert curvature(loss, size) == torch.float32

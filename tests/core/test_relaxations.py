"""Relaxations: values, saturation and derivatives."""

from math import nan

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from mpmath import mp
from torch.autograd import gradcheck, gradgradcheck
from torch.func import grad, hessian, jacfwd, jacrev, vmap

import costfn
from costfn import relaxations
from costfn.relaxations import (
    amplified,
    piecewise_linear,
    raised_cosine,
    sigmoid,
    softmax,
    straight_through,
)


def np_softmax(z, temperature=1.0):
    e = np.exp((z - z.max(-1, keepdims=True)) / temperature)
    return e / e.sum(-1, keepdims=True)


def np_raised_cosine(z, mu=0.5, width=0.1):
    p = np_softmax(z)
    rise = 0.5 * (1 + (p - mu) / width + np.sin(np.pi * (p - mu) / width) / np.pi)
    return np.where(p < mu - width, 0, np.where(p > mu + width, 1, rise))


def np_piecewise_linear(z, t=0.5, d=0.2):
    p, m = np_softmax(z), min(t, 1 - t)
    m1, m2, m3 = d / (t - m / 2), (1 - 2 * d) / m, d / (1 - t - m / 2)
    high = m3 * p + (1 - d - m3 * (t + m / 2))
    middle = np.where(p > t + m / 2, high, m2 * (p - t) + 0.5)
    return np.where(p < t - m / 2, m1 * p, middle)


def np_hard(z):
    return np.eye(z.shape[-1])[z.argmax(-1)]


FORMULAS = {
    "softmax": (softmax(), np_softmax),
    "softmax-0.5": (softmax(0.5), lambda z: np_softmax(z, 0.5)),
    "sigmoid": (sigmoid(), lambda z: 1 / (1 + np.exp(-z))),
    "sigmoid-2-1": (sigmoid(2.0, 1.0), lambda z: 1 / (1 + np.exp(-2 * (z - 1)))),
    "amplified": (amplified(), lambda z: 1 / (1 + np.exp(-73 * (np_softmax(z) - 0.5)))),
    "amplified-10": (
        amplified(10.0),
        lambda z: 1 / (1 + np.exp(-10 * (np_softmax(z) - 0.5))),
    ),
    "raised_cosine": (raised_cosine(), np_raised_cosine),
    "raised_cosine-0.3-0.2": (
        raised_cosine(0.3, 0.2),
        lambda z: np_raised_cosine(z, 0.3, 0.2),
    ),
    "piecewise_linear": (piecewise_linear(), np_piecewise_linear),
    "piecewise_linear-0.3-0.1": (
        piecewise_linear(0.3, 0.1),
        lambda z: np_piecewise_linear(z, 0.3, 0.1),
    ),
    "straight_through": (straight_through(), np_hard),
    "straight_through-sigmoid": (straight_through(sigmoid()), np_hard),
}
SOFT = {k: v[0] for k, v in FORMULAS.items() if not k.startswith("straight_through")}
every = pytest.mark.parametrize(
    "relax, formula", FORMULAS.values(), ids=FORMULAS.keys()
)
soft = pytest.mark.parametrize("relax", SOFT.values(), ids=SOFT.keys())
scores = arrays(np.float64, (2, 3), elements=st.floats(-20, 20, width=16))
Z = torch.tensor([[0.1, -0.2, 0.15], [2.0, -1.0, 0.5]]).double()


def close(actual, expected, error=1e-12):
    torch.testing.assert_close(actual, expected, rtol=error, atol=error)


@every
@given(logits=scores)
def test_the_formula(relax, formula, logits):
    close(relax(torch.tensor(logits)), torch.tensor(formula(logits)))


@every
@given(logits=arrays(np.float64, (2, 3), elements=st.floats(-1e4, 1e4)))
def test_memberships_are_in_0_1(relax, formula, logits):
    for dtype in (torch.float32, torch.float64):
        a = relax(torch.tensor(logits, dtype=dtype))
        assert a.dtype == dtype
        assert ((a >= 0) & (a <= 1)).all()


@pytest.mark.parametrize("relax", [softmax(), softmax(0.1), straight_through()])
@given(logits=arrays(np.float64, (2, 3), elements=st.floats(-1e4, 1e4)))
def test_softmax_and_hard_decisions_are_a_partition(relax, logits):
    close(relax(torch.tensor(logits)).sum(-1), torch.ones(2).double())


@pytest.mark.parametrize(
    "relax", [sigmoid(), amplified(), raised_cosine(), piecewise_linear()]
)
def test_of_two_classes_all_are_a_partition_at_the_middle(relax):
    pair = torch.tensor([[0.3, -0.3], [1.0, -1.0], [0.0, 0.0]]).double()
    close(relax(pair).sum(-1), torch.ones(3).double())


def test_memberships_do_not_lose_precision_on_the_small_side():
    with mp.workdps(40):
        small = [float(1 / (1 + mp.exp(gap))) for gap in (20, 40, 80)]
    pairs = torch.tensor([[-20.0, 0], [-40, 0], [-80, 0]])
    expected = torch.tensor(small, dtype=torch.float64)
    for relax in (softmax(), lambda z: sigmoid()(z[..., :1])):
        a = relax(pairs)[..., 0].double()
        # exp(x) has a relative error of x eps in float32
        assert ((a / expected - 1).abs() <= 81 * 2**-23).all()


@pytest.mark.parametrize("gap", [17.0, 20.0, 40.0])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("name", ["softmax", "sigmoid"])
def test_the_gradient_lives_at_saturation_in_float32(name, sign, gap):
    """`torch.sigmoid` and `torch.softmax` give exactly 0 from a gap of 17."""
    relax = getattr(relaxations, name)()
    with mp.workdps(40):
        expected = float(mp.exp(-gap) / (1 + mp.exp(-gap)) ** 2)
    z = torch.tensor([0.0, sign * gap])
    for which in (0, 1) if name == "softmax" else (1,):
        slope = grad(lambda z, k=which: relax(z)[k])(z)[1].item()
        wanted = expected if which == 1 else -expected
        assert slope == pytest.approx(wanted, rel=1e-5)


def test_the_gradient_of_softmax_lives_among_many_classes():
    z = torch.tensor([20.0, 0.0, -5.0, 1.0])
    single, double = (
        jacrev(softmax())(z.to(t)) for t in (torch.float32, torch.float64)
    )
    torch.testing.assert_close(single.double(), double, rtol=1e-5, atol=0)


def slope_of_binary_logit(relax, z):
    scores = torch.tensor(z, dtype=torch.float64)
    return grad(lambda z: relax(torch.stack([torch.zeros_like(z), z]))[1])(scores)


def test_the_dead_zone_of_amplified_is_as_documented():
    peak = slope_of_binary_logit(amplified(), 0.0)
    close(peak, torch.tensor(73 / 16).double())
    for low, high, share in ((0.32, 0.33, 0.01), (0.45, 0.46, 0.001)):
        assert slope_of_binary_logit(amplified(), low) > share * peak
        assert slope_of_binary_logit(amplified(), high) < share * peak


def test_the_dead_zone_of_raised_cosine_is_as_documented():
    for sign in (1, -1):
        assert slope_of_binary_logit(raised_cosine(), 0.4 * sign) > 0
        assert slope_of_binary_logit(raised_cosine(), 0.41 * sign) == 0


def test_piecewise_linear_is_never_dead_and_meets_its_corners():
    for z in (-8.0, -1.0, 0.0, 1.0, 8.0):
        assert slope_of_binary_logit(piecewise_linear(0.3, 0.1), z) > 0
    p = torch.tensor([1e-12, 0.15, 0.3, 0.45], dtype=torch.float64)
    pairs = torch.stack([1 - p, p], -1).log()
    found = piecewise_linear(0.3, 0.1)(pairs)[:, 1]
    close(found, torch.tensor([0, 0.1, 0.5, 0.9], dtype=torch.float64), 1e-11)


PARAMETERS = {
    "temperature": (lambda x: softmax(x), 0.7),
    "slope": (lambda x: sigmoid(x), 1.3),
    "threshold": (lambda x: sigmoid(1.0, x), 0.2),
    "amplified": (lambda x: amplified(x), 9.0),
    "mean": (lambda x: raised_cosine(x, 0.4), 0.4),
    "width": (lambda x: raised_cosine(0.4, x), 0.4),
    "corner": (lambda x: piecewise_linear(x, 0.2), 0.37),
    "delta": (lambda x: piecewise_linear(0.5, x), 0.2),
    "straight through": (lambda x: straight_through(softmax(x)), 0.7),
}
annealed = pytest.mark.parametrize(
    "build, value", PARAMETERS.values(), ids=PARAMETERS.keys()
)


@annealed
def test_a_parameter_may_be_a_tensor(build, value):
    parameter = torch.tensor(value, dtype=torch.float64)
    close(build(parameter)(Z), build(value)(Z))
    of_many = vmap(lambda x: build(x)(Z))(torch.stack([parameter, parameter]))
    close(of_many[1], build(value)(Z))


@annealed
def test_a_parameter_can_be_learned(build, value):
    parameter = torch.tensor(value, dtype=torch.float64)

    def f(x):
        return build(x)(Z)

    def soft(x):  # finite differences of a hard decision are 0
        hard = (f(x) == 1) | (f(x) == 0)
        return softmax(x)(Z) if hard.all() else f(x)

    slope = jacrev(f)(parameter)
    assert slope.abs().sum() > 0
    close(slope, jacfwd(f)(parameter))
    h = 1e-6
    close(slope, (soft(parameter + h) - soft(parameter - h)) / (2 * h), 1e-8)


@pytest.mark.parametrize("of", [softmax(), sigmoid(2.0), amplified(5.0)])
def test_straight_through_has_the_derivatives_of_the_soft_decision(of):
    relax = straight_through(of)
    assert torch.equal(relax(Z), torch.eye(3).double()[Z.argmax(-1)])
    close(jacrev(relax)(Z), jacrev(of)(Z))
    close(jacfwd(relax)(Z), jacfwd(of)(Z))
    close(hessian(relax)(Z), hessian(of)(Z))


def test_the_first_of_equals_is_decided():
    assert straight_through()(torch.zeros(3)).tolist() == [1, 0, 0]


@soft
def test_derivatives_agree_with_finite_differences(relax):
    z = Z.clone().requires_grad_()
    assert gradcheck(relax, z, check_forward_ad=True)
    assert gradgradcheck(relax, z, fast_mode=True)


@every
def test_under_the_transforms(relax, formula):
    close(vmap(relax)(Z), relax(Z))
    close(jacfwd(relax)(Z), jacrev(relax)(Z))
    each = vmap(hessian(relax))(Z)
    close(each, torch.stack([hessian(relax)(z) for z in Z]))
    assert each.isfinite().all()


@pytest.mark.unchecked
@every
def test_in_one_graph(relax, formula):
    torch._dynamo.reset()
    compiled = torch.compile(relax, fullgraph=True, backend="aot_eager")
    x, same = (Z.clone().requires_grad_() for _ in range(2))
    compiled(x).pow(2).sum().backward()
    relax(same).pow(2).sum().backward()
    close(x.grad, same.grad)


def test_any_callable_serves():
    labels = torch.tensor([0, 2])
    own = costfn.f_beta_loss(Z, labels, relaxation=lambda z: z.softmax(-1))
    close(own, costfn.f_beta_loss(Z, labels))


BAD = [
    *((softmax, {"temperature": x}) for x in (0.0, -1.0, nan)),
    *((sigmoid, {"slope": x}) for x in (0.0, -1.0, nan)),
    (sigmoid, {"threshold": nan}),
    *((amplified, {"slope": x}) for x in (0.0, nan)),
    *((raised_cosine, {"width": x}) for x in (0.0, -0.1, nan)),
    (raised_cosine, {"threshold": nan}),
    *((piecewise_linear, {"threshold": x}) for x in (0.0, 1.0, nan)),
    *((piecewise_linear, {"delta": x}) for x in (0.0, 0.5, nan)),
]


@pytest.mark.unchecked
@pytest.mark.parametrize("build, options", BAD)
def test_bad_parameters_are_refused_by_name(build, options):
    ((name, value),) = options.items()
    with pytest.raises(ValueError, match=rf"^{name} must be .*, got {value}"):
        build(**options)

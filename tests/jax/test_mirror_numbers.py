"""The mirror where floating point is hardest, by the textbook as the core is."""

from functools import partial
from itertools import cycle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import batch_losses
import costfn_jax
from both_libraries import convert
from hard_numbers import EXTREMES, LABELLED, at, derivative, many
from losses import SAMPLE_CASES

# Annotations are of what is asked for, not of what is traced.
pytestmark = [pytest.mark.unchecked, pytest.mark.usefixtures("quick")]

EPS = np.finfo(np.float32).eps
# XLA takes what is below the smallest normal number for 0.
NOTHING = 4 * np.finfo(np.float32).tiny
HALVES = ("float16", "bfloat16")


def function(case):
    return partial(getattr(costfn_jax, case.loss.name), **case.options)


def of_example(case):
    """The loss of each example, or the sum over its labels."""
    if not case.loss.per_label:
        return function(case)
    return lambda *arguments: function(case)(*arguments).sum(-1)


def values_and_gradients(case, problems):
    """Of each problem apart, in float32."""

    def stacked(parts):
        return convert(np.stack(parts), "float32")

    extras = [convert(x, "float32") for x in problems[0].extras]

    def one(logits, target):
        return function(case)(logits, target, *extras).sum()

    return jax.vmap(jax.value_and_grad(one))(
        stacked([x.logits for x in problems]), stacked([x.target for x in problems])
    )


def by_the_book(case, problems):
    values = [np.asarray(case.expected(x)).item() for x in problems]
    return np.array(values), np.stack([derivative(case, x) for x in problems])


@pytest.mark.parametrize("case", LABELLED, ids=repr)
def test_finite_at_the_ends_of_the_scale_and_nan_is_not_hidden(case):
    problems = [at(case, logits, label) for logits in EXTREMES for label in range(3)]
    problems.append(at(case, [0.5, np.nan, -1.0]))
    values, gradients = values_and_gradients(case, problems)
    assert jnp.isfinite(values[:-1]).all()
    assert jnp.isfinite(gradients[:-1]).all()
    assert jnp.isnan(values[-1])
    assert jnp.isnan(gradients[-1]).any()


@pytest.mark.parametrize("case", LABELLED, ids=repr)
def test_a_confident_mistake_has_the_right_gradient(case):
    gaps = [(gap, third) for gap in (20.0, 40.0) for third in (0.5, 39.5, -39.5)]
    problems = [at(case, [0.25, gap, min(third, gap - 0.5)]) for gap, third in gaps]
    values, gradients = values_and_gradients(case, problems)
    expected, derivatives = by_the_book(case, problems)
    # exp(z) is no better than z is: eps times the gap.
    rounding = 2 * EPS * np.array([gap for gap, _ in gaps])
    assert (abs(values - expected) <= rounding * abs(expected)).all()
    derivatives, gradients = (x.reshape(-1, 3) for x in (derivatives, gradients))
    allowed = rounding[:, None] * abs(derivatives).max(1, keepdims=True)
    if not case.loss.log_divergent:
        # The class that takes all the probability: differences of costs of order 1.
        allowed = allowed + [0, 1, 0] * rounding[:, None]
    assert (abs(gradients - derivatives) <= allowed).all()


@pytest.mark.parametrize(
    "case", [case for case in LABELLED if case.loss.vanishes], ids=repr
)
def test_a_confident_hit_keeps_its_small_loss(case):
    """It is made of the other classes' mass, not of what 1 - p has left."""
    shapes = [(gap, third) for gap in (10.0, 20.0, 30.0) for third in (0.0, -2.5)]
    problems = [at(case, [gap, 0.0, third]) for gap, third in shapes]
    values, gradients = values_and_gradients(case, problems)
    expected, derivatives = by_the_book(case, problems)
    np.testing.assert_allclose(values, expected, rtol=1e-5, atol=NOTHING)
    derivatives, gradients = (x.reshape(-1, 3) for x in (derivatives, gradients))
    # The Dice loss of background alone stays at 1: the rounding of a value remains.
    scale = abs(derivatives).max(1, keepdims=True)
    allowed = 1e-5 * scale + 2 * EPS * expected[:, None] + NOTHING
    assert (abs(gradients - derivatives) <= allowed).all()


def assert_rounded_once(loss, given, dtype):
    """The value in this type is that in float64 of the same numbers, rounded."""
    same = [convert(x, dtype) for x in given]
    actual, expected = loss(*same), loss(*[convert(x, "float64") for x in same])
    assert (actual.dtype, expected.dtype) == (dtype, "float64")
    limits = jnp.finfo(dtype)
    last_place = float(limits.eps) * np.maximum(abs(expected), float(limits.tiny))
    off = abs(actual.astype("float64") - expected) / last_place
    assert off.max() <= 0.51, (off.argmax(), off.max())


# One of the two types each: torch has every loss in both.
@pytest.mark.parametrize(
    "case, dtype", list(zip(SAMPLE_CASES, cycle(HALVES))), ids=repr
)
def test_half_precision_is_the_float64_value_rounded_once(case, dtype):
    logits, target, extras = many(case)
    assert_rounded_once(function(case), [logits, target, *extras], dtype)


@pytest.mark.parametrize(
    "one, dtype", list(zip(batch_losses.CASES, cycle(HALVES))), ids=repr
)
def test_so_it_is_for_losses_of_counts(one, dtype):
    loss = partial(getattr(costfn_jax, one.name), **one.options)
    of_cost = one.name in batch_losses.COSTS
    extras = [batch_losses.COST.numpy()] if of_cost else []
    labels = batch_losses.LABELS
    for target in (labels, labels.roll(1, -1)):
        given = [batch_losses.LOGITS.numpy(), target.numpy(), *extras]
        assert_rounded_once(loss, given, dtype)


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_so_it_is_for_their_reduction(reduction, dtype):
    def reduced(losses, weight):
        return costfn_jax.reduce(losses, reduction=reduction, weight=weight)

    for seed in range(20):  # of a few, whose roundings do not even out
        losses, weight = np.random.default_rng(seed).uniform(0, 1, (2, 3))
        assert_rounded_once(reduced, [losses, weight], dtype)


def test_every_option_and_form_is_that_of_torch(sample_case):
    arguments = sample_case.draw(batch=(4,))
    logits, *others = arguments.torch()
    logits.requires_grad_()
    losses = sample_case(logits, *others)
    losses.sum().backward()
    z, target, *extras = [
        convert(x, "float64")
        for x in (arguments.logits, arguments.target, *arguments.extras)
    ]
    values, pull = jax.vjp(lambda z: of_example(sample_case)(z, target, *extras), z)
    np.testing.assert_allclose(values, losses.detach(), rtol=1e-12)
    gradients = pull(jnp.ones_like(values))[0]
    np.testing.assert_allclose(gradients, logits.grad, rtol=1e-11, atol=1e-14)

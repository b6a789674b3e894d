"""The mirror under the transforms of JAX; its numbers are those of the cross-check."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import checkpoint, grad, hessian, jit, jvp, vmap

import batch_losses
import costfn_jax
from both_libraries import convert
from tests.crosscheck._runs import firsts, table

# Annotations are of what is asked for, not of what is traced.
pytestmark = [pytest.mark.unchecked, pytest.mark.usefixtures("quick")]

PROBLEMS = {name: problem for name, (problem, _) in table().items()}
FIRST = {loss: PROBLEMS[name] for loss, name in firsts().items()}


def is_own(p):
    """Not one of the losses of counts, or one that stands for them."""
    return p.name in batch_losses.EXEMPLARS or p.name not in batch_losses.NAMES


FORMS = {
    (p.name, p.kind): p
    for p in reversed(PROBLEMS.values())
    if is_own(p) or p is FIRST[p.name]
}
DTYPES = ("float64", "float32", "bfloat16", "float16")
CLASSES = 3
each_form = pytest.mark.parametrize("problem", FORMS.values(), ids=repr)
each_loss = pytest.mark.parametrize("problem", FIRST.values(), ids=repr)


def all_of(problem, dtype="float32"):
    return [convert(x, dtype) for x in problem.arguments]


def one_of(problem, dtype="float32"):
    one = next(problem.situations())
    return [x if x is None else convert(np.asarray(x), dtype) for x in one]


def shape_and_type(f, *arguments):
    traced = jax.eval_shape(f, *arguments)
    return [(x.shape, x.dtype) for x in jax.tree.leaves(traced)]


@each_form
def test_it_is_traced_under_every_transform(problem):
    logits, *others = one_of(problem)
    rows, *_ = all_of(problem)
    loss = problem.loss(costfn_jax)

    def total(z, *others):
        return loss(z, *others).sum()

    def every(z):
        def f(z):
            return total(z, *others)

        return (
            jit(f)(z),
            grad(jit(f))(z),
            grad(checkpoint(f))(z),
            *jvp(grad(f), (z,), (z,)),
            hessian(f)(z),
        )

    def mapped(*arguments):
        return vmap(grad(total), problem.in_axes)(*arguments)

    shape = logits.shape
    expected = [(), *[shape] * 4, (*shape, *shape)]
    assert shape_and_type(every, logits) == [(s, logits.dtype) for s in expected]
    assert shape_and_type(mapped, *all_of(problem)) == [(rows.shape, rows.dtype)]


@pytest.mark.parametrize("dtype", DTYPES)
@each_form
def test_the_dtype_of_the_logits_is_that_of_loss_and_gradient(problem, dtype):
    logits, *others = one_of(problem, dtype)
    loss = problem.loss(costfn_jax)
    both = jax.value_and_grad(lambda z: loss(z, *others).sum())
    assert shape_and_type(both, logits) == [((), dtype), (logits.shape, dtype)]


NUMBERS = ["focal_loss", "sinkhorn_loss", "f_beta_loss", "lovasz_softmax_loss"]


@pytest.mark.parametrize("loss", NUMBERS)
def test_their_numbers_agree(loss):
    """Batched, vmapped, checkpointed, forward, reverse, jitted or not."""
    problem = FIRST[loss]
    logits, *others = one_of(problem, "float64")

    def f(z):
        return problem.loss(costfn_jax)(z, *others).sum()

    @jit
    def every(z):
        return (
            (f(z), jvp(f, (z,), (z,))[1], grad(checkpoint(f))(z), hessian(f)(z)),
            (
                vmap(f)(z[None])[0],
                (grad(f)(z) * z).sum(),
                grad(f)(z),
                jax.jacrev(jax.jacrev(f))(z),
            ),
        )

    for actual, expected in zip(*every(logits), strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(f(logits), every(logits)[0][0], rtol=1e-12)


LABELLED = [p for p in FIRST.values() if p.kind == "labels" and is_own(p)]


@pytest.mark.parametrize("problem", LABELLED, ids=repr)
def test_a_label_out_of_range(problem):
    """An error where it is seen; under `jit` NaN, in value and in gradient."""
    logits, labels, *extras = all_of(problem, "float64")
    if not problem.batched:
        axes = problem.in_axes[2:]
        logits, labels = logits[0], labels[0]
        extras = [x if a is None else x[0] for x, a in zip(extras, axes, strict=True)]
    loss = problem.loss(costfn_jax)
    classes = 2 if problem.name == "lovasz_hinge_loss" else CLASSES
    both = jit(jax.value_and_grad(lambda z, y: loss(z, y, *extras).sum()))
    value, gradient = both(logits, labels)
    assert jnp.isfinite(value) and jnp.isfinite(gradient).all()
    for label in (-1, classes, -100, 2**31 + 1):
        bad = labels.at[1].set(label)
        with pytest.raises(ValueError, match=r"^target must be labels in \[0, "):
            loss(logits, bad, *extras)
        value, gradient = both(logits, bad)
        assert jnp.isnan(value), label
        assert jnp.isnan(gradient[1]).any(), label


def test_reduce_leaves_out_what_is_masked():
    losses = jnp.asarray([1.0, jnp.nan, 3.0, jnp.inf])
    keep = jnp.asarray([True, False, True, False])
    mean = jit(jax.value_and_grad(lambda x: costfn_jax.reduce(x, where=keep)))
    value, gradient = mean(losses)
    assert value == 2
    np.testing.assert_array_equal(gradient, [0.5, 0, 0.5, 0])

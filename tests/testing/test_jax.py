"""The contract for JAX losses: the same clauses, the same words."""

import ast
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from costfn.testing import LossContractError, assert_loss_contract
from new_interpreter import run

# It traces and compiles what jaxtyping would wrap.
pytestmark = [pytest.mark.slow, pytest.mark.unchecked, pytest.mark.usefixtures("quick")]

LOGITS = np.array(
    [[0.0, 0.0, 0.0], [4.0, -3.0, 0.5], [-6.0, 7.0, 6.5], [1.0, 2.0, 3.0]]
)
NUMBERS = (np.array([1.0, -2.0]), np.array([0.0, 0.5]))
BATCH = (LOGITS, np.array([0, 1, 1, 1]))
SOFT = (LOGITS, np.array([[0.5, 0.25, 0.25], [0, 1, 0], [0.75, 0, 0.25], [0, 0, 1]]))


def of_label(values, labels):
    """The entry of each label, NaN in value and gradient if there is none."""
    hot = (labels[:, None] == jnp.arange(values.shape[-1])).astype(values.dtype)
    return (jnp.where(hot.any(-1, keepdims=True), hot, jnp.nan) * values).sum(-1)


def wide(logits):
    return logits.astype(jnp.promote_types(logits.dtype, jnp.float32))


def good(logits, labels):
    log_probs = jax.nn.log_softmax(wide(logits))
    return -of_label(log_probs, labels).astype(logits.dtype)


def dtype(logits, labels):
    return good(logits, labels) * jnp.ones((), "float32")


def saturation(logits, labels):
    probs = jax.nn.softmax(wide(logits))
    return -jnp.log(of_label(probs, labels)).astype(logits.dtype)


def alive(logits, labels):
    return good(jax.lax.stop_gradient(logits), labels)


@jax.custom_jvp
def slightly_wrong(losses):
    return losses


slightly_wrong.defjvp(lambda p, t: (p[0], 1.0001 * t[0]))


def gradient(logits, labels):
    return slightly_wrong(good(logits, labels))


@jax.custom_vjp
def square(x):
    return x * x


square.defvjp(lambda x: (x * x, x), lambda x, g: (2 * x * g,))


def forward_mode(logits, labels):
    return good(logits, labels) + square(logits).sum(-1) / 128


def bad_labels(logits, labels):
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels)


# Each is a compilation or two.
SLOW = ("precision", "hessian", "vmap", "compiled", "independence")
FAULTS = (dtype, saturation, alive, gradient, forward_mode, bad_labels)


def check(loss, inputs=BATCH, **options):
    return assert_loss_contract(loss, inputs, max_examples=4, **options)


def broken(loss, inputs=BATCH, **options):
    with pytest.raises(LossContractError) as caught:
        check(loss, inputs, **options)
    return caught.value.broken


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_breaks_its_clause(fault):
    """And no other of a few: that it breaks no other at all is seen with torch."""
    assert set(broken(fault, skip=SLOW)) == {fault.__name__}


def test_a_random_loss():
    def random(logits, labels):
        return good(logits, labels) * np.random.default_rng().uniform()

    assert set(broken(random)) == {"pure"}


def test_a_branch_on_values_can_be_neither_mapped_nor_traced():
    def branching(logits, labels):
        if logits.max() > 1e9:
            raise ValueError("diverged")
        return good(logits, labels)

    found = broken(branching, skip=("precision", "hessian"))
    assert set(found) == {"vmap", "compiled", "reverse_mode"}  # by jax.checkpoint
    assert "TracerBoolConversionError" in found["compiled"]


def test_a_branch_on_what_all_examples_share_can_be_mapped():
    def branching(logits, labels, weight):
        return good(logits, labels) * (2.0 if weight > 1 else 1.0)

    rest = ("precision", "hessian", "independence")
    assert set(broken(branching, (*BATCH, np.array(0.5)), skip=rest)) == {
        "compiled",
        "reverse_mode",
    }


def test_a_good_loss():
    claims = {"non_negative": True, "zero_at_perfect": True, "shift_invariant": True}
    report = check(good, lower_is_better=True, **claims)
    assert report.left_out == {"permutation": "one loss per example"}


def test_optax():
    claims = {"shift_invariant": True, "lower_is_better": True}
    assert (
        "compiled"
        in check(optax.softmax_cross_entropy, SOFT, task="soft", **claims).kept
    )


@pytest.mark.parametrize("x64", [False, True])
def test_what_the_user_has_set_stays_as_it_is(x64):
    def either(scores, target):
        assert jnp.zeros(()).dtype == ("float64" if scores.dtype == "float64" else own)
        return (scores - target) ** 2

    with jax.enable_x64(x64):
        own = jnp.zeros(()).dtype
        check(either, NUMBERS, task="regression", framework="jax", skip=SLOW)
        assert jax.config.jax_enable_x64 is x64
        assert jnp.zeros(()).dtype == ("float64" if x64 else "float32")


def test_the_framework_may_be_given():
    def either(scores, target):
        return (scores - target) ** 2

    of = partial(check, either, NUMBERS, task="regression", skip=SLOW)
    assert of() == of(framework="torch") == of(framework="jax")


def test_a_torch_loss_imports_no_jax():
    found = run(
        "import costfn.testing as t, costfn\n"
        "t.assert_loss_contract(costfn.focal_loss, skip=('compiled', 'forward_mode'),\n"
        "    max_examples=1)\n"
        "print([m for m in sys.modules if m.startswith('jax') and 'typing' not in m])"
    )
    assert found.returncode == 0, found.stderr
    assert ast.literal_eval(found.stdout) == []

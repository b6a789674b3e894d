"""Planted faults in JAX, each named by its clause, and optax held without fault."""

from functools import partial

import pytest

pytest.importorskip("jax", reason="the extra jax is not installed")

import jax
import jax.numpy as jnp
import numpy as np
import optax
from torch.nn import functional

import costfn_jax
from costfn.testing import LossContractError, assert_loss_contract
from planted_faults import BINARY, LABELS, NUMBERS, SEVERAL, SOFT

# It traces what jaxtyping would wrap.
pytestmark = [pytest.mark.slow, pytest.mark.unchecked, pytest.mark.usefixtures("quick")]

# Each is a compilation or two, and tried in `test_testing_jax.py`.
SLOW = ("hessian", "vmap", "per_sample_gradients", "compiled", "reverse_mode")


def log_p(logits, labels):
    hot = (labels[:, None] == jnp.arange(logits.shape[-1])).astype(logits.dtype)
    hot = jnp.where(hot.any(-1, keepdims=True), hot, jnp.nan)
    wide = logits.astype(jnp.promote_types(logits.dtype, jnp.float32))
    return (hot * jax.nn.log_softmax(wide)).sum(-1).astype(logits.dtype)


def column_and_row(prediction, target):
    return ((prediction[:, None] - target) ** 2).mean()


def dead_below_one_percent(logits, labels):
    return -jnp.log(jnp.maximum(jnp.exp(log_p(logits, labels)), 0.01))


def temperature(logits, labels):
    return -log_p(logits / 2, labels)


def hits_counted(logits, labels):
    hits = (logits.argmax(-1) == labels).astype(logits.dtype)
    return -log_p(logits, labels).mean() - hits.mean() / 8


def double_softmax(logits, labels):
    return -log_p(jax.nn.softmax(logits), labels)


def reversed_kl(logits, probs):
    log_probs, wanted = jax.nn.log_softmax(logits), jnp.maximum(probs, 2.0**-10)
    return (jnp.exp(log_probs) * (log_probs - jnp.log(wanted))).sum(-1)


def swapped_arguments(scores, target):
    error = jnp.maximum(0.75 * (scores - target), 0.25 * (target - scores))
    return error


def huber_with_a_jump(prediction, target):
    error = jnp.abs(prediction - target)
    return jnp.where(error < 1, error**2 / 2, error)


def a_class_without_loss(logits, labels):
    return -log_p(logits, labels) * (labels != 2)


def only_class_0_learns(logits, labels):
    return jax.nn.softplus(logits[:, 0]) - logits[:, 0] * (labels == 0)


def sum_for_mean(logits, labels):
    return -log_p(logits, labels).sum()


def mean_over_one_more(logits, labels):
    return -log_p(logits, labels).sum() / (len(labels) + 1)


def sum_kept_in_half_precision(prediction, target):
    squares = (prediction - target) ** 2
    total, _ = jax.lax.scan(
        lambda total, one: (total + one, None), jnp.zeros_like(squares[0]), squares
    )
    return total / len(target)


def cast_to_single(prediction, target):
    error = prediction.astype(jnp.float32) - target.astype(jnp.float32)
    return (error**2).astype(prediction.dtype)


def quantile(prediction, target):
    """In NumPy, as the textbook has it."""
    error = target - prediction
    return np.where(error > 0, 0.75 * error, -0.25 * error)


def kullback_leibler(logits, probs):
    shares = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    safe = np.where(probs > 0, probs, 1)
    return (probs * (np.log(safe) - np.log(shares))).sum(-1)


PLANTS = [
    (column_and_row, NUMBERS, "paired"),
    (dead_below_one_percent, {**SEVERAL, "alive_when_wrong": True}, "alive_when_wrong"),
    (
        temperature,
        {**SEVERAL, "reference": partial(functional.cross_entropy, reduction="none")},
        "reference",
    ),
    (hits_counted, SEVERAL, "continuous"),
    (double_softmax, {**SEVERAL, "zero_at_perfect": True}, "zero_at_perfect"),
    (reversed_kl, {**SOFT, "reference": kullback_leibler}, "reference"),
    (swapped_arguments, {**NUMBERS, "reference": quantile}, "reference"),
    (huber_with_a_jump, NUMBERS, "continuous"),
    (a_class_without_loss, SEVERAL, "every_class"),
    (only_class_0_learns, SEVERAL, "every_class"),
    (sum_for_mean, {**SEVERAL, "mean_of_examples": True}, "mean_of_examples"),
    (mean_over_one_more, {**SEVERAL, "repetition_invariant": True}, None),
    (sum_kept_in_half_precision, NUMBERS, "precision"),
    (cast_to_single, NUMBERS, "dtype"),
]


def check(loss, *, skip=(), inputs, **options):
    return assert_loss_contract(
        loss, inputs, skip=(*SLOW, *skip), max_examples=3, **options
    )


@pytest.mark.parametrize(
    "loss, options, clause", PLANTS, ids=[row[0].__name__ for row in PLANTS]
)
def test_a_planted_fault_is_named_by_its_clause(loss, options, clause):
    clause = clause or "repetition_invariant"
    # Half precision has its own rows: each dtype is two more compilations.
    skip = () if clause in ("precision", "dtype") else ("precision", "dtype")
    with pytest.raises(LossContractError) as caught:
        check(loss, skip=skip, framework="jax", **options)
    assert clause in caught.value.broken, str(caught.value)


PRACTICE = {
    "squared_error": (optax.squared_error, NUMBERS),
    "huber_loss": (optax.huber_loss, NUMBERS),
    "log_cosh": (optax.log_cosh, NUMBERS),
    "absolute, mean": (lambda p, t: jnp.abs(p - t).mean(), NUMBERS),
    "sigmoid_binary_cross_entropy": (optax.sigmoid_binary_cross_entropy, BINARY),
    "sigmoid_focal_loss": (optax.losses.sigmoid_focal_loss, BINARY),
    "softmax_cross_entropy": (optax.softmax_cross_entropy, SOFT),
    "softmax_cross_entropy, mean": (
        lambda z, q: optax.softmax_cross_entropy(z, q).mean(),
        {**SOFT, "mean_of_examples": True, "repetition_invariant": True},
    ),
    "with_integer_labels": (
        optax.softmax_cross_entropy_with_integer_labels,
        {**SEVERAL, "skip": ("bad_labels",), "alive_when_wrong": True},
    ),
    "focal": (
        costfn_jax.focal_loss,
        {**SEVERAL, "zero_at_perfect": True, "alive_when_wrong": True},
    ),
    "log_p": (
        lambda z, y: -log_p(z, y),
        {**SEVERAL, "reference": partial(functional.cross_entropy, reduction="none")},
    ),
}


@pytest.mark.parametrize("name", PRACTICE)
def test_a_loss_of_practice_is_held_without_a_false_alarm(name):
    loss, options = PRACTICE[name]
    report = check(loss, framework="jax", **options)
    assert {"alive", "continuous", "precision", "paired"} <= set(report.kept)


def test_group_names_in_jax():
    def pulled_together(points, groups):
        distance = ((points[:, None] - points) ** 2).sum(-1)
        alike = groups[:, None] == groups
        return jnp.where(alike, distance, jnp.maximum(4 - distance, 0)).mean()

    report = check(pulled_together, inputs=LABELS, skip=("precision",))
    assert report.left_out["bad_labels"] == "the labels are names of groups"

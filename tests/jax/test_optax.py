"""Where optax has the loss too, the same numbers; where optax has a defect, none here.

The defects are those of optax 0.2.8; each test first shows that it is still there, so
that one which is mended upstream can be taken off this list.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import costfn_jax

pytestmark = pytest.mark.shapes

RNG = np.random.default_rng(0)
LOGITS = jnp.array(4 * RNG.standard_normal((6, 4)))
LABELS = jnp.array([0, 1, 2, 3, 1, 1])
PROBS = jnp.array(RNG.dirichlet(np.ones(4), 6))
SCORES = jnp.array(4 * RNG.standard_normal(6))
TRUTH = jnp.array([1, 0, 1, 1, 0, 0])
ZERO_ONE = costfn_jax.costs.zero_one(2)


def two_classes(scores):
    return jnp.stack([jnp.zeros_like(scores), scores], -1)


def cross_entropy(logits, labels):
    return costfn_jax.focal_loss(logits, labels, gamma=0.0)


PAIRS = {
    "softmax cross entropy of labels": (
        lambda z: cross_entropy(z, LABELS),
        lambda z: optax.softmax_cross_entropy_with_integer_labels(z, LABELS),
        LOGITS,
    ),
    "softmax cross entropy of probabilities": (
        lambda z: costfn_jax.soft_target_loss(z, PROBS),
        lambda z: optax.softmax_cross_entropy(z, PROBS),
        LOGITS,
    ),
    "divergence": (
        lambda z: costfn_jax.soft_target_loss(z, PROBS, divergence="kl"),
        lambda z: optax.kl_divergence(jax.nn.log_softmax(z), PROBS),
        LOGITS,
    ),
    "sigmoid cross entropy": (
        lambda z: cross_entropy(two_classes(z), TRUTH),
        lambda z: optax.sigmoid_binary_cross_entropy(z, TRUTH.astype(z.dtype)),
        SCORES,
    ),
    "focal": (
        lambda z: costfn_jax.focal_loss(two_classes(z), TRUTH),
        lambda z: optax.sigmoid_focal_loss(z, TRUTH.astype(z.dtype)),
        SCORES,
    ),
    "focal of labels one by one": (
        lambda z: costfn_jax.sigmoid_focal_loss(z, TRUTH),
        lambda z: optax.sigmoid_focal_loss(z, TRUTH.astype(z.dtype), alpha=0.25),
        SCORES,
    ),
    "hinge": (
        lambda z: costfn_jax.cost_hinge_loss(two_classes(z), TRUTH, ZERO_ONE),
        lambda z: optax.hinge_loss(z, 2.0 * TRUTH - 1),
        SCORES,
    ),
    "dice": (
        lambda z: costfn_jax.dice_loss(z, TRUTH, task="binary", average="binary"),
        lambda z: optax.losses.dice_loss(
            z[:, None], TRUTH[:, None].astype(z.dtype), smooth=0.0, axis=0
        ),
        SCORES,
    ),
    "dice of classes": (
        lambda z: costfn_jax.dice_loss(z, LABELS),
        lambda z: optax.losses.dice_loss(
            z, jax.nn.one_hot(LABELS, 4), smooth=0.0, axis=0, apply_softmax=True
        ),
        LOGITS,
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_equal_where_both_have_it(name):
    ours, theirs, scores = PAIRS[name]
    np.testing.assert_allclose(ours(scores), theirs(scores), rtol=1e-12)

    def gradient(loss):
        return jax.grad(lambda z: loss(z).sum())(scores)

    np.testing.assert_allclose(gradient(ours), gradient(theirs), rtol=1e-9, atol=1e-15)


def test_dice_of_probabilities_can_be_jitted():
    probs = jax.nn.softmax(LOGITS)
    hot = jax.nn.one_hot(LABELS, 4)
    with pytest.raises(jax.errors.TracerBoolConversionError):
        jax.jit(lambda p: optax.losses.dice_loss(p, hot, apply_softmax=False))(probs)

    def ours(p):
        return costfn_jax.dice_loss(p, LABELS, relaxation=lambda p: p)

    np.testing.assert_allclose(jax.jit(ours)(probs), ours(probs), rtol=1e-12)


def test_binary_dice_takes_probabilities():
    probs = jax.nn.sigmoid(SCORES)
    with pytest.raises(ValueError):
        optax.losses.binary_dice_loss(
            probs, TRUTH.astype(probs.dtype), apply_sigmoid=False
        )
    counts = costfn_jax.counts(probs, TRUTH, task="binary")
    dice = costfn_jax.metrics.dice(counts, average="binary")
    loss = costfn_jax.dice_loss(SCORES, TRUTH, task="binary", average="binary")
    np.testing.assert_allclose(1 - dice, loss, rtol=1e-12)


def test_an_absent_class_does_not_take_all_weight_in_generalized_dice():
    present = jnp.array([0, 1, 1, 0, 1, 1])
    logits = LOGITS[:, :3]
    theirs = optax.losses.multiclass_generalized_dice_loss(
        logits, jax.nn.one_hot(present, 3), apply_softmax=True
    )
    ours = costfn_jax.generalized_dice_loss(logits, present)
    p, t = jax.nn.softmax(logits), jax.nn.one_hot(present, 3)
    w = jnp.array([1 / 4, 1 / 16, 1 / 4])  # as much as the smallest that is there
    by_hand = 1 - 2 * (w * (p * t).sum(0)).sum() / (w * (p + t).sum(0)).sum()
    np.testing.assert_allclose(ours, by_hand, rtol=1e-9)
    assert abs(theirs - by_hand) > 0.1


@pytest.mark.parametrize("label", [-1, -100, 4])
def test_a_label_out_of_range_is_never_another_class(label):
    logits, labels = LOGITS[:1], jnp.array([label])
    theirs = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
    if label == -1:
        assert jnp.isfinite(theirs).all()  # the last class's
    with pytest.raises(ValueError, match="labels in"):
        cross_entropy(logits, labels)
    value, gradient = jax.jit(
        jax.value_and_grad(lambda z, y: cross_entropy(z, y).sum())
    )(logits, labels)
    assert jnp.isnan(value)
    assert jnp.isnan(gradient).all()


def test_a_mask_makes_no_loss_negative():
    keep = jnp.array([[False, True, True, True]])
    logits, labels = jnp.array([[5.0, 0.0, 0.0, 0.0]]), jnp.array([0])
    theirs = optax.softmax_cross_entropy_with_integer_labels(logits, labels, where=keep)
    assert theirs < 0
    masked = costfn_jax.reduce(cross_entropy(logits, labels), where=jnp.array([False]))
    assert masked == 0


def test_an_infinite_score_on_the_right_side_costs_nothing():
    theirs = optax.sigmoid_binary_cross_entropy(jnp.array(jnp.inf), jnp.array(1.0))
    assert jnp.isnan(theirs)
    ours = costfn_jax.logit_adjusted_loss(
        jnp.array([0.0, jnp.inf]), jnp.array(1), jnp.ones(2)
    )
    assert ours == 0


@pytest.mark.unchecked  # jaxtyping refuses it before we do
def test_hinge_takes_labels_and_nothing_that_looks_like_them():
    theirs = optax.hinge_loss(jnp.array(2.0), jnp.array(0.0))
    assert theirs == 1  # for a label 0 in place of -1, whatever the score
    with pytest.raises(TypeError, match="labels stored as floats"):
        costfn_jax.cost_hinge_loss(jnp.array([0.0, 2.0]), jnp.array(0.0), ZERO_ONE)

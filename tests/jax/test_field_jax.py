"""The mirror's twin of `test_field.py`: one test for each kind of report, K of JAX.

Hidden values are hidden by `jit`, as users hide them. Where torch gave the right value
there, it is the authority here only in float64 and where an oracle says the same.
"""

import copy
import math
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax import grad, jit, value_and_grad, vmap
from sklearn import metrics as sk

import costfn_jax as costfn
from costfn_jax import relaxations
from costfn_jax.relaxations import (
    amplified,
    piecewise_linear,
    raised_cosine,
    sigmoid,
    softmax,
    straight_through,
)

# Annotations are of what is asked for, not of what is traced or refused.
pytestmark = [pytest.mark.slow, pytest.mark.unchecked, pytest.mark.usefixtures("quick")]

rng = np.random.default_rng(0)
Z = jnp.asarray(rng.normal(size=(8, 3)))
Y = jnp.array([0, 1, 2, 0, 1, 2, 0, 1])
COST = jnp.asarray([[0.0, 1.0, 4.0], [2.0, 0.0, 1.0], [5.0, 3.0, 0.0]])
NAN = float("nan")
close = np.testing.assert_allclose


def near(value, expected, error=1e-12):
    assert float(value) == pytest.approx(float(expected), abs=error)


def under_jit(loss, z, *hidden):
    """Value and gradient in the logits, with nothing to be seen."""
    both = jit(value_and_grad(lambda z, *rest: loss(z, *rest).sum()))
    return tuple(np.asarray(x) for x in both(z, *hidden))


# Wrong numbers


def test_1_specificity_of_memberships_that_do_not_sum_to_1():
    """By the definition 1 - TN / (TN + FP), each summed from the memberships."""
    z = jnp.full((8, 3), 9.0)
    found = costfn.specificity_loss(z, Y, relaxation=sigmoid())
    near(found, 1 / (1 + math.exp(-9)))


RELAXATIONS = [
    softmax(),
    sigmoid(),
    amplified(),
    raised_cosine(),
    piecewise_linear(),
    straight_through(),
]


@pytest.mark.parametrize(
    "relax, classes",
    list(zip(RELAXATIONS, (2, 3, 5, 2, 3, 5), strict=True)),
    ids=repr,
)
def test_1_rates_by_four_cells(relax, classes):
    """Their gradients pointed the other way; markedness passed its range of 2."""
    y = jnp.arange(15) % classes
    # Each class is decided for, and now and then by mistake.
    near_by = jax.nn.one_hot((y + (jnp.arange(15) % 4 == 0)) % classes, classes)
    noise = np.random.default_rng(classes).normal(size=(15, classes))
    z = 2 * near_by.astype(float) + 0.3 * noise
    truth = jax.nn.one_hot(y, classes, dtype=z.dtype)

    def cells(z):
        a = relax(z)
        tp, fp = (a * truth).sum(0), (a * (1 - truth)).sum(0)
        fn, tn = ((1 - a) * truth).sum(0), ((1 - a) * (1 - truth)).sum(0)
        return tp, fp, fn, tn

    def specificity(z):
        _, fp, _, tn = cells(z)
        return 1 - (tn / (tn + fp)).mean()

    def informedness(z):
        tp, fp, fn, tn = cells(z)
        return 1 - (tp / (tp + fn) + tn / (tn + fp) - 1).mean()

    def markedness(z):
        tp, fp, fn, tn = cells(z)
        return 1 - (tp / (tp + fp) + tn / (tn + fn) - 1).mean()

    for reference in (specificity, informedness, markedness):
        loss = getattr(costfn, f"{reference.__name__}_loss")
        value, slope = value_and_grad(lambda z, f=loss: f(z, y, relaxation=relax))(z)
        expected, right = value_and_grad(reference)(z)
        near(value, expected)
        close(slope, right, rtol=1e-10, atol=1e-13)
        assert 0 <= value <= 2
    assert 0 <= costfn.mcc_loss(z, y, relaxation=relax) <= 2


def test_2_gradients_of_lovasz_in_float32():
    """4.4 % off on eight images of 512 x 512. Truth: Berman's formula in float64."""
    n = 8 * 512 * 512
    z = rng.normal(size=n).astype(np.float32)
    y = rng.random(n) < 0.3
    slope = jit(grad(costfn.lovasz_hinge_loss))(jnp.asarray(z), jnp.asarray(y))
    truth = berman(z.astype(np.float64), y)
    off = np.linalg.norm(np.asarray(slope, np.float64) - truth)
    assert off / np.linalg.norm(truth) < 1e-5


def berman(z, y):
    signs = 2.0 * y - 1
    errors = 1 - z * signs
    order = np.argsort(-errors, kind="stable")
    truth = y[order].astype(float)
    left, union = truth.sum() - truth.cumsum(), truth.sum() + (1 - truth).cumsum()
    steps = np.empty(len(z))
    steps[order] = np.diff(1 - left / union, prepend=0.0)
    return -signs * steps * (errors > 0)


def test_3_and_k1_examples_beyond_2_to_the_24_are_counted():
    """A product of matrices adds one by one in float32 and stops at 16,777,216."""
    n = 2**24 + 2**10
    labels = jnp.zeros(n, jnp.int32)
    soft = jnp.broadcast_to(jnp.array([0.5, 0.5], jnp.float32), (n, 2))
    both = jit(lambda a, y: (costfn.confusion_matrix(a, y), costfn.counts(a, y)))
    matrix, counts = both(soft, labels)
    assert matrix.dtype == counts.total.dtype == jnp.float32
    assert matrix[0, 0] == counts.predicted[1] == n / 2
    assert counts.actual[0] == counts.total == n


LARGE = ["f_beta_loss", "mcc_loss", "regret_loss", "normalized_cost_loss"]


@pytest.mark.parametrize("name", LARGE)
def test_k1_large_batches_in_float32(name):
    """Macro F at 4.2 million was 0.5345, right 0.5367; gradients off by 0.3 %.

    Truth: the same in float64.
    """
    n = 2**21 + 5
    z = jnp.asarray(rng.normal(size=(n, 2)), jnp.float32)
    y = jnp.asarray(rng.integers(2, size=n), jnp.int32)
    options = {"cost": COST[:2, :2]} if "cost" in name or "regret" in name else {}
    loss = getattr(costfn, name)
    both = jit(value_and_grad(lambda z: loss(z, y, **options)))
    value, slope = both(z)
    expected, right = both(z.astype(jnp.float64))
    assert float(value) == pytest.approx(float(expected), rel=1e-6)
    close(slope, right, rtol=0, atol=2e-6 * float(abs(right).max()))


def test_k1_a_mean_of_many_losses():
    n = 2**21 + 5
    losses = jnp.full(n, 0.1, jnp.float32)
    for reduction, times in (("mean", 1), ("sum", n)):
        found = jit(lambda x, r=reduction: costfn.reduce(x, reduction=r))(losses)
        expected = times * float(jnp.float32(0.1))
        assert float(found) == pytest.approx(expected, rel=1e-6)


def test_4_a_common_offset_of_the_logits_changes_nothing():
    """It cost 9e-4 at +3e4 in float32. Truth: optax's cross entropy in float64."""
    z = jnp.round(Z.astype(jnp.float32) * 8) / 8  # exact with the offset too
    expected = optax.softmax_cross_entropy_with_integer_labels(z.astype(float), Y)
    q = jax.nn.one_hot(Y, 3, dtype=z.dtype)
    for target in (Y, q):

        def loss(z, target=target):
            return costfn.focal_loss(z, target, gamma=0.0)

        close(loss(z + 3e4), expected, rtol=1e-6, atol=1e-6)
        assert abs(grad(lambda z: loss(z).sum())(z + 3e4).sum(-1)).max() < 1e-6


@pytest.mark.parametrize("loss", [costfn.softmax_margin_loss, costfn.cost_hinge_loss])
def test_4_nor_to_margins(loss):
    """A cost added to a logit of 3e4 in float32 is rounded to 2e-3."""
    z = jnp.round(Z.astype(jnp.float32) * 8) / 8
    cost = COST.astype(jnp.float32) / 10
    for target in (Y, jax.nn.one_hot(Y, 3, dtype=z.dtype)):
        wide = target if target is Y else target.astype(float)
        expected = loss(z.astype(float), wide, cost.astype(float))
        close(loss(z + 3e4, target, cost), expected, rtol=1e-5, atol=1e-6)


def test_5_a_learned_risk_starts_to_move_at_0():
    """Its gradient there is half the variance of the cost; it was exactly 0."""

    def loss(risk):
        return costfn.expected_cost_loss(Z, Y, COST, risk=risk).sum()

    p = jax.nn.softmax(Z)
    mean = (p * COST[Y]).sum(-1)
    variance = (p * (COST[Y] - mean[:, None]) ** 2).sum(-1)
    value, slope = jit(value_and_grad(loss))(0.0)
    near(value, mean.sum())
    near(slope, variance.sum() / 2)
    step = 1e-4  # near 0 too, by finite differences
    middle = (loss(0.3 + step) - loss(0.3 - step)) / (2 * step)
    near(grad(loss)(jnp.asarray(0.3)), middle, 1e-6)


@pytest.mark.parametrize("classes", [33, 100, 1000])
def test_6_among_equals_the_first_decision_wins(classes):
    """Of uniform probabilities in float32 it was decision 32 of 33."""
    probs = jnp.full((classes,), 1 / classes, jnp.float32)
    cost = costfn.costs.zero_one(classes).astype(jnp.float32)
    assert costfn.decisions.minimum_cost_decision(probs, cost) == 0


def test_7_logits_are_not_counted():
    """They gave an F1 of 2.81 and a cell of -3."""
    logits, labels = jnp.array([[5.0, -3.0], [0.2, 4.0]]), jnp.array([0, 1])
    for count in (costfn.counts, costfn.confusion_matrix):
        with pytest.raises(ValueError, match=r"memberships in \[0, 1\].*relaxation"):
            count(logits, labels)
        for hidden in jax.tree.leaves(jit(count)(logits, labels)):
            assert hidden.ndim == 0 or jnp.isnan(hidden).any()
            break
    with pytest.raises(ValueError, match="decisions must be"):
        costfn.counts(jnp.array([[3, 0]]), jnp.array([[1, 0]]), task="multilabel")


def test_8_a_perfect_prediction_costs_nothing():
    """A diagonal of 1 made it 0.27; weights of a negative count were [0, 1]."""
    cost = COST.at[1, 1].set(1.0)
    loss = costfn.generalized_wasserstein_dice_loss
    with pytest.raises(ValueError, match="cost must be 0 on its diagonal"):
        loss(Z, Y, cost)
    value, slope = under_jit(loss, Z, Y, cost)
    assert np.isnan(value) and np.isnan(slope).any()
    with pytest.raises(ValueError, match="counts must be at least 0"):
        costfn.class_balanced_weights(jnp.array([-3, 5]), beta=0.9)


def test_9_rounding_below_0_of_a_probability_counts_as_0():
    q, clean = jnp.array([[-4e-4, 0.5, 0.5004]]), jnp.array([[0.0, 0.5, 0.5]])
    for loss in (
        lambda q: costfn.sinkhorn_loss(Z[:1], q, COST, epsilon=1.0),
        lambda q: costfn.soft_target_loss(Z[:1], q, divergence="kl"),
    ):
        near(loss(q)[0], loss(clean)[0], 2e-3)


@pytest.mark.parametrize("size", [1e-30, 1e-20, 1e30])
def test_9_equal_weights_of_any_size_change_no_mean(size):
    """Of 1e-20 in float32 the F1 loss was 1, and its gradient 0."""
    z, weight = Z.astype(jnp.float32), jnp.full(8, size, jnp.float32)
    for name in ("f_beta_loss", "fowlkes_mallows_loss", "mcc_loss", "g_mean_loss"):
        loss = getattr(costfn, name)
        value, slope = value_and_grad(lambda z, f=loss: f(z, Y, sample_weight=weight))(
            z
        )
        expected, right = value_and_grad(lambda z, f=loss: f(z, Y))(z)
        near(value, expected, 1e-6)
        close(slope, right, rtol=1e-4, atol=1e-6)
    near(costfn.reduce(z[:, 0], weight=weight), z[:, 0].mean(), 1e-6)


def test_9_weights_beyond_the_dtype_of_the_losses():
    """1e39 in float64 for losses in float32 was NaN."""
    losses, weight = jnp.array([1.0, 3.0], jnp.float32), jnp.array([1e39, 3e39])
    near(costfn.reduce(losses, weight=weight), 2.5, 1e-6)


# Silent where the value cannot be seen


@pytest.mark.parametrize(
    "task, target", [("binary", [1, 255, 0]), ("multilabel", [[1], [-1], [0]])]
)
def test_10_marks_of_the_unknown_are_no_targets(task, target):
    y = jnp.array(target)
    z = jnp.array([2.0, -1.0, 0.5]).reshape(y.shape)
    for kind in (y, y.astype(z.dtype)):
        for loss in (costfn.f_beta_loss, costfn.recall_loss):
            found, slope = under_jit(lambda z, y, f=loss: f(z, y, task=task), z, kind)
            assert np.isnan(found) and np.isnan(slope[1]).all()


@pytest.mark.parametrize(
    "name", ["normalized_cost_loss", "savings_loss", "regret_loss"]
)
def test_11_an_unknown_cost_is_not_a_cost_of_0(name):
    value, slope = under_jit(getattr(costfn, name), Z, Y, COST.at[0, 1].set(NAN))
    assert np.isnan(value) and np.isnan(slope).any()


def test_12_negative_integers_are_as_bad_as_negative_floats():
    """log_cost_loss of [[0, -1], [5, 0]] was [-0.127, 10.63]; the mean was 2.5."""
    cost = jnp.array([[0, -1], [5, 0]])
    z = jnp.array([[2.0, 0.0], [2.0, 0.0]])
    assert jnp.isnan(jit(costfn.log_cost_loss)(z, jnp.array([0, 1]), cost)[0])
    mean = jit(lambda w: costfn.reduce(jnp.array([1.0, 2.0]), weight=w))
    assert jnp.isnan(mean(jnp.array([-1, 3])))


def test_13_what_is_no_probability_reaches_the_gradient():
    q = jax.nn.one_hot(Y, 3, dtype=Z.dtype).at[1].set(0.9)
    for name in ("accuracy_loss", "recall_loss", "f_beta_loss"):
        value, slope = under_jit(getattr(costfn, name), Z, q)
        assert np.isnan(value) and np.isnan(slope[1]).all()


def test_13_negative_targets_bad_mixtures_and_unknown_logits():
    """They gave 999999, a plausible row, and 0.667."""
    error = jit(lambda p, t: costfn.q_error_loss(p, t, log_space=False))
    found = error(jnp.array([1.0, 2.0]), jnp.array([-1.0, 2.0]))
    assert jnp.isnan(found).tolist() == [True, False]
    mixing = jnp.array([[0.8, 0.2], [0.3, 0.7]])
    assert jnp.isnan(jit(costfn.unmix)(jnp.array([[0.9, 0.9]]), mixing)).all()
    z = Z.at[1, 0].set(NAN)
    for relax in (raised_cosine(), amplified(), piecewise_linear()):
        assert jnp.isnan(relax(z)[1]).all()
        slope = grad(lambda z, r=relax: costfn.dice_loss(z, Y, relaxation=r))(z)
        assert jnp.isnan(slope[1]).any()


# Masks, images, averages

IMAGES = jnp.asarray(rng.normal(size=(4, 6, 3)))
PIXELS = jnp.arange(24).reshape(4, 6) % 3


def test_14_images_ignored_altogether_dilute_nothing():
    """Three void images of four: 0.905 where 0.621 is right, a quarter of the slope."""
    where = jnp.zeros((4, 6), bool).at[0].set(True)
    for loss in (costfn.dice_loss, costfn.mcc_loss, costfn.generalized_dice_loss):

        def of_all(z, f=loss):
            return f(z, PIXELS, scope="example", where=where)

        def alone(z, f=loss):
            return f(z[:1], PIXELS[:1], scope="example")

        value, slope = jit(value_and_grad(of_all))(IMAGES)
        expected, right = jit(value_and_grad(alone))(IMAGES)
        near(value, expected)
        close(slope, right, rtol=1e-10, atol=1e-14)


def test_15_where_a_class_is_absent_its_images_are_left_out():
    """Of four images one has the class, and it is missed: 1, where 0.25 came."""
    y = jnp.zeros((4, 3), int).at[0, 0].set(1)
    z = jnp.broadcast_to(jnp.array([60.0, 0.0]), (4, 3, 2))
    each = costfn.recall_loss(z, y, scope="example", zero_division=NAN, average=None)
    near(each[1], 1.0)
    # As scikit-learn's mean over samples, of an empty image and of one half right.
    z = jnp.array([[60.0, -60, 60], [-60, -60, -60]])
    y = jnp.array([[1, 1, 0], [0, 0, 0]])
    expected = 1 - sk.f1_score(
        np.asarray(y), np.asarray(z > 0), average="samples", zero_division=np.nan
    )
    found = costfn.f_beta_loss(
        z,
        y,
        task="binary",
        scope="example",
        average="binary",
        zero_division=NAN,
        relaxation=straight_through(),
    )
    near(found, expected)


WITHOUT_COST = [
    "dice_loss",
    "jaccard_loss",
    "mcc_loss",
    "accuracy_loss",
    "balanced_accuracy_loss",
    "lovasz_softmax_loss",
]


@pytest.mark.parametrize("name", WITHOUT_COST)
def test_16_nothing_left_is_0_with_gradient_0(name):
    """It was 1 for Dice, Jaccard, MCC and accuracy, and 0 for the others."""
    loss, nothing = getattr(costfn, name), jnp.zeros(8, bool)
    value, slope = under_jit(lambda z, y, m: loss(z, y, where=m), Z, Y, nothing)
    assert value == 0 and (slope == 0).all()


def test_17_no_images():
    """NaN came."""
    none, labels = jnp.zeros((0, 5, 3)), jnp.zeros((0, 5), int)
    for loss in (costfn.dice_loss, costfn.mcc_loss, costfn.cohen_kappa_loss):
        for options in ({}, {"weights": "linear"}):
            if options and loss is not costfn.cohen_kappa_loss:
                continue
            assert loss(none, labels, scope="example", **options) == 0
    cost = loss = costfn.regret_loss(none, labels, COST, scope="example")
    assert cost == loss == 0


# Arguments

WITH_PROBS = {
    "soft_target": costfn.soft_target_loss,
    "soft_target-kl": lambda z, q: costfn.soft_target_loss(z, q, divergence="kl"),
    "focal": costfn.focal_loss,
    "focal-0": lambda z, q: costfn.focal_loss(z, q, gamma=0.0),
    "cost_regularized": lambda z, q: costfn.cost_regularized_loss(z, q, COST),
    "softmax_margin": lambda z, q: costfn.softmax_margin_loss(z, q, COST),
    "logit_adjusted": lambda z, q: costfn.logit_adjusted_loss(z, q, jnp.ones(3)),
    "log_cost": lambda z, q: costfn.log_cost_loss(z, q, COST),
    "hinge": lambda z, q: costfn.cost_hinge_loss(z, q, COST),
    "forward": lambda z, q: costfn.forward_corrected_loss(z, q, 0.7 * jnp.eye(3) + 0.1),
}


@pytest.mark.parametrize("loss", WITH_PROBS.values(), ids=WITH_PROBS)
def test_19_a_class_masked_out_by_minus_infinity(loss):
    """0 log 0 = 0: as with a logit that is merely very small."""
    z, q = jnp.array([[0.5, 1.0, -jnp.inf]]), jnp.array([[0.25, 0.75, 0.0]])
    near_it = jnp.maximum(z, -1e4)
    near(loss(z, q)[0], loss(near_it, q)[0])
    slope = grad(lambda z: loss(z, q).sum())
    close(slope(z), slope(near_it), rtol=1e-12, atol=1e-14)


def test_19_and_k8_margins_of_classes_masked_out():
    """By hand the hinge is 1.5; the sum to zero is that of the other classes."""
    z = jnp.array([0.5, 1.0, -jnp.inf])
    cost = costfn.costs.zero_one(3)
    near(costfn.cost_hinge_loss(z, jnp.array(0), cost), 1.5)
    for phi in ("exp", "softplus", "hinge"):
        found = costfn.sum_to_zero_loss(z, jnp.array(0), cost, phi=phi)
        two = costfn.sum_to_zero_loss(z[:2], jnp.array(0), cost[:2, :2], phi=phi)
        near(found, two)


def test_20_an_option_is_one_number():
    """One number per class was read per example where there were as many of both."""
    z, y = Z[:3], Y[:3]
    for shape in ((3,), (3, 1)):
        with pytest.raises(ValueError, match="gamma must be one number"):
            costfn.focal_loss(z, y, gamma=jnp.ones(shape))
    for number in (jnp.array(-1.0), np.float32(-1.0), -1.0):
        with pytest.raises(ValueError, match="gamma must be at least 0"):
            costfn.focal_loss(z, y, gamma=number)
        with pytest.raises(ValueError, match="temperature must be above 0"):
            relaxations.softmax(number)
    value, slope = under_jit(lambda z, g: costfn.focal_loss(z, y, gamma=g), z, -1.0)
    assert np.isnan(value) and np.isnan(slope).all()


def test_20_the_usual_learned_scalar_has_shape_1():
    def each(gamma):
        one = grad(lambda z, y: costfn.focal_loss(z, y, gamma=gamma))
        return vmap(one)(Z, Y)

    close(each(jnp.array([1.5])), each(1.5), rtol=1e-14)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "uint64", "int8"])
def test_21_unsigned_labels(dtype):
    for loss in (costfn.focal_loss, costfn.dice_loss):
        for f in (loss, jit(loss)):
            close(f(Z, Y.astype(dtype)), f(Z, Y), rtol=0)
    # 156 is -100 in int8, and 300 classes are 44 in 8 bits: both are told apart.
    many = jnp.asarray(rng.normal(size=(3, 300)))
    label = jnp.full(3, 100 if dtype == "int8" else 156, dtype)
    expected = optax.softmax_cross_entropy_with_integer_labels(many, label.astype(int))
    for f in (costfn.focal_loss, jit(costfn.focal_loss)):
        close(f(many, label, gamma=0.0), expected, rtol=1e-12)


def test_22_what_is_made_can_be_pickled_copied_and_passed_to_jit():
    """Local objects could not."""
    made = costfn.metric_loss(costfn.metrics.mcc)
    tracked = costfn.with_metrics(made, f=costfn.f_beta_loss)
    for one in (made, tracked, *RELAXATIONS, relaxations.softmax(jnp.array(0.5))):
        arguments = (Z, Y) if one in (made, tracked) else (Z,)
        expected = jax.tree.leaves(one(*arguments))
        called = jit(lambda f, *rest: f(*rest))(one, *arguments)
        for same in (pickle.loads(pickle.dumps(one)), copy.deepcopy(one)):
            found = jax.tree.leaves(same(*arguments))
            for x, y in zip(found, expected, strict=True):
                close(x, y, rtol=0)
        for x, y in zip(jax.tree.leaves(called), expected, strict=True):
            close(x, y, rtol=1e-12)
    assert repr(relaxations.softmax(0.5)) == "Softmax(temperature=0.5)"


def test_22_a_parameter_inside_a_relaxation_is_learned():
    def loss(relax):
        return costfn.dice_loss(Z, Y, relaxation=relax)

    slope = jit(grad(loss))(relaxations.sigmoid(jnp.array(2.0), jnp.array(0.5)))
    step = 1e-5
    for i, name in enumerate(("slope", "threshold")):
        ends = []
        for side in (-step, step):
            at = [2.0, 0.5]
            at[i] += side
            ends.append(loss(relaxations.sigmoid(*at)))
        near(getattr(slope, name), (ends[1] - ends[0]) / (2 * step), 1e-8)


def test_24_half_precision_saturates_and_keeps_its_gradient():
    """sum_to_zero_loss of [12, -12] and a sum of 2000 losses of 50 were infinite."""
    cost = jnp.array([[0.0, 1.0], [1.0, 0.0]])
    far = jnp.array([[12.0, -12.0]], jnp.float16)
    assert costfn.sum_to_zero_loss(far, jnp.array([1]), cost)[0] == 65504
    far = jnp.array([[300.0, 0.0]], jnp.float16)
    loss = value_and_grad(
        lambda z: costfn.cost_regression_loss(z, jnp.array([0]), cost).sum()
    )
    value, slope = loss(far)
    assert value == 65504
    close(slope, [[600.0, -2.0]])
    losses = jnp.full(2000, 50.0, jnp.float16)
    assert costfn.reduce(losses, reduction="sum") == 65504


def test_25_errors_speak_of_what_was_passed():
    with pytest.raises(ValueError, match=r"\(4, 1\)") as error:
        costfn.f_beta_loss(Z[:4, :1], jnp.array([0, 1, 0, 1]), task="binary")
    assert "(4, 1, 1)" not in str(error.value)
    with pytest.raises(ValueError, match="target=None"):
        costfn.softmax_margin_loss(Z[:5], Y[:5], jnp.ones((5, 3)))
    with pytest.raises(TypeError, match="relaxation must be"):
        costfn.dice_loss(Z, Y, relaxation="softmax")
    with pytest.raises(TypeError, match="temperature must be"):
        relaxations.softmax("1")
    with pytest.raises(TypeError, match="sum_counts must be"):
        costfn.dice_loss(Z, Y, sum_counts=3)
    with pytest.raises(TypeError, match=r"jnp\.asarray\(logits\) makes one"):
        costfn.focal_loss(np.zeros((2, 3)), Y[:2])


def test_28_a_weight_of_each_image_weighs_images():
    """It cancelled silently."""
    weight = jnp.array([3.0, 1.0, 0.0, 2.0])

    def loss(**how):
        return costfn.dice_loss(
            IMAGES, PIXELS, scope="example", sample_weight=weight, **how
        )

    each = jnp.stack([costfn.dice_loss(IMAGES[i], PIXELS[i]) for i in range(4)])
    near(loss(), (weight * each).sum() / 6)
    near(loss(reduction="sum"), (weight * each).sum())
    close(loss(reduction="none"), weight * each, rtol=1e-12)


# Asked for by many


def test_averages_without_the_background():
    """Micro F1 over some of the classes is no longer accuracy: as scikit-learn's."""
    decided = np.asarray(Z.argmax(-1))
    hard = straight_through()
    for average in ("micro", "macro"):
        expected = sk.f1_score(np.asarray(Y), decided, labels=[1, 2], average=average)
        found = costfn.f_beta_loss(
            Z, Y, classes=[1, 2], average=average, relaxation=hard
        )
        near(found, 1 - expected)


def test_weights_of_the_classes_in_a_mean():
    weight = jnp.array([1.0, 2.0, 5.0])
    each = costfn.recall_loss(Z, Y, average=None)
    found = costfn.recall_loss(Z, Y, class_weight=weight)
    near(found, (weight * each).sum() / weight.sum())


def test_k5_a_mask_excuses_the_labels_of_padding():
    """The value was finite and the gradient of the padded rows NaN; optax is clean."""
    keep = jnp.arange(8) < 5
    padded = [jnp.where(keep, Y, pad) for pad in (-1, 3, 255, -100)]

    def reduced(z, y, keep):
        return costfn.reduce(costfn.focal_loss(z, y), where=keep)

    def hinge(z, y, keep):
        return costfn.reduce(costfn.cost_hinge_loss(z, y, COST), where=keep)

    def counted(z, y, keep):
        return costfn.f_beta_loss(z, y, where=keep)

    def matrix(z, y, keep):
        return costfn.regret_loss(z, y, COST, where=keep)

    def sorted_(z, y, keep):
        return costfn.lovasz_softmax_loss(z, y, where=keep)

    for f in (reduced, hinge, counted, matrix, sorted_):
        expected, right = under_jit(f, Z[:5], Y[:5], keep[:5])
        both = jit(value_and_grad(f))
        for y in padded:
            value, slope = both(Z, y, keep)
            near(value, expected)
            close(slope[:5], right, rtol=1e-10, atol=1e-14)
            assert (slope[5:] == 0).all()
    for f in (counted, matrix, sorted_):  # and where it can be seen
        for y in padded:
            near(f(Z, y, keep), f(Z[:5], Y[:5], keep[:5]))

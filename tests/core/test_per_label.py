"""Losses per label: what the tests of the table of losses do not cover.

Those tests sum over the labels of an example; see `tests/support/losses.py`.
"""

from functools import partial

import numpy as np
import pytest
import torch
from torch.func import grad, grad_and_value, jvp
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid

import costfn
from losses import LOSSES

pytestmark = pytest.mark.shapes

rng = torch.Generator().manual_seed(0)
LOGITS = 3 * torch.randn(4, 3, dtype=torch.float64, generator=rng)
MARKS = torch.randint(2, (4, 3), generator=rng)
SHARES = torch.rand(4, 3, dtype=torch.float64, generator=rng)
ROWS = [loss for loss in LOSSES if loss.per_label]
each_loss = pytest.mark.parametrize("loss", ROWS, ids=lambda loss: loss.name)
FOCAL = costfn.sigmoid_focal_loss
ASYMMETRIC = costfn.asymmetric_loss


def close(actual, expected):
    torch.testing.assert_close(actual, expected, rtol=1e-12, atol=1e-13)


@each_loss
@pytest.mark.parametrize("shape", [(), (0,), (1,), (12,), (2, 2, 3), (0, 3)])
def test_a_loss_for_each_label_of_any_shape(loss, shape):
    size = int(np.prod(shape))
    logits, marks = (x.reshape(-1)[:size].reshape(shape) for x in (LOGITS, MARKS))
    losses = loss.torch(logits, marks)
    assert losses.shape == shape
    close(losses.reshape(-1), loss.torch(LOGITS, MARKS).reshape(-1)[:size])


@each_loss
def test_marks_of_every_type(loss):
    expected = loss.torch(LOGITS, MARKS)
    for dtype in (torch.bool, torch.uint8, torch.int8, torch.int32, torch.float64):
        close(loss.torch(LOGITS, MARKS.to(dtype)), expected)
    close(loss.torch(LOGITS, MARKS.half()), expected)


@each_loss
def test_a_share_is_the_mean_over_there_and_not(loss):
    there = loss.torch(LOGITS, torch.ones_like(MARKS))
    absent = loss.torch(LOGITS, torch.zeros_like(MARKS))
    close(loss.torch(LOGITS, SHARES), SHARES * there + (1 - SHARES) * absent)


def torchvision(inputs, targets, alpha, gamma):
    """The published code of torchvision 0.21, with its own names."""
    p = torch.sigmoid(inputs)
    ce = binary_cross_entropy_with_logits(inputs, targets, reduction="none")
    p_t = p * targets + (1 - p) * (1 - targets)
    loss = ce * ((1 - p_t) ** gamma)
    if alpha >= 0:
        loss = (alpha * targets + (1 - alpha) * (1 - targets)) * loss
    return loss


@pytest.mark.parametrize("alpha", [0.25, 0.0, 1.0, None])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0, 5.0])
def test_the_focal_loss_of_torchvision(alpha, gamma):
    expected = torchvision(
        LOGITS, MARKS.double(), -1 if alpha is None else alpha, gamma
    )
    close(FOCAL(LOGITS, MARKS, alpha=alpha, gamma=gamma), expected)


def authors(x, y, gamma_neg, gamma_pos, clip):
    """The loss of the authors' code, without its clamp of logarithms at 1e-8."""
    positive = torch.sigmoid(x)
    negative = (1 - positive + clip).clamp(max=1)
    losses = y * logsigmoid(x) + (1 - y) * negative.log()
    p_t = positive * y + negative * (1 - y)
    return -losses * (1 - p_t) ** (gamma_pos * y + gamma_neg * (1 - y))


@pytest.mark.parametrize("margin", [0.0, 0.05, 0.5])
@pytest.mark.parametrize("gamma_neg", [0.0, 1.0, 4.0])
@pytest.mark.parametrize("gamma_pos", [0.0, 1.0])
def test_the_asymmetric_loss_of_its_authors(margin, gamma_neg, gamma_pos):
    expected = authors(LOGITS, MARKS.double(), gamma_neg, gamma_pos, margin)
    options = {"gamma_pos": gamma_pos, "gamma_neg": gamma_neg, "margin": margin}
    torch.testing.assert_close(ASYMMETRIC(LOGITS, MARKS, **options), expected)


@pytest.mark.parametrize(
    "loss",
    [
        partial(FOCAL, alpha=None, gamma=0.0),
        partial(ASYMMETRIC, gamma_neg=0.0, margin=0.0),
    ],
)
@pytest.mark.parametrize("target", [MARKS, SHARES])
def test_without_focus_both_are_binary_cross_entropy(loss, target):
    expected = binary_cross_entropy_with_logits(
        LOGITS, target.double(), reduction="none"
    )
    close(loss(LOGITS, target), expected)
    total = grad(lambda z: loss(z, target).sum())(LOGITS)
    close(total, LOGITS.sigmoid() - target)


def test_a_weight_for_each_label():
    alpha = torch.tensor([0.75, 0.5, 0.125])
    for target in (MARKS, SHARES):
        together = FOCAL(LOGITS, target, alpha=alpha)
        for k in range(3):
            column = (LOGITS[:, k], target[:, k])
            close(together[:, k], FOCAL(*column, alpha=alpha[k].item()))
            close(together[:, k], FOCAL(*column, alpha=alpha[k : k + 1]))


@each_loss
@pytest.mark.parametrize("target", [MARKS, SHARES], ids=["marks", "shares"])
def test_options_that_are_learned(loss, target):
    """Gradients agree with central differences; a scalar may have the shape (1,)."""
    options = {"alpha": 0.3, "gamma": 1.5}
    if loss.name == "asymmetric_loss":
        options = {"gamma_pos": 0.5, "gamma_neg": 1.5, "margin": 0.1}
    for name, value in options.items():

        def of_option(x, name=name):
            return loss.torch(LOGITS, target, **options | {name: x}).sum()

        step = 1e-6
        slope = (of_option(value + step) - of_option(value - step)) / (2 * step)
        for shape in ((), (1,), (1, 1)):
            learned = torch.full(shape, value, dtype=torch.float64)
            found = grad(of_option)(learned)
            assert found.shape == shape
            assert found.item() == pytest.approx(slope.item(), rel=1e-6)
            _, forward = jvp(of_option, (learned,), (torch.ones_like(learned),))
            assert forward.item() == pytest.approx(slope.item(), rel=1e-6)


def test_a_margin_is_learned_from_0():
    """At the end of its range the gradient is one-sided, not 0."""
    x = torch.tensor(2.0, dtype=torch.float64)
    slope = grad(lambda m: ASYMMETRIC(x, torch.tensor(0), gamma_neg=0.0, margin=m))
    close(slope(torch.tensor(0.0).double()), -1 / (1 - x.sigmoid()))


@each_loss
def test_a_label_that_is_certain_not_to_be_there_costs_nothing(loss):
    """A logit of -inf masks a label out, as it does a class in a softmax."""
    for options in (*loss.options, {next(iter(loss.bad_options[0])): 0.0}):
        for target in (torch.tensor([0, 1]), torch.tensor([0.0, 1.0])):
            for logits in ([-torch.inf, 1.0], [1.0, torch.inf]):
                z = torch.tensor(logits, dtype=torch.float64)
                gradient, value = grad_and_value(
                    lambda z, y=target, o=options: loss.torch(z, y, **o).sum()
                )(z)
                finite = z.isfinite()
                alone = loss.torch(z[finite], target[finite], **options)
                close(value, alone.sum())
                assert (gradient[~finite] == 0).all()
                assert gradient[finite].isfinite().all()


@each_loss
def test_what_is_not_a_number_spoils_only_its_label(loss):
    for target in (MARKS, SHARES):
        spoilt = LOGITS.clone()
        spoilt[1, 2] = torch.nan
        gradient = grad(lambda z, y=target: loss.torch(z, y).sum())(spoilt)
        wrong = spoilt.isnan()
        assert torch.equal(loss.torch(spoilt, target).isnan(), wrong)
        assert torch.equal(gradient.isnan(), wrong)


BAD = {
    "an unknown mark": (MARKS, 255),
    "a negative mark": (MARKS, -1),
    "a mark of 2": (MARKS, 2),
    "a share above 1": (SHARES, 1.5),
    "a negative share": (SHARES, -0.25),
    "no number": (SHARES, torch.nan),
    "no end": (SHARES, torch.inf),
}


@pytest.mark.unchecked  # jaxtyping's checks cannot be compiled
@each_loss
@pytest.mark.parametrize("clean", [MARKS, SHARES], ids=["marks", "shares"])
def test_a_bad_target_is_refused_or_where_it_cannot_be_seen_nan(loss, clean):
    torch._dynamo.reset()
    both = grad(lambda z, y: loss.torch(z, y).sum())
    each = torch.compile(loss.torch, fullgraph=True, backend="aot_eager")
    slopes = torch.compile(both, fullgraph=True, backend="aot_eager")
    wrong = torch.zeros_like(clean, dtype=torch.bool)
    wrong[1, 2] = True
    for value in (value for target, value in BAD.values() if target is clean):
        bad = clean.clone()
        bad[1, 2] = value
        with pytest.raises(ValueError, match=r"^target must be 0, 1 or a prob"):
            loss.torch(LOGITS, bad)
        for found, right in (
            (each(LOGITS, bad), loss.torch(LOGITS, clean)),
            (slopes(LOGITS, bad), both(LOGITS, clean)),
        ):
            assert torch.equal(found.isnan(), wrong), value
            close(found[~wrong], right[~wrong])


@pytest.mark.unchecked
@each_loss
def test_bad_arguments_are_named(loss):
    with pytest.raises(TypeError, match=r"^logits must be floating point"):
        loss.torch(MARKS, MARKS)
    with pytest.raises(TypeError, match=r"^logits must be a tensor"):
        loss.torch(LOGITS.tolist(), MARKS)
    with pytest.raises(TypeError, match=r"^target must be a tensor"):
        loss.torch(LOGITS, MARKS.tolist())
    with pytest.raises(TypeError, match=r"^target must be 0, 1 or prob"):
        loss.torch(LOGITS, MARKS.to(torch.complex64))
    for wrong in (MARKS[:2], MARKS[:, :1], MARKS[0], MARKS[None]):
        shapes = rf"\(4, 3\) of the decisions, got \({wrong.shape[0]}"
        with pytest.raises(ValueError, match=f"^target must have the shape {shapes}"):
            loss.torch(LOGITS, wrong)


@pytest.mark.unchecked
@pytest.mark.parametrize(
    "alpha, error, words",
    [
        (torch.full((2,), 0.5), ValueError, r"one for each label, shape \(3,\), got"),
        (torch.full((4, 3), 0.5), ValueError, "one for each label"),
        (torch.tensor([0.5, 1.5, 0.5]), ValueError, r"in \[0, 1\], got \[0.5, 1.5"),
        (torch.tensor([0.5, torch.nan, 0.5]), ValueError, r"in \[0, 1\]"),
        (torch.tensor([True, False, True]), TypeError, "real numbers"),
        ([0.5, 0.5, 0.5], TypeError, "a number or a tensor"),
        ("0.5", TypeError, "a number or a tensor"),
    ],
)
def test_a_bad_weight(alpha, error, words):
    with pytest.raises(error, match=f"^alpha must .*{words}"):
        FOCAL(LOGITS, MARKS, alpha=alpha)


def test_the_mirror_with_a_weight_for_each_label():
    """The mirror equals torch, whose result equals that of each label alone."""
    jnp = pytest.importorskip("jax", reason="JAX is not installed").numpy
    import costfn_jax

    alpha = torch.tensor([0.75, 0.5, 0.125])
    for target in (MARKS, SHARES):
        given = (jnp.asarray(x.numpy()) for x in (LOGITS, target))
        found = costfn_jax.sigmoid_focal_loss(*given, alpha=jnp.asarray(alpha.numpy()))
        np.testing.assert_allclose(found, FOCAL(LOGITS, target, alpha=alpha), rtol=1e-5)


def test_the_mirror_where_targets_and_weights_are_hidden():
    """As under `torch.compile`: NaN at the label, in value and in gradient."""
    jax = pytest.importorskip("jax", reason="JAX is not installed")
    jnp = jax.numpy
    import costfn_jax

    z = jnp.asarray(LOGITS.numpy())
    for loss in ROWS:
        mirror = getattr(costfn_jax, loss.name)
        both = jax.jit(lambda y, f=mirror: (f(z, y), jax.vjp(lambda z: f(z, y), z)[1]))
        for target, value in BAD.values():
            bad = jnp.asarray(target.numpy()).at[1, 2].set(value)
            values, pull = both(bad)
            (gradient,) = pull(jnp.ones_like(values))
            wrong = np.zeros(bad.shape, bool)
            wrong[1, 2] = True
            np.testing.assert_array_equal(jnp.isnan(values), wrong)
            np.testing.assert_array_equal(jnp.isnan(gradient), wrong)
    alpha = jnp.asarray([0.5, 1.5, 0.25])
    marks = jnp.asarray(MARKS.numpy())
    found = jax.jit(lambda a: costfn_jax.sigmoid_focal_loss(z, marks, alpha=a))(alpha)
    np.testing.assert_array_equal(
        jnp.isnan(found), np.tile([False, True, False], (4, 1))
    )

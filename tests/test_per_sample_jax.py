"""The JAX mirror beside torch, on the same net, parameters and samples."""

from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

import costfn
from costfn import per_sample
from costfn.doctor import BrokenLossError

jax = pytest.importorskip("jax", reason="JAX is not installed")
mirror = pytest.importorskip("costfn_jax.per_sample", reason="JAX is not installed")
jnp = jax.numpy
pytestmark = pytest.mark.usefixtures("quick")

torch.manual_seed(0)
NET = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)).double()
X, Y = torch.randn(6, 4).double(), torch.tensor([0, 1, 2, 1, 0, 2])
VALUES = {n: p.detach() for n, p in NET.named_parameters()}


@pytest.fixture(autouse=True)
def in_double_precision():
    with jax.enable_x64(True):
        yield


def arrays(tree):
    return jax.tree.map(lambda t: jnp.asarray(t.numpy()), tree)


def net(p, x):
    h = jnp.tanh(x @ p["0.weight"].T + p["0.bias"])
    return h @ p["2.weight"].T + p["2.bias"]


def cross_entropy(z, y):
    return -jnp.take_along_axis(jax.nn.log_softmax(z), y[..., None], -1)[..., 0]


def f1(z, y):
    hot = jax.nn.one_hot(y, 3, dtype=z.dtype)
    p = jax.nn.softmax(z)
    return 1 - (2 * (hot * p).sum(0) / (hot.sum(0) + p.sum(0))).mean()


CROSS = nn.CrossEntropyLoss(reduction="none")
SINGLE = {
    "gradients": {},
    "gradient_norms": {},
    "cosine_to_mean": {},
    "gradient_noise_scale": {},
    "gradient_signal_to_noise": {},
    "variance": {},
    "pairwise_similarity": {},
    "clip": {"max_norm": 0.7},
}


def same(found, expected):
    found, expected = jax.tree.leaves(found), jax.tree.leaves(arrays(expected))
    assert len(found) == len(expected) > 0
    for a, b in zip(found, expected, strict=True):
        assert a.shape == b.shape and a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize(
    "name, chunk_size", [*((n, None) for n in SINGLE), ("gradients", 4), ("clip", 4)]
)
def test_it_equals_torch_under_jit(name, chunk_size):
    expected = getattr(per_sample, name)(NET, CROSS, X, Y, **SINGLE[name])
    call = partial(
        getattr(mirror, name), net, cross_entropy, chunk_size=chunk_size, **SINGLE[name]
    )
    x, y, p = arrays((X, Y, VALUES))
    jitted = jax.jit(lambda x, y, p: call(x, y, parameters=p))
    same(jitted(x, y, p), expected)


@pytest.mark.parametrize("name", ["contributions", "contribution_norms"])
def test_contributions_equal_torch_and_add_up(name):
    expected = getattr(per_sample, name)(NET, costfn.f_beta_loss, X, Y)
    x, y, p = arrays((X, Y, VALUES))
    found = jax.jit(lambda x, y, p: getattr(mirror, name)(net, f1, x, y, parameters=p))(
        x, y, p
    )
    same(found, expected)
    if name == "contributions":
        full = jax.grad(lambda p: f1(net(p, x), y))(p)
        for key, g in full.items():
            np.testing.assert_allclose(found[key].sum(0), g, rtol=1e-10, atol=1e-15)


def test_projections_and_influence():
    direction = {n: torch.randn_like(p) for n, p in VALUES.items()}
    x, y, p, d = arrays((X, Y, VALUES, direction))
    expected = per_sample.projections(NET, CROSS, X, Y, direction)

    @jax.jit
    def call(x, y, d, p):
        along = mirror.projections(net, cross_entropy, x, y, d, parameters=p)
        rows = mirror.projections(net, cross_entropy, x, y, parameters=p, dim=4096)
        g = mirror.pairwise_similarity(
            net, cross_entropy, x, y, parameters=p, normalize=False
        )
        return along, rows, g

    along, rows, g = call(x, y, d, p)
    same(along, expected)
    lengths = jnp.sqrt(jnp.diagonal(g))
    bound = 5 * lengths[:, None] * lengths * (2 / 4096) ** 0.5
    assert (abs(rows @ rows.T - g) <= bound).all()
    for loss, own in ((nn.CrossEntropyLoss(), None), (costfn.f_beta_loss, f1)):
        expected = per_sample.influence(
            NET, CROSS, (X, Y), (X[:3], Y[:3]), test_loss=loss, learning_rates=0.1
        )
        judge = partial(
            mirror.influence,
            net,
            cross_entropy,
            validation_loss=own,
            learning_rates=0.1,
        )
        found = jax.jit(lambda x, y, p, f=judge: f(x, y, x[:3], y[:3], checkpoints=[p]))
        same(found(x, y, p), expected)


def test_the_same_words_in_errors():
    x, y, p = arrays((X, Y, VALUES))
    with pytest.raises(ValueError, match="same number of samples") as ours:
        mirror.gradients(net, cross_entropy, x, y[:2], parameters=p)
    with pytest.raises(ValueError, match="same number of samples") as theirs:
        per_sample.gradients(NET, CROSS, X, Y[:2])
    assert str(ours.value) == str(theirs.value)
    with pytest.raises(ValueError, match="x must hold 2 samples or more, got 1"):
        mirror.variance(net, cross_entropy, x[:1], y[:1], parameters=p)
    with pytest.raises(ValueError, match="batch_loss must return one number"):
        mirror.contributions(net, cross_entropy, x, y, parameters=p)
    with pytest.raises(ValueError, match="chunk_size must be 1 or more, got 0"):
        mirror.gradients(net, cross_entropy, x, y, parameters=p, chunk_size=0)
    with pytest.raises(ValueError, match="directions must be given, or dim"):
        mirror.projections(net, cross_entropy, x, y, parameters=p)
    with pytest.raises(ValueError, match="max_norm must be above 0"):
        mirror.clip(net, cross_entropy, x, y, -1.0, parameters=p)
    with pytest.raises(ValueError, match="checkpoints must be 1 or more"):
        mirror.influence(net, cross_entropy, x, y, x, y, checkpoints=[])


def zero_one(z, y):
    return (z.argmax(-1) != y).astype(z.dtype)


def test_losses_that_are_not_of_single_samples_are_refused():
    x, y, p = arrays((X, Y, VALUES))
    with pytest.raises(ValueError, match=r"mean or the sum.*contributions") as ours:
        mirror.gradients(net, f1, x, y, parameters=p)
    with pytest.raises(ValueError, match=r"mean or the sum.*contributions") as theirs:
        per_sample.gradients(NET, lambda z, y: costfn.f_beta_loss(z, y), X, Y)
    start = str(theirs.value).partition("together")[0]
    assert str(ours.value).startswith(start)
    with pytest.raises(ValueError, match="or one per sample, got the shape"):
        mirror.gradients(net, lambda z, y: jnp.zeros(2), x, y, parameters=p)
    mirror.gradients(net, lambda z, y: cross_entropy(z, y).mean(), x, y, parameters=p)


def test_the_doctor_speaks_of_a_loss_that_no_gradient_leaves():
    x, y, p = arrays((X, Y, VALUES))
    with pytest.raises(BrokenLossError, match="INDEX_OP"):
        mirror.gradient_norms(net, zero_one, x, y, parameters=p)
    weights = jnp.ones(len(y))
    with pytest.raises(BrokenLossError, match="INDEX_OP"):
        mirror.contributions(
            net,
            lambda z, y, w: (w * zero_one(z, y)).mean(),
            x,
            (y, weights),
            parameters=p,
        )

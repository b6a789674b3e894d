"""The JAX mirror on models that `vmap` cannot run, and with samples within samples."""

from functools import partial

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="JAX is not installed")
mirror = pytest.importorskip("costfn_jax.per_sample", reason="JAX is not installed")
own = pytest.importorskip("per_sample_jax", reason="JAX is not installed")
jnp = jax.numpy
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick")]
cross_entropy = own.cross_entropy


@pytest.fixture(autouse=True)
def in_double_precision():
    with jax.enable_x64(True):
        yield


def branching(p, x):
    rows = [row if row[0] > 0 else 2 * row for row in x]
    return own.net(p, jnp.stack(rows))


def by_numpy(p, x):
    return own.net(p, x * np.asarray(x).sum(1, keepdims=True))


@jax.custom_jvp
def doubled(v):
    shape = jax.ShapeDtypeStruct(v.shape, v.dtype)
    return jax.pure_callback(lambda v: 2 * np.asarray(v), shape, v)


@doubled.defjvp
def _(primals, tangents):
    return doubled(*primals), 2 * tangents[0]


def calling(p, x):
    return doubled(own.net(p, x))


SLOW = {
    "a branch": (branching, "jnp.where"),
    "NumPy": (by_numpy, "jnp.where"),
    "a callback": (calling, "vmap_method"),
}
models = pytest.mark.parametrize("model, words", SLOW.values(), ids=SLOW)


@models
def test_models_that_vmap_cannot_run(model, words):
    x, y, p = own.arrays((own.X, own.Y, own.VALUES))
    expected = own.flat(own.loop(model, cross_entropy, x, y, p))
    lengths = np.linalg.norm(expected, axis=1)
    call = partial(_warned, words, model=model, loss=cross_entropy, x=x, y=y)
    near(own.flat(call(mirror.gradients, parameters=p)), expected)
    near(call(mirror.gradient_norms, parameters=p, chunk_size=4), lengths)
    clipped = call(mirror.clip, parameters=p, max_norm=1e9).total
    near(own.flat(jax.tree.map(lambda g: g[None], clipped))[0], expected.sum(0))
    mean = expected.mean(0)
    cosines = expected @ mean / (lengths * np.linalg.norm(mean))
    near(call(mirror.cosine_to_mean, parameters=p), cosines)
    spread = call(mirror.variance, parameters=p)
    spread = own.flat(jax.tree.map(lambda g: g[None], spread))[0]
    near(spread, expected.var(0, ddof=1))


def _warned(words, function, **options):
    with pytest.warns(mirror.SlowWarning, match=words) as seen:
        found = function(
            options.pop("model"),
            options.pop("loss"),
            options.pop("x"),
            options.pop("y"),
            **options,
        )
    assert len(seen) == 1 and seen[0].filename == __file__
    return found


def near(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-13)


@models
def test_their_contributions_and_influence(model, words):
    x, y, p = own.arrays((own.X, own.Y, own.VALUES))
    with pytest.warns(mirror.SlowWarning, match=words):
        parts = mirror.contributions(model, own.f1, x, y, parameters=p)
    full = jax.grad(lambda p: own.f1(model(p, x), y))(p)
    for key, g in full.items():
        near(parts[key].sum(0), g)
    expected = own.flat(own.loop(model, cross_entropy, x, y, p))
    with pytest.warns(mirror.SlowWarning, match=words) as seen:
        found = mirror.influence(
            model, cross_entropy, (x, y), (x[:3], y[:3]), parameters=p
        )
    assert len(seen) == 1
    near(found, expected @ expected[:3].T)


def test_a_callback_under_jit():
    x, y, p = own.arrays((own.X, own.Y, own.VALUES))
    expected = own.flat(own.loop(calling, cross_entropy, x, y, p))
    norms = jax.jit(
        lambda p: mirror.gradient_norms(calling, cross_entropy, x, y, parameters=p)
    )
    with pytest.warns(mirror.SlowWarning, match="vmap_method"):
        found = norms(p)
    near(found, np.linalg.norm(expected, axis=1))


def test_a_branch_under_jit_says_so_itself():
    x, y, p = own.arrays((own.X, own.Y, own.VALUES))
    norms = jax.jit(
        lambda p: mirror.gradient_norms(branching, cross_entropy, x, y, parameters=p)
    )
    with pytest.raises(jax.errors.TracerBoolConversionError):
        norms(p)


def test_a_loss_that_looks_at_values():
    x, y, p = own.arrays((own.X, own.Y, own.VALUES))

    def loss(z, y):
        return cross_entropy(z, y) * (1.0 if z.max() > 0 else 0.5)

    expected = own.flat(own.loop(own.net, loss, x, y, p))
    with pytest.warns(mirror.SlowWarning, match="model and loss must not branch"):
        found = mirror.gradients(own.net, loss, x, y, parameters=p)
    near(own.flat(found), expected)


def test_a_model_at_fault_speaks_for_itself():
    x, y, p = own.arrays((own.X, own.Y, own.VALUES))
    with pytest.raises(KeyError, match="weight"):
        mirror.gradients(
            lambda p, x: x @ p["weight"], cross_entropy, x, y, parameters=p
        )


# Samples within samples.

TOKENS = np.array([[0, 1, 2], [1, 0, 0], [2, 2, 1], [0, 0, 1]])
WORDS = np.random.default_rng(0).normal(size=(4, 3, 4))


def tagger(p, x):
    """Each prediction depends on all words of its text."""
    return own.net(p, x + x.mean(1, keepdims=True))


def by_place(function, *more, **options):
    x, y = jnp.asarray(WORDS), jnp.asarray(TOKENS)
    p = own.arrays(own.VALUES)
    return function(
        tagger, cross_entropy, x, y, *more, parameters=p, sample_dims=2, **options
    )


def of_places():
    p, x = own.arrays(own.VALUES), jnp.asarray(WORDS)

    def value(p, i, j):
        z = tagger(p, x[i : i + 1])[0, j]
        return cross_entropy(z[None], jnp.asarray(TOKENS)[i, j][None]).sum()

    rows = [jax.grad(value)(p, i, j) for i in range(4) for j in range(3)]
    return own.flat(jax.tree.map(lambda *g: jnp.stack(g), *rows))


def test_every_token_is_a_sample():
    expected = of_places()
    lengths = np.linalg.norm(expected, axis=1).reshape(4, 3)
    gradients = by_place(mirror.gradients)
    assert gradients["0.bias"].shape == (4, 3, 5)
    rows = jax.tree.map(lambda g: g.reshape(12, *g.shape[2:]), gradients)
    near(own.flat(rows), expected)
    near(by_place(mirror.gradient_norms, chunk_size=5), lengths)
    near(by_place(mirror.clip, 1e9).norms, lengths)
    mean = expected.mean(0)
    cosines = (expected @ mean / np.linalg.norm(mean)).reshape(4, 3) / lengths
    near(by_place(mirror.cosine_to_mean), cosines)
    direction = jax.tree.map(jnp.ones_like, own.arrays(own.VALUES))
    near(by_place(mirror.projections, direction), expected.sum(1).reshape(4, 3))
    spread = by_place(mirror.variance)
    spread = own.flat(jax.tree.map(lambda g: g[None], spread))[0]
    near(spread, expected.var(0, ddof=1))


def test_influence_of_tokens_on_tokens():
    expected = of_places()
    p, x, y = own.arrays(own.VALUES), jnp.asarray(WORDS), jnp.asarray(TOKENS)
    found = mirror.influence(
        tagger, cross_entropy, (x, y), (x[:2], y[:2]), parameters=p, sample_dims=2
    )
    assert found.shape == (4, 3, 2, 3)
    near(found.reshape(12, 6), expected @ expected[:6].T)


def test_contributions_of_tokens():
    p, x, y = own.arrays(own.VALUES), jnp.asarray(WORDS), jnp.asarray(TOKENS)
    call = partial(mirror.contributions, parameters=p, sample_dims=2)
    parts = call(tagger, own.f1, x, y)
    flat = jax.grad(lambda p: own.f1(tagger(p, x).reshape(12, 3), y.reshape(12)))(p)
    for key, g in flat.items():
        near(parts[key].sum((0, 1)), g)
    loss, target = mirror.linearize(tagger, own.f1, x, y, parameters=p, sample_dims=2)
    assert target.shape == (4, 3, 3)
    again = mirror.gradients(tagger, loss, x, target, parameters=p, sample_dims=2)
    near(own.flat(again), own.flat(parts))


def test_targets_without_places_are_refused():
    p, x = own.arrays(own.VALUES), jnp.asarray(WORDS)
    call = partial(mirror.gradient_norms, tagger, cross_entropy, x, parameters=p)
    with pytest.raises(ValueError, match="y must have 2 axes of samples"):
        call(jnp.zeros(4, int), sample_dims=2)
    with pytest.raises(ValueError, match="sample_dims must be 1 or more, got 0"):
        call(jnp.asarray(TOKENS), sample_dims=0)

"""The JAX report over a loader, beside that of torch."""

import numpy as np
import pytest
import torch

import costfn
from costfn import per_sample

jax = pytest.importorskip("jax", reason="JAX is not installed")
mirror = pytest.importorskip("costfn_jax.per_sample", reason="JAX is not installed")
costfn_jax = pytest.importorskip("costfn_jax", reason="JAX is not installed")
own = pytest.importorskip("per_sample_jax", reason="JAX is not installed")
jnp = jax.numpy
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick")]


@pytest.fixture(autouse=True)
def in_double_precision():
    with jax.enable_x64(True):
        yield


X = torch.cat([own.X, 0.3 - own.X.flip(0)])[:11]
Y = torch.cat([own.Y, own.Y])[:11]
BATCHES = [(X[:4], Y[:4]), (X[4:8], Y[4:8]), (X[8:], Y[8:])]


def numpy_batches():
    return [(x.numpy(), y.numpy()) for x, y in BATCHES]


def of_torch(**options):
    return per_sample.summary(
        own.NET, costfn.focal_loss, BATCHES, progress=False, **options
    )


def of_jax(model=own.net, batches=None, **options):
    return mirror.summary(
        model,
        costfn_jax.focal_loss,
        numpy_batches() if batches is None else batches,
        parameters=own.arrays(own.VALUES),
        **options,
    )


def assert_same(found, expected):
    assert found.samples == expected.samples and found.against == expected.against
    assert found.share_opposing == expected.share_opposing
    for ours, theirs in (
        (found.largest, expected.largest),
        (found.opposing, expected.opposing),
    ):
        for a, b in zip(ours, theirs, strict=True):
            assert (a.index, a.label, a.predicted) == (b.index, b.label, b.predicted)
            np.testing.assert_allclose(a.score, b.score, rtol=1e-9)
    both = zip(
        (*found.groups, found.total), (*expected.groups, expected.total), strict=True
    )
    for a, b in both:
        assert (a.label, a.correct, a.samples) == (b.label, b.correct, b.samples)
        np.testing.assert_array_equal(a.counts, b.counts.numpy())
        np.testing.assert_allclose(a.quantiles, b.quantiles, rtol=1e-12)
        np.testing.assert_allclose(a.mean, b.mean, rtol=1e-12)
    np.testing.assert_allclose(found.noise.trace, expected.noise.trace.item())
    np.testing.assert_allclose(found.edges, expected.edges.numpy())


def test_it_equals_that_of_torch():
    found, expected = of_jax(top=4), of_torch(top=4)
    assert_same(found, expected)
    text, torchs = str(found).split(), str(expected).split()
    assert text == torchs


@pytest.mark.parametrize("whole", [False, True])
def test_against_a_validation_batch(whole):
    losses = (costfn.f_beta_loss, costfn_jax.f_beta_loss) if whole else (None, None)
    x, y = X[:5], Y[:5]
    found = of_jax(validation=(x.numpy(), y.numpy()), validation_loss=losses[1], top=11)
    expected = of_torch(validation=(x, y), validation_loss=losses[0], top=11)
    assert_same(found, expected)


def by_value(p, x):
    """The same net, but `vmap` cannot run it."""
    return own.net(p, jnp.stack([row if row[0] > 0 else 1.0 * row for row in x]))


def test_a_model_that_vmap_cannot_run():
    with pytest.warns(mirror.SlowWarning, match="must not branch") as seen:
        found = of_jax(by_value, top=4)
    assert len(seen) == 1
    assert_same(found, of_torch(top=4))


def test_dictionaries_and_predictions_by_name():
    batches = [{"rows": x, "labels": y} for x, y in numpy_batches()]

    def model(p, given):
        return {"logits": own.net(p, given["rows"]), "rows": given["rows"]}

    def loss(out, y):
        return costfn_jax.focal_loss(out["logits"], y)

    found = mirror.summary(
        model,
        loss,
        batches,
        parameters=own.arrays(own.VALUES),
        target="labels",
        top=4,
    )
    assert_same(found, of_torch(top=4))


def test_samples_without_labels():
    batches = [(x, x[:, :3]) for x, _ in numpy_batches()]

    def squares(z, y):
        return jnp.square(z - y).sum(-1)

    found = mirror.summary(own.net, squares, batches, parameters=own.arrays(own.VALUES))
    assert found.groups == () and found.largest[0].label is None
    assert "11" in str(found)


def test_what_is_refused():
    with pytest.raises(TypeError, match="iterable more than once"):
        of_jax(batches=iter(numpy_batches()))
    with pytest.raises(TypeError, match="loader must give pairs of inputs and targets"):
        of_jax(batches=[1.0])
    with pytest.raises(ValueError, match="loader must hold 2 samples or more, got 1"):
        of_jax(batches=[(X[:1].numpy(), Y[:1].numpy())])
    with pytest.raises(ValueError, match="top must be above 0"):
        of_jax(top=0)
    with pytest.raises(ValueError, match="target must be an entry of the batches"):
        of_jax(batches=[{"rows": X.numpy()}], target="labels")
    shuffled = torch.utils.data.DataLoader(X, shuffle=True)
    with pytest.raises(ValueError, match="loader must not shuffle"):
        of_jax(batches=shuffled)

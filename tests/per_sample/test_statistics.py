"""What is made of gradients, against the same made of a loop's gradients."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import costfn
from costfn import per_sample
from per_sample_models import (
    KINDS,
    assert_all_near,
    assert_near,
    flat,
    loop,
    norms,
)

LOSS = costfn.focal_loss
kinds = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
chunks = pytest.mark.parametrize("chunk_size", [None, 3], ids=["whole", "chunks"])


@kinds
@chunks
def test_projections_on_directions(kind, chunk_size):
    model, x, y = kind.make(5)
    g = loop(model, LOSS, x, y)
    call = partial(per_sample.projections, model, LOSS, x, y, chunk_size=chunk_size)
    one = {n: torch.randn_like(v[0]) for n, v in g.items()}
    assert_near(call(one), flat(g) @ torch.cat([v.flatten() for v in one.values()]))
    several = {n: torch.randn(2, *v.shape[1:], dtype=v.dtype) for n, v in g.items()}
    assert_near(call(several), flat(g) @ flat(several).mT)


@chunks
def test_random_projections(chunk_size):
    model, x, y = KINDS[0].make(5)
    g = flat(loop(model, LOSS, x, y))
    dim = 4096
    call = partial(per_sample.projections, model, LOSS, x, y, dim=dim)
    found = call(chunk_size=chunk_size)
    assert found.shape == (5, dim)
    assert_near(found, call())
    assert not torch.equal(found, call(seed=1))
    # The variance of an inner product is at most that of two normal vectors.
    lengths = g.norm(dim=1)
    deviation = (lengths[:, None] * lengths) * math.sqrt(2 / dim)
    assert ((found @ found.mT - g @ g.mT).abs() <= 5 * deviation).all()


def test_random_projections_are_linear():
    """Of the contributions, they add up to that of the full gradient."""
    model, x, y = KINDS[0].make(5)
    linear, target = per_sample.linearize(model, costfn.mcc_loss, x, y)
    found = per_sample.projections(model, linear, x, target, dim=7)
    whole = per_sample.projections(
        model,
        lambda z, y: costfn.mcc_loss(z[0], y[0])[None],
        x[None],
        y[None],
        dim=7,
        parameters=dict(model.named_parameters()),
    )
    assert_near(found.sum(0), whole.squeeze(0).detach())


@kinds
@chunks
def test_cosine_to_the_mean(kind, chunk_size):
    model, x, y = kind.make(5)
    g = flat(loop(model, LOSS, x, y))
    expected = nn.functional.cosine_similarity(g, g.mean(0).expand_as(g))
    found = per_sample.cosine_to_mean(model, LOSS, x, y, chunk_size=chunk_size)
    assert_near(found, expected)


def test_a_gradient_of_0_has_no_direction():
    model = nn.Linear(2, 1, bias=False).double()
    x = torch.tensor([[0.0, 0.0], [1.0, 0.0]]).double()

    def loss(z):
        return z.sum()

    assert per_sample.cosine_to_mean(model, loss, x, None).tolist() == [0.0, 1.0]
    found = per_sample.pairwise_similarity(model, loss, x, None)
    assert found.tolist() == [[0.0, 0.0], [0.0, 1.0]]
    clipped = per_sample.clip(model, loss, x, None, 1e-3)
    assert clipped.total["weight"].tolist() == [[1e-3, 0.0]]


@kinds
@chunks
def test_variance_and_signal_to_noise(kind, chunk_size):
    model, x, y = kind.make(5)
    g = {n: v.numpy() for n, v in loop(model, LOSS, x, y).items()}
    expected = {n: torch.as_tensor(v.var(0, ddof=1)) for n, v in g.items()}
    found = per_sample.variance(model, LOSS, x, y, chunk_size=chunk_size)
    assert_all_near(found, expected)
    found = per_sample.gradient_signal_to_noise(
        model, LOSS, x, y, chunk_size=chunk_size
    )
    for name, v in g.items():
        used = (v != 0).any(0)
        ratios = v.mean(0)[used] ** 2 / v.var(0, ddof=1)[used]
        # An entry whose mean is small beside its deviation has lost digits.
        loss = 1e-12 * (1 + np.abs(v).max() / v.std(0)[used]) ** 2
        error = np.abs(found[name].numpy()[used] - ratios)
        assert (error <= loss * (ratios + np.sqrt(ratios) + 1)).all()
        assert (found[name].numpy()[~used] == 0).all()


def test_variance_far_from_zero_loses_no_digits():
    """As the difference of two sums of squares would: 1e7 twice is 1e14 in float32."""
    x = 1e4 + torch.arange(70.0).unsqueeze(1)
    model = nn.Linear(1, 1, bias=False)
    found = per_sample.variance(model, lambda z: z.sum(), x, None)
    assert_near(found["weight"], x.double().var().float().reshape(1, 1))


@kinds
def test_the_noise_scale(kind):
    model, x, y = kind.make(6)
    g = flat(loop(model, LOSS, x, y)).numpy()
    trace = np.trace(np.cov(g.T))
    square = (g.mean(0) ** 2).sum() - trace / len(g)
    found = per_sample.gradient_noise_scale(model, LOSS, x, y)
    assert_near(found.trace, torch.tensor(trace))
    assert abs(found.squared_norm.item() - square) <= 1e-12 * (abs(square) + trace)
    assert found.scale == (trace / square if square > 0 else math.inf) or (
        abs(found.scale.item() / (trace / square) - 1) < 1e-10
    )


def test_the_noise_scale_is_unbiased_where_it_should_be():
    """Gradients with mean (2, 0) and covariance the identity: 4 and 2, in the mean."""
    torch.manual_seed(0)
    model = nn.Linear(2, 1, bias=False).double()
    found = []
    for _ in range(200):
        x = torch.randn(4, 2).double() + torch.tensor([2.0, 0.0])
        found.append(
            per_sample.gradient_noise_scale(model, lambda z: z.sum(), x, None)[1:]
        )
    trace, square = torch.tensor(found).mean(0).tolist()
    assert abs(trace - 2) < 5 * math.sqrt(2 * 2 / 3 / 200)
    assert abs(square - 4) < 5 * math.sqrt((4 * 4 / 4 + 2 * 2 / 12) / 200)


def test_no_signal_is_an_infinite_scale():
    model = nn.Linear(1, 1, bias=False)
    x = torch.tensor([[1.0], [-1.0]])
    found = per_sample.gradient_noise_scale(model, lambda z: z.sum(), x, None)
    assert found.scale == math.inf and found.squared_norm == -1


@kinds
@pytest.mark.parametrize("chunk_size", [None, 2], ids=["whole", "chunks"])
def test_pairwise_similarity(kind, chunk_size):
    model, x, y = kind.make(5)
    g = flat(loop(model, LOSS, x, y))
    call = partial(per_sample.pairwise_similarity, model, LOSS, x, y)
    assert_near(call(normalize=False, chunk_size=chunk_size), g @ g.mT)
    unit = g / g.norm(dim=1, keepdim=True)
    assert_near(call(chunk_size=chunk_size), unit @ unit.mT)


@kinds
@chunks
def test_clip(kind, chunk_size):
    model, x, y = kind.make(5)
    g = loop(model, LOSS, x, y)
    bound = norms(g).median().item()
    factors = [min(1.0, bound / length) for length in norms(g).tolist()]
    found = per_sample.clip(model, LOSS, x, y, bound, chunk_size=chunk_size)
    expected = {
        n: sum(f * row for f, row in zip(factors, v, strict=True)) for n, v in g.items()
    }
    assert_all_near(found.total, expected)
    assert_near(found.norms, norms(g))


@given(st.integers(1, 6), st.floats(1e-3, 1e3), st.integers(0, 99))
def test_clipped_gradients_are_no_longer_than_the_bound(samples, bound, seed):
    model, x, y = KINDS[0].make(samples, seed=seed)
    found = per_sample.clip(model, LOSS, x, y, bound)
    length = flat({n: g[None] for n, g in found.total.items()}).norm()
    assert length <= samples * bound * (1 + 1e-12)


@pytest.mark.filterwarnings("ignore:Full backward hook is firing:UserWarning")
def test_clip_equals_the_sum_of_opacus():
    opacus = pytest.importorskip("opacus", reason="Opacus is not installed")
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 3, 3, padding=1), nn.GroupNorm(1, 3), nn.ReLU(), nn.Flatten(),
        nn.Linear(48, 4), nn.LayerNorm(4), nn.Linear(4, 3),
    ).double()  # fmt: skip
    x, y = torch.randn(6, 1, 4, 4).double(), torch.randint(3, (6,))
    lengths = per_sample.gradient_norms(model, LOSS, x, y)
    bound = lengths.median().item()
    found = per_sample.clip(model, LOSS, x, y, bound)
    private = opacus.GradSampleModule(model, loss_reduction="sum")
    optimizer = opacus.optimizers.DPOptimizer(
        torch.optim.SGD(private.parameters(), lr=1.0),
        noise_multiplier=0.0,
        max_grad_norm=bound,
        expected_batch_size=1,
        loss_reduction="sum",
    )
    LOSS(private(x), y).sum().backward()
    optimizer.clip_and_accumulate()
    scale = max(g.abs().amax().item() for g in found.total.values())
    # Opacus divides by the norm plus 1e-6.
    bound = 1e-6 / lengths.min().item()
    for name, parameter in model.named_parameters():
        error = (found.total[name] - parameter.summed_grad).abs().amax().item()
        assert error <= bound * scale * len(x)


BAD_CALLS = {
    "neither": (
        lambda *a: per_sample.projections(*a),
        "directions must be given, or dim.*got neither",
    ),
    "both": (
        lambda *a: per_sample.projections(*a, {}, dim=3),
        "directions must be given, or dim.*got both",
    ),
    "dim": (
        lambda *a: per_sample.projections(*a, dim=0),
        "dim must be above 0 and finite, got 0",
    ),
    "names": (
        lambda *a: per_sample.projections(*a, {"w": torch.ones(3)}),
        r"directions must have the names of the parameters.*got \['w'\]",
    ),
    "shapes": (
        lambda *a: per_sample.projections(
            *a, {n: torch.ones(3) for n, _ in a[0].named_parameters()}
        ),
        "directions must have the shapes of the parameters",
    ),
    "one sample": (
        lambda m, loss, x, y: per_sample.variance(m, loss, x[:1], y[:1]),
        "x must hold 2 samples or more, got 1",
    ),
    "bound": (
        lambda *a: per_sample.clip(*a, max_norm=0.0),
        "max_norm must be above 0 and finite, got 0.0",
    ),
}


@pytest.mark.unchecked
@pytest.mark.parametrize("call, words", BAD_CALLS.values(), ids=BAD_CALLS)
def test_bad_arguments(call, words):
    model, x, y = KINDS[0].make(4)
    with pytest.raises(ValueError, match=words):
        call(model, LOSS, x, y)

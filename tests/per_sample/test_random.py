"""Random numbers: the same in each pass of a call, and as asked for over samples."""

from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional

import costfn
import per_sample_odd_models as odd
from costfn import per_sample
from per_sample_models import assert_near, flat

LOSS = functional.cross_entropy
N = 9
torch.manual_seed(0)
X, Y = torch.randn(N, 4).double(), torch.randint(3, (N,))
chunks = pytest.mark.parametrize("chunk_size", [None, 4], ids=["whole", "chunks"])
ways = pytest.mark.parametrize("randomness", ["same", "different"])


def net():
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Linear(4, 16), nn.Dropout(0.5), nn.Tanh(), nn.Linear(16, 3), nn.Dropout(0.3)
    ).double()


def slow():
    """The same, in a form that `vmap` cannot run."""
    model = net()
    model.insert(3, odd.Checkpointed(False).double())
    model[3].first, model[3].out = nn.Linear(16, 16).double(), nn.Identity()
    return model


@chunks
@ways
@pytest.mark.parametrize("build", [net, slow])
@pytest.mark.filterwarnings("ignore::costfn.per_sample.SlowWarning")
def test_every_function_speaks_of_the_same_gradients(build, randomness, chunk_size):
    model = build()
    options = {"randomness": randomness, "chunk_size": chunk_size}

    def call(function, *args):
        torch.manual_seed(2)
        return function(model, LOSS, X, Y, *args, **options)

    parts = call(per_sample.gradients)
    g = flat(parts)
    length = g.norm(dim=1)
    assert_near(call(per_sample.gradient_norms), length)
    clipped = call(per_sample.clip, 0.5)
    assert_near(clipped.norms, length)
    expected = (0.5 / length).clamp(max=1) @ g
    found = torch.cat([v.flatten() for v in clipped.total.values()])
    assert_near(found, expected)
    mean = functional.cosine_similarity(g, g.mean(0)[None])
    assert_near(call(per_sample.cosine_to_mean), mean)
    if build is net:  # the slow one has a forward derivative, with draws of its own
        vector = {n: v[0] for n, v in parts.items()}
        assert_near(call(per_sample.projections, vector), g @ g[0])
    trace = call(per_sample.gradient_noise_scale).trace
    assert (trace - g.var(0).sum()).abs() <= 1e-12 * g.square().sum()
    spread = call(per_sample.variance)
    assert_near(torch.cat([v.flatten() for v in spread.values()]), g.var(0))
    if chunk_size is None:
        products = call(partial(per_sample.pairwise_similarity, normalize=False))
        assert_near(products, g @ g.mT)


@ways
def test_contributions_see_the_masks_of_the_predictions(randomness):
    """They add up to the gradient of the loss at the predictions with these masks."""
    model, options = net(), {"randomness": randomness}
    torch.manual_seed(2)
    parts = per_sample.contributions(model, costfn.mcc_loss, X, Y, **options)
    torch.manual_seed(2)
    length = per_sample.contribution_norms(model, costfn.mcc_loss, X, Y, **options)
    assert_near(length, flat(parts).norm(dim=1))
    # By hand, with every mask written down.
    masks = []
    torch.manual_seed(2)
    shapes = [
        (1 if randomness == "same" else N, 16),
        (1 if randomness == "same" else N, 3),
    ]
    for (rows, width), keep in zip(shapes, (0.5, 0.7), strict=True):
        masks.append(torch.empty(rows, width).double().bernoulli_(keep) / keep)
    h = (model[0](X) * masks[0]).tanh()
    costfn.mcc_loss(model[3](h) * masks[1], Y).backward()
    full = torch.cat([p.grad.flatten() for p in model.parameters()])
    assert_near(flat(parts).sum(0), full)


@chunks
@pytest.mark.parametrize("build", [net, slow])
@pytest.mark.filterwarnings("ignore::costfn.per_sample.SlowWarning")
def test_the_same_mask_is_the_same_in_every_chunk(build, chunk_size):
    x, y = X[:1].expand(64, -1), Y[:1].expand(64)
    found = per_sample.gradient_norms(
        build(), LOSS, x, y, randomness="same", chunk_size=chunk_size
    )
    assert (found - found[0]).abs().max() <= 1e-12 * found[0]


def test_clipped_sums_are_no_longer_than_their_bound():
    for seed in range(20):
        torch.manual_seed(seed)
        found = per_sample.clip(
            net(), LOSS, X[:1], Y[:1], max_norm=0.5, randomness="different"
        )
        length = torch.cat([v.flatten() for v in found.total.values()]).norm()
        assert length <= 0.5 * (1 + 1e-12)


def test_cosines_are_cosines():
    for seed in range(20):
        torch.manual_seed(seed)
        found = per_sample.cosine_to_mean(net(), LOSS, X, Y, randomness="different")
        assert found.abs().max() <= 1 + 1e-12


@pytest.mark.parametrize(
    "call",
    [
        per_sample.gradients,
        per_sample.gradient_norms,
        per_sample.cosine_to_mean,
        per_sample.variance,
        lambda *a: per_sample.clip(*a, 1.0),
        lambda m, f, x, y: per_sample.influence(m, f, (x, y), (x, y)),
        lambda *a: per_sample.projections(*a, dim=3),
        lambda m, f, x, y: per_sample.contributions(m, costfn.mcc_loss, x, y),
    ],
)
def test_by_default_nothing_may_be_drawn(call):
    models = [net(), slow()]
    before = torch.get_rng_state()
    for model in models:
        with pytest.raises(RuntimeError, match=r"model\.eval\(\).*randomness='diff"):
            call(model, LOSS, X, Y)
    call(models[0].eval(), LOSS, X, Y)
    assert torch.equal(torch.get_rng_state(), before)


@ways
def test_the_next_call_draws_other_numbers(randomness):
    torch.manual_seed(2)
    model = net()
    first = per_sample.clip(model, LOSS, X, Y, 0.5, randomness=randomness).norms
    second = per_sample.clip(model, LOSS, X, Y, 0.5, randomness=randomness).norms
    assert not torch.equal(first, second)


@ways
def test_a_summary_sees_the_same_gradients_in_both_passes(randomness):
    model = net()
    batches = [(X[:5], Y[:5]), (X[5:], Y[5:])]
    torch.manual_seed(2)
    parts = [
        flat(per_sample.gradients(model, LOSS, *b, randomness=randomness))
        for b in batches
    ]
    g = torch.cat(parts)
    torch.manual_seed(2)
    report = per_sample.summary(
        model, LOSS, batches, top=9, progress=False, randomness=randomness
    )
    scores = g @ g.mean(0)
    assert [s.index for s in report.opposing] == scores.argsort().tolist()
    for sample in report.opposing:
        assert abs(sample.score - scores[sample.index]) <= 1e-12 * scores.abs().max()

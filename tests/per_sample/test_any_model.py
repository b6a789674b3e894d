"""Every function on every odd model, against a loop; and the model is left as found."""

import gc
import warnings
import weakref
from collections import OrderedDict
from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional

import costfn
import per_sample_odd_models as odd
from costfn import per_sample
from per_sample_models import assert_near, flat, loop, norms

N = 6
torch.manual_seed(0)
ROWS = torch.randn(N, 4).double()
SEQUENCES = torch.randn(N, 5, 4).double()
TOKENS = torch.randint(5, (N, 7))
LENGTHS = torch.tensor([5, 2, 4, 1, 5, 3])
PADDING = torch.arange(5) >= LENGTHS[:, None]
IMAGES = torch.randn(N, 1, 4, 4).double().to(memory_format=torch.channels_last)
LABELS = torch.tensor([0, 1, 2, 0, 1, 1])

FAST = {
    "one module twice": (odd.alias, ROWS),
    "one module thrice": (odd.thrice, ROWS),
    "a shared PReLU": (odd.shared_prelu, ROWS),
    "a shared norm in eval": (odd.shared_norm, ROWS),
    "a cached mask": (odd.Caching, ROWS),
    "gradients by frequency": (
        partial(odd.Embedded, scale_grad_by_freq=True),
        TOKENS,
    ),
    "padding": (partial(odd.Embedded, padding_idx=1), TOKENS),
    "channels last": (odd.channels_last, IMAGES),
    "encoder": (
        partial(odd.Encoder, True, enable_nested_tensor=False),
        (SEQUENCES, PADDING),
    ),
    "encoder in eval": (
        partial(odd.Encoder, False, enable_nested_tensor=False),
        (SEQUENCES, PADDING),
    ),
    "nested tensors": (partial(odd.Encoder, False), (SEQUENCES, PADDING)),
    "a hook": (odd.Reversed, ROWS),
}
COUPLED = {
    "by the largest": (partial(odd.Scaled, odd.by_largest), ROWS),
    "standardised": (partial(odd.Scaled, odd.standardised), ROWS),
    "attention": (partial(odd.Scaled, odd.attending_over_the_batch), ROWS),
    "time first": (odd.TimeFirst, SEQUENCES),
}
SLOW = {
    "max_norm": (partial(odd.Embedded, max_norm=0.5), TOKENS, "max_norm"),
    "checkpoint": (
        partial(odd.Checkpointed, False),
        ROWS,
        "gradient_checkpointing_disable",
    ),
    "a Function": (partial(odd.Scaled, odd.Cube.apply), ROWS, "setup_context"),
    "RNN": (partial(odd.Recurrent, nn.RNN), SEQUENCES, r"h = x\.new_zeros"),
    "GRU": (partial(odd.Recurrent, nn.GRU), SEQUENCES, r"h = x\.new_zeros"),
    "LSTM": (partial(odd.Recurrent, nn.LSTM), SEQUENCES, r"h = x\.new_zeros"),
    "packed": (
        partial(odd.Recurrent, nn.LSTM),
        (SEQUENCES, LENGTHS),
        r"not pack|torch\.where",
    ),
    "in place": (odd.InPlace, ROWS, r"write x = x \+ y instead of x \+= y"),
    "by value": (odd.ByValue, ROWS, r"torch\.where"),
    "a hook on a module": (odd.hooked, ROWS, "setup_context"),
    "experts": (odd.Experts, ROWS, "dynamic shape|torch"),
    "forces": (odd.Forces, ROWS, "requires_grad_"),
}
CALLS = {
    "gradients": lambda *a, **o: flat(per_sample.gradients(*a, **o)),
    "gradient_norms": per_sample.gradient_norms,
    "projections": lambda *a, **o: per_sample.projections(*a, direction(a[0]), **o),
    "cosine_to_mean": per_sample.cosine_to_mean,
    "clip": lambda *a, **o: one_row(per_sample.clip(*a, 0.1, **o).total),
    "influence": lambda m, f, x, y, **o: per_sample.influence(
        m, f, (x, y), (x, y), **o
    ),
    "variance": lambda *a, **o: one_row(per_sample.variance(*a, **o)),
    "noise": lambda *a, **o: per_sample.gradient_noise_scale(*a, **o).trace,
    "pairwise": partial(per_sample.pairwise_similarity, normalize=False),
}
calls = pytest.mark.parametrize("name", CALLS)


def one_row(parts):
    return torch.cat([v.flatten() for v in parts.values()])


def direction(model):
    torch.manual_seed(5)
    return {n: torch.randn_like(p) for n, p in model.named_parameters()}


def expected(name, g, model):
    """What a function is to return, from the loop's gradients."""
    length = g.norm(dim=1)
    return {
        "gradients": lambda: g,
        "gradient_norms": lambda: length,
        "projections": lambda: g @ one_row(direction(model)),
        "cosine_to_mean": lambda: functional.cosine_similarity(g, g.mean(0)[None]),
        "clip": lambda: (0.1 / length).clamp(max=1) @ g,
        "influence": lambda: g @ g.mT,
        "variance": lambda: g.var(0),
        "noise": lambda: g.var(0).sum(),
        "pairwise": lambda: g @ g.mT,
    }[name]()


def made(build):
    torch.manual_seed(1)
    return build().double()


def picture(model):
    """All that a call could change: objects by identity, values, random numbers."""
    kept = []
    for module in model.modules():
        for key, value in vars(module).items():
            kept.append((key, id(value)))
            if isinstance(value, dict | list | OrderedDict):
                entries = value.values() if isinstance(value, dict) else value
                kept.append((key, [id(entry) for entry in entries]))
    values = [v.detach().clone() for v in model.state_dict().values()]
    grads = [(id(p), id(p.grad), p.requires_grad) for p in model.parameters()]
    return kept, grads, [*values, torch.get_rng_state()]


def assert_left_as(before, model):
    kept, grads, values = picture(model)
    assert kept == before[0] and grads == before[1]
    assert all(torch.equal(a, b) for a, b in zip(before[2], values, strict=True))


def check(name, build, x, loss=functional.cross_entropy, y=LABELS, bound=None):
    model = made(build)
    g = flat(loop(made(build), loss, x, y))
    for p in model.parameters():
        p.grad = torch.ones_like(p)
    model.register_forward_hook(lambda *_: None)
    right = expected(name, g, model)
    before = picture(model)
    found = CALLS[name](model, loss, x, y)
    assert_left_as(before, model)
    if name == "noise":
        assert (found - right).abs() <= 1e-12 * g.square().sum()
    else:
        assert_near(found, right)


@calls
@pytest.mark.filterwarnings("ignore:.*nested tensors is in prototype:UserWarning")
@pytest.mark.parametrize("build, x", FAST.values(), ids=FAST)
def test_models_that_vmap_can_run(name, build, x):
    check(name, build, x)


@calls
@pytest.mark.parametrize("build, x", COUPLED.values(), ids=COUPLED)
def test_models_that_mix_samples_are_given_one_by_one(name, build, x):
    with pytest.warns(per_sample.SlowWarning, match="treat each sample alone") as seen:
        check(name, build, x)
    assert len(seen) == 1


def test_a_model_is_compared_once_in_each_mode():
    model, calls = nn.Sequential(nn.Linear(4, 3), nn.Tanh()).double().eval(), []
    model.register_forward_hook(lambda *_: calls.append(1))

    def norms_and_calls(samples=4):
        calls.clear()
        x = ROWS[:samples]
        per_sample.gradient_norms(
            model, functional.cross_entropy, x, LABELS[:samples], chunk_size=samples
        )
        return len(calls)

    one_sample = norms_and_calls(1)  # nothing to compare it with
    first, again = norms_and_calls(), norms_and_calls()
    assert one_sample == again and first == again + 3
    model[0].train()
    assert norms_and_calls() == first and norms_and_calls() == again


def test_a_mixing_model_warns_at_each_call_and_is_freed():
    build, x = COUPLED["by the largest"]
    model = made(build)
    for _ in range(2):
        with pytest.warns(per_sample.SlowWarning, match="treat each sample alone"):
            per_sample.clip(model, functional.cross_entropy, x, LABELS, 1.0)
    alive = weakref.ref(model)
    del model
    gc.collect()
    assert alive() is None


def test_a_function_that_mixes_samples_warns_too():
    def model(p, x):
        return (x / x.abs().max()) @ p["w"]

    p = {"w": torch.eye(4)[:, :3].double()}
    with pytest.warns(per_sample.SlowWarning, match="treat each sample alone"):
        per_sample.gradients(
            model, functional.cross_entropy, ROWS, LABELS, parameters=p
        )


@pytest.mark.parametrize("build, x", COUPLED.values(), ids=COUPLED)
@pytest.mark.filterwarnings("ignore::costfn.per_sample.SlowWarning")
def test_and_have_no_contributions(build, x):
    with pytest.raises(ValueError, match=r"treat each sample alone.*add up"):
        per_sample.contributions(made(build), costfn.f_beta_loss, x, LABELS)


def test_nor_has_an_embedding_by_frequency():
    build, x = FAST["gradients by frequency"]
    with pytest.raises(ValueError, match="an embedding with scale_grad_by_freq=True"):
        per_sample.contribution_norms(made(build), costfn.f_beta_loss, x, LABELS)


@calls
@pytest.mark.parametrize("build, x, words", SLOW.values(), ids=SLOW)
def test_models_that_vmap_cannot_run(name, build, x, words):
    if name == "projections":
        # By forward derivatives of the whole batch, perhaps without vmap.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", per_sample.SlowWarning)
            check(name, build, x)
        return
    with pytest.warns(per_sample.SlowWarning, match=words) as seen:
        check(name, build, x)
    assert len(seen) == 1


@pytest.mark.unchecked
def test_the_warning_is_at_the_line_of_the_user():
    build, x, _ = SLOW["by value"]
    with pytest.warns(per_sample.SlowWarning) as seen:
        per_sample.gradient_norms(made(build), functional.cross_entropy, x, LABELS)
    assert seen[0].filename == __file__


@calls
@pytest.mark.filterwarnings("ignore::costfn.per_sample.SlowWarning")
def test_sparse_gradients(name):
    check(name, partial(odd.Embedded, sparse=True), TOKENS)


def test_and_what_is_said_of_them():
    model = made(partial(odd.Embedded, sparse=True))
    with pytest.warns(per_sample.SlowWarning, match="sparse=False"):
        per_sample.gradients(model, functional.cross_entropy, TOKENS, LABELS)


@pytest.mark.parametrize("build, x, words", SLOW.values(), ids=SLOW)
def test_their_contributions(build, x, words):
    model, loss = made(build), costfn.f_beta_loss
    loss(model(*x) if isinstance(x, tuple) else model(x), LABELS).backward()
    with pytest.warns(per_sample.SlowWarning, match=words):
        found = per_sample.contributions(model, loss, x, LABELS)
    assert_near(one_row({n: g.sum(0) for n, g in found.items()}), _grads(model))
    with pytest.warns(per_sample.SlowWarning, match=words):
        length = per_sample.contribution_norms(model, loss, x, LABELS)
    assert_near(length, norms(found))


def _grads(model):
    parts = [
        torch.zeros_like(p) if p.grad is None else p.grad.to_dense()
        for p in model.parameters()
    ]
    return torch.cat([part.flatten() for part in parts])


@calls
def test_several_heads_with_a_loss_that_looks_at_values(name):
    """`gaussian_nll_loss` asks whether a variance is negative."""

    def loss(prediction, y):
        mean, spread, _ = prediction
        return functional.gaussian_nll_loss(mean, y, spread)

    check(name, odd.TwoHeads, ROWS, loss, ROWS[:, :1])


def test_a_model_at_fault_speaks_for_itself():
    model = nn.Linear(3, 3).double()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
            per_sample.gradients(model, functional.cross_entropy, ROWS, LABELS)
        with pytest.raises(RuntimeError, match="multi-target not supported"):
            per_sample.gradients(
                made(odd.alias), functional.cross_entropy, ROWS, LABELS[:, None]
            )


def test_inference_mode_is_named():
    model = made(odd.alias)
    with torch.inference_mode(), pytest.raises(RuntimeError, match="inference_mode"):
        per_sample.gradients(model, functional.cross_entropy, ROWS, LABELS)
    with torch.inference_mode():
        x = ROWS.clone()
    g = flat(loop(model, functional.cross_entropy, ROWS, LABELS))
    found = per_sample.gradients(model, functional.cross_entropy, x, LABELS)
    assert_near(flat(found), g)


def test_complex_weights():
    torch.manual_seed(0)
    model = nn.Linear(4, 3, dtype=torch.complex128)
    x = torch.randn(N, 4, dtype=torch.complex128)

    def loss(z, y):
        return functional.cross_entropy(z.abs(), y)

    g = loop(model, loss, x, LABELS)
    pairs = flat({n: torch.view_as_real(v) for n, v in g.items()})
    call = (model, loss, x, LABELS)
    assert_near(per_sample.gradient_norms(*call), pairs.norm(dim=1))
    v = one_row({n: torch.view_as_real(d) for n, d in direction(model).items()})
    assert_near(per_sample.projections(*call, direction(model)), pairs @ v)
    mean = functional.cosine_similarity(pairs, pairs.mean(0)[None])
    assert_near(per_sample.cosine_to_mean(*call), mean)
    products = pairs @ pairs.mT
    assert_near(per_sample.pairwise_similarity(*call, normalize=False), products)
    assert_near(per_sample.influence(model, loss, *[(x, LABELS)] * 2), products)
    assert_near(per_sample.gradient_noise_scale(*call).trace, pairs.var(0).sum())
    spread = per_sample.variance(*call)["weight"]
    assert_near(spread, g["weight"].var(0))


def test_half_precision_answers_in_single():
    torch.manual_seed(0)
    model, x = nn.Linear(4, 3).bfloat16(), torch.randn(N, 4).bfloat16()
    call = model, functional.cross_entropy, x, LABELS
    one = per_sample.projections(*call, direction(model))
    found = [
        one,
        per_sample.projections(*call, dim=5),
        per_sample.gradient_norms(*call),
    ]
    found += [per_sample.cosine_to_mean(*call), per_sample.clip(*call, 1.0).norms]
    found += [per_sample.influence(*call[:2], call[2:], call[2:])]
    assert {f.dtype for f in found} == {torch.float32}


class OwnLoss(nn.Module):
    """Gives the mean loss of its batch, as transformers do, and mixes nothing."""

    def __init__(self):
        super().__init__()
        self.linear, self.decides = nn.Linear(4, 3), False

    def forward(self, x, labels):
        if self.decides and x.abs().sum().item() < 0:
            x = -x
        z = self.linear(x)
        return {"loss": functional.cross_entropy(z, labels), "logits": z}


@calls
@pytest.mark.parametrize("decides", [False, True])
@pytest.mark.filterwarnings("ignore::costfn.per_sample.SlowWarning")
def test_a_model_that_gives_its_own_loss(name, decides):
    def build():
        model = OwnLoss()
        model.decides = decides
        return model

    x = {"x": ROWS, "labels": LABELS}
    check(name, build, x, lambda out: out["loss"], None)


def test_a_summary_of_batches_as_dictionaries():
    model = made(OwnLoss)
    batches = [
        {"x": ROWS[:4], "labels": LABELS[:4]},
        {"x": ROWS[4:], "labels": LABELS[4:]},
    ]
    loss = functional.cross_entropy
    g = flat(loop(model.linear, loss, ROWS, LABELS))
    own = per_sample.summary(model, lambda out: out["loss"], batches, progress=False)
    given = per_sample.summary(
        model.linear,
        loss,
        [{"input": b["x"], "labels": b["labels"]} for b in batches],
        target="labels",
        validation=({"input": ROWS}, LABELS),
        progress=False,
    )
    order = g.norm(dim=1).argsort(descending=True).tolist()
    for report in (own, given):
        assert [s.index for s in report.largest] == order
        assert sum(group.samples for group in report.groups) == N
        assert [s.index for s in report.opposing] == (g @ g.mean(0)).argsort().tolist()
    with pytest.warns(per_sample.SlowWarning) as seen:
        model.decides = True
        per_sample.summary(model, lambda out: out["loss"], batches, progress=False)
    assert len(seen) == 1

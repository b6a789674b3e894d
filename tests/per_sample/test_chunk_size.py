"""That passes take as many samples at a time as fit in memory, in equal parts."""

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from costfn import per_sample
from costfn.per_sample import _chunk_size
from costfn.per_sample._prepare import prepare
from per_sample_models import assert_near, loop, norms

LOSS = nn.CrossEntropyLoss()


def images():
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.Tanh(), nn.Flatten(), nn.Linear(8 * 64, 3)
    )


def problem_of(model, samples, *shape, **options):
    x, y = torch.randn(samples, *shape), torch.arange(samples) % 3
    return prepare(model, LOSS, x, y, **options)


def sizes(problem):
    return [rows.stop - rows.start for rows, _, _ in problem.chunks(chunk(problem))]


def chunk(problem):
    return _chunk_size.chunk_size(problem)


def never(*_):
    raise AssertionError("a sample was run to measure its memory")


def test_few_samples_are_taken_together_unmeasured(monkeypatch):
    monkeypatch.setattr(_chunk_size, "_of_one_sample", never)
    assert chunk(problem_of(images(), 64, 1, 8, 8)) == 64


def test_nor_is_anything_measured_if_the_size_is_given(monkeypatch):
    monkeypatch.setattr(_chunk_size, "_of_one_sample", never)
    monkeypatch.setattr(_chunk_size, "_BYTES", 1)
    for options in ({"chunk_size": 5}, {"randomness": "different"}):
        chunk(problem_of(images(), 64, 1, 8, 8, **options))


def test_what_one_sample_holds_is_measured():
    """Input and output of the convolution's activation, and the input itself."""
    held = _chunk_size._of_one_sample(problem_of(images(), 64, 1, 8, 8))
    image, hidden = 4 * 64, 4 * 8 * 64
    assert image + hidden <= held <= image + 2 * hidden


def test_gradients_that_are_formed_for_each_sample_count_too():
    model = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
    problem = prepare(
        nn.Sequential(model, nn.Flatten(), nn.Linear(24, 3)),
        LOSS,
        torch.randn(4, 3, 8),
        torch.arange(4) % 3,
    )
    attention = model.self_attn
    parts = (attention.in_proj_weight, attention.out_proj.weight)
    held = _chunk_size._of_one_sample(problem)
    assert held > sum(p.nbytes for p in parts)


def test_chunks_are_of_equal_size(monkeypatch):
    problem = problem_of(images(), 64, 1, 8, 8)
    monkeypatch.setattr(_chunk_size, "_bound", lambda _: 100)
    monkeypatch.setattr(_chunk_size, "_of_one_sample", lambda _: 10)
    monkeypatch.setattr(_chunk_size, "_BYTES", 300)
    assert sizes(problem) == [22, 22, 20]


def test_a_sample_too_large_is_taken_alone(monkeypatch):
    monkeypatch.setattr(_chunk_size, "_BYTES", 1)
    model = images()
    problem = problem_of(model, 3, 1, 8, 8)
    assert sizes(problem) == [1, 1, 1]
    found = per_sample.gradient_norms(model, LOSS, problem.x, problem.y)
    assert_near(found, norms(loop(model, LOSS, problem.x, problem.y)))


class Saving(nn.Module):
    """Torch refuses to look at what it saves within its own transforms."""

    def __init__(self):
        super().__init__()
        self.inner = images()

    def forward(self, x):
        return torch.func.jvp(lambda x: self.inner(x), (x,), (x,))[1]


class Checkpointed(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = images()

    def forward(self, x):
        return checkpoint(self.inner, x, use_reentrant=False)


class Noisy(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = images()

    def forward(self, x):
        return self.inner(torch.dropout(x, 0.5, True))


@pytest.mark.parametrize("build", [Saving, Noisy])
def test_measuring_leaves_the_random_state_and_the_model(build, monkeypatch):
    monkeypatch.setattr(_chunk_size, "_BYTES", 1)
    torch.manual_seed(0)
    model = build()
    before = torch.get_rng_state()
    problem = problem_of(model, 3, 1, 8, 8, randomness="same")
    after = torch.get_rng_state()
    chunk(problem)
    assert torch.equal(torch.get_rng_state(), after) and len(before) == len(after)
    assert all(p.grad is None for p in model.parameters())


@pytest.mark.filterwarnings("ignore::costfn.per_sample.SlowWarning")
@pytest.mark.parametrize("build", [Saving, Checkpointed])
def test_models_that_cannot_be_measured_run_too(build, monkeypatch):
    monkeypatch.setattr(_chunk_size, "_BYTES", 1)
    torch.manual_seed(0)
    model = build().double()
    x, y = torch.randn(3, 1, 8, 8).double(), torch.arange(3)
    found = per_sample.gradient_norms(model, LOSS, x, y)
    assert_near(found, norms(loop(model, LOSS, x, y)))

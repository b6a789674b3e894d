"""Influence of samples on samples, against inner products of a loop's gradients."""

from functools import partial

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import costfn
from costfn import per_sample
from per_sample_models import KINDS, assert_near, flat, full_gradient, loop

LOSS = costfn.focal_loss
MLP = KINDS[0]
kinds = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
chunks = pytest.mark.parametrize("chunk_size", [None, 3], ids=["whole", "chunks"])


def gradient(parts):
    return torch.cat([v.flatten() for v in parts.values()])


@kinds
@chunks
@pytest.mark.parametrize("tests", [1, 4])
def test_the_matrix(kind, chunk_size, tests):
    model, x, y = kind.make(5)
    g = flat(loop(model, LOSS, x, y))
    test = x.flip(0)[:tests], y.flip(0)[:tests]
    found = per_sample.influence(model, LOSS, (x, y), test, chunk_size=chunk_size)
    assert_near(found, g @ flat(loop(model, LOSS, *test)).mT)


@kinds
def test_on_a_loss_of_all_test_samples(kind):
    model, x, y = kind.make(5)
    g = flat(loop(model, LOSS, x, y))
    test = x.flip(0)[:3], y.flip(0)[:3]
    call = partial(per_sample.influence, model, LOSS, (x, y), test)
    full = gradient(full_gradient(model, costfn.f_beta_loss, *test))
    found = call(test_loss=costfn.f_beta_loss, learning_rates=0.5)
    assert_near(found, 0.5 * g @ full)
    mean = call(test_loss=lambda z, y: LOSS(z, y).mean())
    assert_near(mean, call().mean(1))


def test_in_blocks_of_what_may_be_held(monkeypatch):
    model, x, y = MLP.make(7)
    g = flat(loop(model, LOSS, x, y))
    size = g.shape[1]
    monkeypatch.setattr("costfn.per_sample._influence._HELD", 3 * size)
    monkeypatch.setattr("costfn.per_sample._gradient_problem._NUMBERS", 2 * size)
    found = per_sample.influence(model, LOSS, (x, y), (x, y))
    assert_near(found, g @ g.mT)


def test_it_is_what_a_small_step_changes():
    model, x, y = MLP.make(4)
    test = MLP.make(6, seed=7)[1:]
    rate = 1e-6
    found = per_sample.influence(model, LOSS, (x, y), test, learning_rates=rate)
    before = LOSS(model(test[0]), test[1]).detach()
    for i, g in enumerate(flat(loop(model, LOSS, x, y))):
        other, _, _ = MLP.make(4)
        old = nn.utils.parameters_to_vector(other.parameters())
        nn.utils.vector_to_parameters(old - rate * g, other.parameters())
        lowered = before - LOSS(other(test[0]), test[1]).detach()
        assert (lowered - found[i]).abs().max() < 1e-4 * found.abs().max()


class Normed(nn.Sequential):
    """With running statistics, which are of each time their own."""

    def __init__(self, seed):
        torch.manual_seed(seed)
        super().__init__(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Tanh(), nn.Linear(5, 3))
        self.double()(torch.randn(20, 4).double() * (1 + seed))
        self.eval()


RATES = [[0.1, 0.2], torch.tensor([0.1, 0.2]), (torch.tensor(0.1), torch.tensor(0.2))]


@pytest.mark.parametrize("rates", RATES, ids=["list", "tensor", "tensors"])
@pytest.mark.parametrize("frozen", [False, True])
def test_over_checkpoints_with_their_buffers(rates, frozen):
    model = Normed(0)
    _, x, y = MLP.make(4)
    expected = 0.0
    for rate, other in zip((0.1, 0.2), (Normed(1), Normed(2)), strict=True):
        other[0].weight.requires_grad_(not frozen)
        g = flat(loop(other, LOSS, x, y))
        expected = expected + rate * g @ g[:2].mT
    model[0].weight.requires_grad_(not frozen)
    before = {n: v.clone() for n, v in model.state_dict().items()}
    found = per_sample.influence(
        model,
        LOSS,
        (x, y),
        (x[:2], y[:2]),
        checkpoints=[Normed(1).state_dict(), Normed(2).state_dict()],
        learning_rates=rates,
    )
    assert ((found - expected).abs() <= 1e-7 * expected.abs().max()).all()
    assert all(torch.equal(v, before[n]) for n, v in model.state_dict().items())


def test_one_rate_for_all_checkpoints_also_as_a_tensor():
    model, x, y = MLP.make(4)
    g = flat(loop(model, LOSS, x, y))
    found = per_sample.influence(
        model,
        LOSS,
        (x, y),
        (x, y),
        checkpoints=(dict(model.named_parameters()) for _ in range(3)),
        learning_rates=torch.tensor(0.5, dtype=torch.float64),
    )
    assert_near(found.detach(), 1.5 * g @ g.mT)


def test_of_some_layers_by_pattern():
    model, x, y = next(k for k in KINDS if k.name == "transformer").make(4)
    every = loop(model, LOSS, x, y)
    own = flat({n: g for n, g in every.items() if n.startswith("block.")})
    for pattern in ("block.*", ["block.*"], ["block.lin*", "block.norm?.*", "*attn*"]):
        found = per_sample.influence(model, LOSS, (x, y), (x, y), parameters=pattern)
        assert_near(found, own @ own.mT)


@pytest.mark.parametrize("named", [False, True], ids=["pairs", "dictionaries"])
def test_from_loaders(named):
    model, x, y = MLP.make(11)
    g = flat(loop(model, LOSS, x, y))

    def loader(size, batch_size):
        if not named:
            return DataLoader(TensorDataset(x[:size], y[:size]), batch_size=batch_size)
        rows = [{"input": x[i], "label": y[i]} for i in range(size)]
        return DataLoader(rows, batch_size=batch_size)

    call = partial(per_sample.influence, model, LOSS, target="label" if named else None)
    assert_near(call(loader(11, 4), loader(5, 2)), g @ g[:5].mT)
    full = gradient(full_gradient(model, costfn.f_beta_loss, x[:5], y[:5]))
    found = call(loader(11, 4), loader(5, 2), test_loss=costfn.f_beta_loss)
    assert_near(found, g @ full)


def test_values_of_parameters_and_which_to_differentiate_apart():
    model, other = Normed(0), Normed(3)
    _, x, y = MLP.make(4)
    g = loop(other, LOSS, x, y)
    found = per_sample.gradients(
        model, LOSS, x, y, values=other.state_dict(), parameters="3.*"
    )
    assert set(found) == {"3.weight", "3.bias"}
    for name, values in found.items():
        assert_near(values, g[name])
    length = per_sample.gradient_norms(model, LOSS, x, y, values=other.state_dict())
    assert_near(length, flat(g).norm(dim=1))


def test_values_of_a_function():
    torch.manual_seed(0)
    values = {"w": torch.randn(4, 3).double(), "b": torch.randn(3).double()}
    _, x, y = MLP.make(4)

    def model(p, x):
        return x @ p["w"] + p["b"]

    every = per_sample.gradients(model, LOSS, x, y, parameters=values)
    found = per_sample.gradients(model, LOSS, x, y, values=values, parameters=["b"])
    assert set(found) == {"b"}
    assert_near(found["b"], every["b"])
    twice = {n: 2 * v for n, v in values.items()}
    checkpoints = [values, twice]
    matrix = per_sample.influence(
        model, LOSS, (x, y), (x, y), values=values, checkpoints=None
    )
    assert_near(matrix, flat(every) @ flat(every).mT)
    both = per_sample.influence(model, LOSS, (x, y), (x, y), checkpoints=checkpoints)
    other = flat(per_sample.gradients(model, LOSS, x, y, parameters=twice))
    assert_near(both, matrix + other @ other.mT)


BAD_CALLS = {
    "rates": ({"learning_rates": [1.0, 2.0]}, "learning_rates must be one number.*2"),
    "checkpoints": (
        {"checkpoints": [], "learning_rates": [1.0]},
        "checkpoints must be 1 or more, with one learning rate.*got 0 and 1",
    ),
    "values twice": (
        {"checkpoints": [{}], "values": {}},
        "values must be None, and parameters names",
    ),
    "no running mean": (
        {"checkpoints": [dict(Normed(0).named_parameters())]},
        r"checkpoints\[0\] must hold all parameters and buffers.*running_mean",
    ),
    "unknown value": (
        {"values": {"w": torch.ones(2)}},
        r"values must be of the model's parameters and buffers, got 'w'.*1\.weight",
    ),
    "shape": ({"values": {"0.bias": torch.ones(2)}}, r"values\['0\.bias'\] must have"),
    "pattern": ({"parameters": "encoder.*"}, r"must be names.*got \['encoder\.\*'\]"),
    "target": ({"target": "y"}, "target must be an entry of the batches, got 'y'"),
}


@pytest.mark.unchecked
@pytest.mark.parametrize("options, words", BAD_CALLS.values(), ids=BAD_CALLS)
def test_bad_arguments(options, words):
    _, x, y = MLP.make(4)
    train = [{"input": x, "label": y}] if "target" in options else (x, y)
    with pytest.raises(ValueError, match=words):
        per_sample.influence(Normed(0), LOSS, train, (x, y), **options)


@pytest.mark.unchecked
def test_samples_that_come_in_another_order_next_time():
    model, x, y = MLP.make(4)
    shuffled = DataLoader(TensorDataset(x, y), shuffle=True)
    with pytest.raises(ValueError, match="test must not shuffle"):
        per_sample.influence(model, LOSS, (x, y), shuffled)
    with pytest.raises(TypeError, match="train must be iterable more than once"):
        per_sample.influence(model, LOSS, iter([(x, y)]), (x, y))

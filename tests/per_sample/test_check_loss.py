"""What the trial of a loss lets pass, and what it does not, on the data it may see."""

from collections import OrderedDict, UserDict, namedtuple
from dataclasses import dataclass
from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional

import costfn
from costfn import per_sample
from costfn.doctor import BrokenLossError
from per_sample_models import KINDS, assert_all_near, assert_near, flat, loop, norms

MLP = KINDS[0]
CALLS = [per_sample.gradients, per_sample.gradient_norms, per_sample.cosine_to_mean]
calls = pytest.mark.parametrize("call", CALLS, ids=lambda f: f.__name__)


def sorted_by_class(samples=200, last=1):
    """One class after the other, of which the second has few samples."""
    model, x, _ = MLP.make(samples)
    y = torch.zeros(samples, dtype=torch.long)
    y[samples - last - 60 : samples - 60] = 1
    return model, x, y


@calls
@pytest.mark.unchecked
@pytest.mark.parametrize("last", [1, 50])
@pytest.mark.parametrize("form", ["module", "function", "lambda"])
def test_a_weighted_mean_over_sorted_classes(call, last, form):
    model, x, y = sorted_by_class(last=last)
    weight = torch.tensor([1.0, 10.0, 1.0]).double()
    loss = {
        "module": nn.CrossEntropyLoss(weight=weight),
        "function": partial(functional.cross_entropy, weight=weight),
        "lambda": lambda z, y: functional.cross_entropy(z, y, weight),
    }[form]
    with pytest.raises(ValueError, match=r"mean or the sum.*reduction='none'"):
        call(model, loss, x, y)
    kept = nn.CrossEntropyLoss(weight=weight, reduction="none")
    found = per_sample.gradient_norms(model, kept, x, y)
    assert_near(found, norms(loop(model, kept, x, y)))


def beyond_the_margin(samples, wrong):
    model, x, _ = MLP.make(samples)
    y = model(x).argmax(-1)
    y[samples - wrong :] = (y[samples - wrong :] + 1) % 3
    return model, x, y


def squared_hinge(z, y):
    others = z.scatter(1, y[:, None], -torch.inf).amax(1)
    return (others - z.gather(1, y[:, None]).squeeze(1)).clamp(min=0).square().mean()


@pytest.mark.parametrize("wrong", [0, 1])
@pytest.mark.parametrize("loss", [squared_hinge, lambda z, y: squared_hinge(z, y)])
def test_a_zero_gradient_is_an_answer(loss, wrong):
    model, x, y = beyond_the_margin(40, wrong)
    expected = loop(model, loss, x, y)
    assert_all_near(per_sample.gradients(model, loss, x, y), expected)
    found = per_sample.gradient_norms(model, loss, x, y)
    assert_near(found, norms(expected))
    assert not found[:-1].any() and bool(found[-1]) == bool(wrong)
    batches = [(x[:20], y[:20]), (x[20:], y[20:])]
    report = per_sample.summary(model, loss, batches, progress=False)
    assert report.samples == 40


@pytest.mark.parametrize("ignored", [8, 12])
def test_so_is_that_of_ignored_labels(ignored):
    model, x, _ = MLP.make(12)
    y = torch.randint(3, (12,))
    y[:ignored] = -100

    def loss(z, y):
        return functional.cross_entropy(z, y, reduction="sum")

    expected = loop(model, loss, x, y)
    assert_all_near(per_sample.gradients(model, loss, x, y), expected)
    found = per_sample.gradient_norms(model, loss, x, y)
    assert_near(found, norms(expected))
    assert (found == 0).sum() == ignored


@calls
@pytest.mark.unchecked
def test_a_loss_of_steps_is_broken_wherever_it_is_asked(call):
    model, x, y = beyond_the_margin(12, 0)

    def loss(z, y):
        return (z.softmax(-1).round() - functional.one_hot(y, 3)).square().mean()

    with pytest.raises(BrokenLossError, match=r"PIECEWISE_CONST(.|\n)*round"):
        call(model, loss, x, y)


def tokens(samples=5):
    """Text of unequal length, the rest of it ignored."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 4)).double()
    x = torch.randn(samples, 6, 3).double()
    y = torch.randint(4, (samples, 6))
    for i, length in enumerate((6, 2, 4, 1, 3)):
        y[i, length:] = -100
    return model, x, y


def flattened(z, y):
    return functional.cross_entropy(z.flatten(0, 1), y.flatten())


def next_token(z, y):
    return flattened(z[:, :-1], y[:, 1:])


def padded_with_0(z, y):
    return functional.cross_entropy(z.flatten(0, 1), y.flatten(), ignore_index=0)


def masked(z, y, mask):
    each = functional.cross_entropy(z.movedim(-1, 1), y, reduction="none")
    return (each * mask).sum() / mask.sum()


@pytest.mark.parametrize("loss", [flattened, next_token, padded_with_0, masked])
@calls
def test_a_mean_over_tokens_that_are_not_ignored(call, loss):
    model, x, y = tokens()
    if loss is next_token:
        y[3, 1] = 2  # or no token of it would be left
    mask = (y >= 0).double()
    if loss in (padded_with_0, masked):
        y = torch.where(y == -100, 0, y.clamp(min=1))
    given = (y, mask) if loss is masked else y
    g = flat(loop(model, loss, x, given))
    found = call(model, loss, x, given)
    expected = {
        "gradients": lambda: g,
        "gradient_norms": lambda: g.norm(dim=1),
        "cosine_to_mean": lambda: functional.cosine_similarity(g, g.mean(0)[None]),
    }[call.__name__]()
    assert_near(flat(found) if isinstance(found, dict) else found, expected)


@calls
@pytest.mark.unchecked
def test_class_weights_are_no_counts_of_tokens(call):
    model, x, y = tokens()
    weight = torch.tensor([1.0, 2.0, 3.0, 5.0]).double()

    def loss(z, y):
        return functional.cross_entropy(z.flatten(0, 1), y.flatten(), weight)

    with pytest.raises(ValueError, match="mean or the sum"):
        call(model, loss, x, y)


@pytest.mark.parametrize("chunk_size", [None, 4])
def test_every_token_a_sample(chunk_size):
    """The gradient of one token's loss is that of a sum with all others masked."""
    torch.manual_seed(0)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.TransformerEncoderLayer(4, 2, 6, 0.0, batch_first=True)
            self.first, self.out = nn.Linear(3, 4), nn.Linear(4, 5)

        def forward(self, x):
            return {"logits": self.out(self.inner(self.first(x))), "pooled": x.sum()}

    model, x = Net().double(), torch.randn(3, 4, 3).double()
    y = torch.randint(5, (3, 4))

    def loss(z, y):
        return functional.cross_entropy(z["logits"], y)

    rows = []
    for i in range(3):
        for t in range(4):
            z = model(x[i : i + 1])["logits"][0, t]
            value = functional.cross_entropy(z, y[i, t])
            found = torch.autograd.grad(value, model.parameters())
            rows.append(torch.cat([g.flatten() for g in found]))
    g = torch.stack(rows)
    options = {"sample_dims": 2, "chunk_size": chunk_size}
    call = (model, loss, x, y)
    parts = per_sample.gradients(*call, **options)
    assert {p.shape[:2] for p in parts.values()} == {(3, 4)}
    assert_near(torch.cat([p.flatten(2) for p in parts.values()], 2).flatten(0, 1), g)
    length = per_sample.gradient_norms(*call, **options)
    assert_near(length, g.norm(dim=1).view(3, 4))
    mean = functional.cosine_similarity(g, g.mean(0)[None])
    assert_near(per_sample.cosine_to_mean(*call, **options), mean.view(3, 4))
    vector = {n: p.detach() for n, p in model.named_parameters()}
    found = per_sample.projections(*call, vector, **options)
    numbers = torch.cat([v.flatten() for v in vector.values()])
    assert_near(found, (g @ numbers).view(3, 4))
    clipped = per_sample.clip(*call, 0.1, **options)
    assert_near(clipped.norms, length)
    total = torch.cat([v.flatten() for v in clipped.total.values()])
    assert_near(total, (0.1 / g.norm(dim=1)).clamp(max=1) @ g)
    matrix = per_sample.influence(model, loss, (x, y), (x[:2], y[:2]), **options)
    assert_near(matrix, (g @ g[:8].mT).view(3, 4, 2, 4))
    report = per_sample.summary(model, loss, [(x, y)], progress=False, **options)
    assert report.samples == 12


@pytest.mark.unchecked
def test_targets_without_an_axis_of_tokens():
    model, x, _ = tokens()
    with pytest.raises(ValueError, match=r"y must have 2 axes of samples.*\[\(5,\)\]"):
        per_sample.gradients(model, flattened, x, torch.zeros(5).long(), sample_dims=2)
    with pytest.raises(ValueError, match="sample_dims must be 1 or more, got 0"):
        per_sample.gradients(model, flattened, x, torch.zeros(5).long(), sample_dims=0)


class Nested(nn.Module):
    """Takes and gives trees, with what is no tensor among them."""

    def __init__(self):
        super().__init__()
        self.left, self.right = nn.Linear(2, 3), nn.Linear(4, 3)

    def forward(self, pair, *, options, scale=1.0, twice=False):
        left, (right, nothing) = pair
        assert nothing is None and twice
        z = self.left(left) * self.right(right["x"]) * scale
        return {"heads": (z, [z.exp(), None]), "norm": z.square().mean(), "n": 3}


def test_nested_inputs_targets_and_predictions():
    torch.manual_seed(0)
    model, n = Nested().double(), 5
    left, right = torch.randn(n, 2).double(), torch.randn(n, 4).double()
    labels, costs = torch.randint(3, (n,)), torch.rand(n, 3, 3).double()
    scale = torch.tensor(0.5).double()
    x = {
        "pair": (left, ({"x": right}, None)),
        "options": {"unused": labels},
        "scale": scale,
        "twice": True,
    }
    y = {"labels": labels, "costs": costs}

    def loss(z, y):
        first, (second, nothing) = z["heads"]
        assert nothing is None and z["n"] == 3
        part = costfn.expected_cost_loss(first, y["labels"], y["costs"])
        return part + second.mean(-1) + z["norm"]

    rows = []
    for i in range(n):
        one = slice(i, i + 1)
        inputs = (left[one], ({"x": right[one]}, None))
        z = model(inputs, options={}, scale=scale, twice=True)
        value = loss(z, {"labels": labels[one], "costs": costs[one]}).sum()
        found = torch.autograd.grad(value, model.parameters())
        rows.append(torch.cat([g.flatten() for g in found]))
    g = torch.stack(rows)
    for chunk_size in (None, 2):
        call = partial(per_sample.gradients, chunk_size=chunk_size)
        assert_near(flat(call(model, loss, x, y)), g)
        length = per_sample.gradient_norms(model, loss, x, y, chunk_size=chunk_size)
        assert_near(length, g.norm(dim=1))
        found = per_sample.cosine_to_mean(model, loss, x, y, chunk_size=chunk_size)
        assert_near(found, functional.cosine_similarity(g, g.mean(0)[None]))


@dataclass
class Output(OrderedDict):
    """As the outputs of transformers: a dictionary and a dataclass, without None."""

    logits: torch.Tensor | None = None
    loss: torch.Tensor | None = None
    cache: object = None

    def __post_init__(self):
        for name in ("logits", "loss", "cache"):
            if getattr(self, name) is not None:
                self[name] = getattr(self, name)


@dataclass(frozen=True)
class Plain:
    logits: torch.Tensor
    count: int


Pair = namedtuple("Pair", ["logits", "extra"])
OUTPUTS = {
    "mapping": lambda z: Output(logits=z, cache=object()),
    "dataclass": lambda z: Plain(z, 3),
    "named tuple": lambda z: Pair(z, None),
    "with a list": lambda z: Pair(z, [z, (None, {"z": z})]),
}


@pytest.mark.parametrize("output", OUTPUTS.values(), ids=OUTPUTS)
@pytest.mark.parametrize("inputs", [dict, UserDict, OrderedDict])
def test_kinds_of_trees(output, inputs):
    net, x, y = MLP.make(5)
    g = loop(net, functional.cross_entropy, x, y)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net

        def forward(self, rows, mask=None):
            return output(self.net(rows))

    def loss(out, y):
        assert type(out) is type(output(x))
        return functional.cross_entropy(out.logits, y)

    given = inputs({"rows": x, "mask": None})
    call = (Net(), loss, given, y)
    found = per_sample.gradients(*call)
    assert_all_near({n.removeprefix("net."): v for n, v in found.items()}, g)
    mean = functional.cosine_similarity(flat(g), flat(g).mean(0)[None])
    assert_near(per_sample.cosine_to_mean(*call), mean)
    assert_near(
        per_sample.influence(*call[:2], (given, y), (given, y)), flat(g) @ flat(g).mT
    )


def test_contributions_of_a_tree_of_predictions():
    torch.manual_seed(0)
    model = nn.Linear(4, 6).double()
    x, y = torch.randn(5, 4).double(), torch.randint(3, (5,))

    def heads(p, x):
        z = torch.func.functional_call(model, p, (x,))
        return {"a": z[:, :3], "b": (z[:, 3:], None), "label": z.argmax(1)}

    def batch_loss(z, y):
        return costfn.mcc_loss(z["a"], y) * z["b"][0].exp().mean()

    p = {n: v.detach() for n, v in model.named_parameters()}
    parts = per_sample.contributions(heads, batch_loss, x, y, parameters=p)
    batch_loss(heads(dict(model.named_parameters()), x), y).backward()
    full = torch.cat([v.grad.flatten() for v in model.parameters()])
    assert_near(flat(parts).sum(0), full)
    linear, target = per_sample.linearize(heads, batch_loss, x, y, parameters=p)
    assert isinstance(target, tuple) and len(target) == 2
    found = per_sample.gradients(heads, linear, x, target, parameters=p)
    assert_all_near(found, parts)


@pytest.mark.unchecked
@pytest.mark.parametrize(
    "x, words",
    [
        ({"a": torch.ones(3, 2), "b": torch.ones(2, 2)}, r"same number.*got \[2, 3\]"),
        ({"a": torch.ones(3, 2), "b": torch.ones(3).numpy()}, "x must be a tensor"),
        ("text", "x must be a tensor, got str"),
        (torch.tensor(1.0), "x must have samples on axis 0, got a scalar"),
    ],
)
def test_inputs_that_are_no_samples(x, words):
    with pytest.raises((TypeError, ValueError), match=words):
        per_sample.gradients(nn.Linear(2, 2), lambda z: z.sum(), x, None)

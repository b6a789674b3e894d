"""That norms come from closed forms where there are any, and are right where not."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from costfn import per_sample
from costfn.per_sample._pass import Pass
from costfn.per_sample._prepare import prepare
from per_sample_models import KINDS, assert_all_near, assert_near, loop, norms

LOSS = nn.CrossEntropyLoss()
# What is used by other functions than those with closed forms.
COPIED = {
    "convolutions": "norm",
    "transformer": "block.self_attn",
    "sequences": "scale",
}


@pytest.mark.parametrize(
    "kind", [k for k in KINDS if k.name != "lstm"], ids=lambda kind: kind.name
)
def test_layers_with_closed_forms_take_them(kind):
    model, x, y = kind.make(4)
    problem = prepare(model, LOSS, x, y)
    with torch.no_grad():
        found = Pass(problem, problem.x, problem.y)
    start = COPIED.get(kind.name, "none")
    assert all(name.startswith(start) for name in found.copies)
    assert set(found.uses) | set(found.copies) == set(problem.parameters)


class Products(nn.Module):
    """As old GPT-2 code has its layers, and plain products."""

    def __init__(self):
        super().__init__()
        self.first = nn.Parameter(torch.randn(4, 5))
        self.bias = nn.Parameter(torch.randn(5))
        self.second = nn.Parameter(torch.randn(5, 3))

    def forward(self, x):
        rows = x.reshape(-1, 4)
        h = torch.addmm(self.bias, rows, self.first).reshape(*x.shape[:-1], 5)
        return (h.tanh() @ self.second).mean(1)


class Ensemble(nn.Module):
    """Its parameters are used within a `vmap` of its own."""

    def __init__(self):
        super().__init__()
        self.weights = nn.Parameter(torch.randn(2, 3, 4))
        self.first = nn.Linear(4, 4)

    def forward(self, x):
        h = self.first(x.mean(1)).tanh()
        heads = torch.func.vmap(lambda w: functional.linear(h, w))(self.weights)
        return heads.sum(0)


class Overwritten(nn.Module):
    """Writes to what a layer has taken."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Embedding(9, 4), nn.Linear(4, 3)

    def forward(self, x):
        h = x.mean(1) * 2.0
        z = functional.linear(h, self.second.weight.detach()) + self.second.bias
        out = self.second(h.clone())
        h.zero_()
        return z + out + self.first(torch.tensor([1])).sum()


class Asking(nn.Module):
    """Turns a gradient round, if there is to be one."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 3)

    def forward(self, x):
        h = self.first(x.mean(1))
        if h.requires_grad:
            h.register_hook(lambda gradient: -3 * gradient)
        return self.second(h)


@pytest.mark.parametrize("build", [Products, Ensemble, Overwritten, Asking])
def test_other_uses_are_right_too(build):
    torch.manual_seed(0)
    model = build().double()
    x, y = torch.randn(5, 3, 4).double(), torch.arange(5) % 3
    expected = loop(model, LOSS, x, y)
    assert_near(per_sample.gradient_norms(model, LOSS, x, y), norms(expected))
    found = per_sample.variance(model, LOSS, x, y)
    assert_all_near(found, {n: g.var(0) for n, g in expected.items()})
    clipped = per_sample.clip(model, LOSS, x, y, 1e9).total
    assert_all_near(clipped, {n: g.sum(0) for n, g in expected.items()})


def test_variance_keeps_its_digits_where_gradients_hardly_differ():
    torch.manual_seed(0)
    model = nn.Linear(3, 2)
    x = 1.0 + 1e-3 * torch.randn(64, 3)

    def loss(z, y):
        return (z * y).sum(-1)

    y = torch.ones(64, 2)
    found = per_sample.variance(model, loss, x, y)["weight"]
    right = (y[:, :, None] * x[:, None]).double().var(0)
    torch.testing.assert_close(found.double(), right, rtol=1e-5, atol=0.0)


@pytest.mark.parametrize("samples", [6, 8, 9])
def test_a_smaller_last_chunk_costs_no_second_pass(samples):
    """The mean is known only after the last chunk: what was seen is kept until then."""
    model, calls = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)), []
    model.register_forward_hook(lambda *_: calls.append(1))
    x, y = torch.randn(samples, 4), torch.randint(3, (samples,))

    def passes(function):
        calls.clear()
        function(model, LOSS, x, y, chunk_size=4)
        return len(calls)

    passes(per_sample.gradient_norms)  # the first call looks at the model more closely
    assert passes(per_sample.cosine_to_mean) == passes(per_sample.gradient_norms)

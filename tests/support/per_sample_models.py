"""Models of every kind with samples, and a plain loop over samples as reference."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


class Convolutions(nn.Module):
    """One, two and three dimensions; groups, strides, dilation and paddings."""

    def __init__(self):
        super().__init__()
        self.one = nn.Conv1d(4, 6, 3, stride=2, padding=1, groups=2)
        self.two = nn.Conv2d(2, 4, (3, 2), padding="same", dilation=(1, 2), bias=False)
        self.norm = nn.GroupNorm(2, 4)
        self.reflect = nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect", groups=4)
        self.three = nn.Conv3d(1, 2, 2, stride=(1, 2, 1), dilation=(1, 1, 2))
        self.out = nn.LazyLinear(3)

    def forward(self, x):  # (N, 2, 6, 6)
        a = self.one(x.reshape(len(x), 4, 18))
        b = self.reflect(self.norm(self.two(x)).relu())
        c = self.three(x.reshape(len(x), 1, 2, 6, 6))
        return self.out(torch.cat([v.flatten(1) for v in (a, b, c)], 1).tanh())


class Transformer(nn.Module):
    """Tokens, positions shared by all samples, attention, tied output weights."""

    def __init__(self):
        super().__init__()
        self.tokens = nn.Embedding(7, 4, padding_idx=0)
        self.positions = nn.Embedding(5, 4)
        self.block = nn.TransformerEncoderLayer(4, 2, 6, dropout=0.0, batch_first=True)

    def forward(self, x):  # (N, 5)
        h = self.tokens(x) + self.positions(torch.arange(5))
        return functional.linear(self.block(h).mean(1), self.tokens.weight)


class Sequences(nn.Module):
    """Time first, frames folded into the batch, one layer used twice."""

    def __init__(self):
        super().__init__()
        self.frames = nn.Conv2d(1, 2, 2)
        self.step = nn.Linear(8, 8)
        self.norm = nn.LayerNorm(8)
        self.scale = nn.Parameter(torch.rand(8))
        self.out = nn.Linear(8, 3)

    def forward(self, x):  # (N, 5, 3, 3)
        frames = self.frames(x.reshape(-1, 1, 3, 3)).reshape(len(x), 5, 8)
        h = frames.transpose(0, 1)
        for _ in range(2):
            h = h + self.norm(self.step(h).tanh()) * self.scale
        return self.out(h.mean(0))


class Recurrent(nn.Module):
    """An LSTM with an explicit state; torch's default is shared by all samples."""

    def __init__(self):
        super().__init__()
        self.cell = nn.LSTM(3, 4, batch_first=True)
        self.out = nn.Linear(4, 3)

    def forward(self, x):  # (N, 5, 3)
        state = x.new_zeros(1, len(x), 4), x.new_zeros(1, len(x), 4)
        return self.out(self.cell(x, state)[0][:, -1])


class Tied(nn.Module):
    """Two modules that share a weight, and one convolution used at two sizes."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 2)
        self.first = nn.Linear(4, 4)
        self.second = nn.Linear(4, 4)
        self.second.weight = self.first.weight
        self.out = nn.Linear(4, 3)
        self.out.bias.requires_grad_(False)

    def forward(self, x):  # (N, 1, 4, 4)
        h = self.conv(self.conv(x)).flatten(1)
        return self.out(self.second(self.first(h).relu()))


def mlp():
    return nn.Sequential(
        nn.Linear(4, 8),
        nn.ReLU(inplace=True),
        nn.Linear(8, 8),
        nn.Tanh(),
        nn.Linear(8, 3),
    )


@dataclass(frozen=True)
class Kind:
    name: str
    build: Callable[[], nn.Module]
    shape: tuple[int, ...]
    classes: int = 3
    tokens: int = 0

    def make(
        self, samples: int, dtype: torch.dtype = torch.float64, seed: int = 0
    ) -> tuple[nn.Module, Tensor, Tensor]:
        torch.manual_seed(seed)
        model = self.build()
        if self.tokens:
            x = torch.randint(self.tokens, (samples, *self.shape))
        else:
            x = torch.randn(samples, *self.shape, dtype=torch.float64).to(dtype)
        y = torch.randint(self.classes, (samples,))
        if any(isinstance(m, nn.LazyLinear) for m in model.modules()):
            model(x[:1].float())
        return model.to(dtype), x, y


KINDS = [
    Kind("mlp", mlp, (4,)),
    Kind("convolutions", Convolutions, (2, 6, 6)),
    Kind("transformer", Transformer, (5,), classes=7, tokens=7),
    Kind("sequences", Sequences, (5, 3, 3)),
    Kind("lstm", Recurrent, (5, 3)),
    Kind("tied", Tied, (1, 4, 4)),
]


def each(value: Any, i: int) -> Any:
    """Sample `i` as a batch of one."""
    if isinstance(value, tuple):
        return tuple(each(v, i) for v in value)
    if isinstance(value, dict):
        return {k: each(v, i) for k, v in value.items()}
    return value[i : i + 1] if isinstance(value, Tensor) and value.ndim else value


def call(model: Any, x: Any) -> Any:
    """The model's output for a batch, called as the library calls it."""
    if isinstance(x, dict):
        return model(**x)
    return model(*x) if isinstance(x, tuple) else model(x)


def first(value: Any) -> Tensor:
    """The first tensor of a nested value."""
    while not isinstance(value, Tensor):
        value = next(iter(value.values() if isinstance(value, dict) else value))
    return value


def loop(model, loss, x, y) -> dict[str, Tensor]:
    """The gradient of each sample, from one backward pass per sample."""
    parameters = {n: p for n, p in model.named_parameters() if p.requires_grad}
    rows = []
    for i in range(len(first(x))):
        targets = each(y, i) if isinstance(y, tuple) else (each(y, i),)
        targets = () if y is None else targets
        value = loss(call(model, each(x, i)), *targets).sum()
        found = torch.autograd.grad(value, parameters.values(), allow_unused=True)
        rows.append(
            [
                torch.zeros_like(p) if g is None else g.to_dense()
                for g, p in zip(found, parameters.values(), strict=True)
            ]
        )
    columns = zip(*rows, strict=True)
    return {n: torch.stack(c) for n, c in zip(parameters, columns, strict=True)}


def full_gradient(model, batch_loss, x, y) -> dict[str, Tensor]:
    parameters = {n: p for n, p in model.named_parameters() if p.requires_grad}
    found = torch.autograd.grad(
        batch_loss(model(x), y), parameters.values(), allow_unused=True
    )
    return {
        n: torch.zeros_like(p) if g is None else g
        for (n, p), g in zip(parameters.items(), found, strict=True)
    }


def norms(gradients: dict[str, Tensor]) -> Tensor:
    """The norm of each sample's gradient over all parameters."""
    return flat(gradients).norm(dim=1)


def flat(gradients: dict[str, Tensor]) -> Tensor:
    return torch.cat([g.flatten(1) for g in gradients.values()], 1)


# Relative to the largest entry of the array, because rounding is too.
BOUND = {torch.float32: 1e-5, torch.float64: 1e-12}


def assert_near(found: Tensor, expected: Tensor) -> None:
    assert found.shape == expected.shape and found.dtype == expected.dtype
    scale = expected.abs().amax().item()
    assert scale < float("inf")
    error = (found - expected).abs().amax().item()
    assert error <= BOUND[expected.dtype] * scale, (error, scale)


def assert_all_near(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    """Compares by name, with a bound relative to the gradient as a whole."""
    assert found.keys() == expected.keys()
    scale = max(e.abs().amax().item() for e in expected.values())
    for name, e in expected.items():
        assert found[name].shape == e.shape and found[name].dtype == e.dtype
        error = (found[name] - e).abs().amax().item()
        assert error <= BOUND[e.dtype] * scale, (name, error, scale)

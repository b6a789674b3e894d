"""Networks for the benchmark of per-sample gradients, with batches and losses."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

import costfn

CLASSES, LENGTH = 10, 32
NETS = "MLP", "CNN", "GPT 64", "GPT 256"


class Block(nn.Module):
    def __init__(self, width: int, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attend, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.think = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, h: Tensor) -> Tensor:
        size, length, width = h.shape
        parts = self.attend(self.before(h)).reshape(size, length, 3, self.heads, -1)
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        a = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        h = h + self.out(a.transpose(1, 2).reshape(size, length, width))
        return h + self.think(self.between(h))


class GPT(nn.Module):
    """Two blocks, and positions as Opacus wants them: a row for each sample."""

    def __init__(self, width: int, vocabulary: int = 64) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.places = nn.Embedding(LENGTH, width)
        self.blocks = nn.Sequential(Block(width), Block(width))
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, vocabulary, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        places = torch.arange(LENGTH).expand(len(x), -1)
        return self.out(self.norm(self.blocks(self.tokens(x) + self.places(places))))


def mlp() -> nn.Module:
    return nn.Sequential(
        nn.Linear(784, 256),
        nn.ReLU(),
        nn.Linear(256, 256),
        nn.ReLU(),
        nn.Linear(256, CLASSES),
    )


def cnn() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1),
        nn.GroupNorm(4, 16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.GroupNorm(4, 32),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 32, 3, padding=1),
        nn.GroupNorm(4, 32),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(32, CLASSES),
    )


def of_next_tokens(z: Tensor, y: Tensor) -> Tensor:
    losses = functional.cross_entropy(z.transpose(-1, -2), y, reduction="none")
    return losses.mean(-1)


@dataclass
class Setting:
    """A network with a batch and a loss that gives one number per sample."""

    net: nn.Module
    x: Tensor
    y: Tensor
    loss: Any

    @classmethod
    def of(cls, name: str, samples: int) -> "Setting":
        torch.manual_seed(0)
        if name.startswith("GPT"):
            net = GPT(int(name.split()[1]))
            x, y = torch.randint(64, (2, samples, LENGTH))
            return cls(net, x, y, of_next_tokens)
        y = torch.randint(CLASSES, (samples,))
        loss = partial(costfn.expected_cost_loss, cost=torch.rand(CLASSES, CLASSES))
        if name == "MLP":
            return cls(mlp(), torch.randn(samples, 784), y, loss)
        return cls(cnn(), torch.randn(samples, 3, 32, 32), y, loss)

    @property
    def parameters(self) -> dict[str, Tensor]:
        return {n: p.detach() for n, p in self.net.named_parameters()}

    def one_pass(self) -> None:
        self.net.zero_grad()
        self.loss(self.net(self.x), self.y).sum().backward()

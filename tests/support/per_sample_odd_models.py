"""Models as people write them that are difficult for per-sample functions."""

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import rnn
from torch.utils.checkpoint import checkpoint


def alias():
    layer = nn.Linear(4, 4)
    return nn.Sequential(layer, nn.Tanh(), layer, nn.Linear(4, 3))


def thrice():
    return nn.Sequential(*[nn.Linear(4, 4)] * 3, nn.Linear(4, 3))


def shared_prelu():
    act = nn.PReLU(4)
    return nn.Sequential(nn.Linear(4, 4), act, nn.Linear(4, 4), act, nn.Linear(4, 3))


def shared_norm():
    norm = nn.BatchNorm1d(4)
    model = nn.Sequential(nn.Linear(4, 4), norm, nn.Tanh(), norm, nn.Linear(4, 3))
    model(torch.randn(9, 4))
    return model.eval()


class Scaled(nn.Module):
    """Scales its input by a statistic of the whole batch."""

    def __init__(self, scale):
        super().__init__()
        self.linear, self.scale = nn.Linear(4, 3), scale

    def forward(self, x):
        return self.linear(self.scale(x))


def by_largest(x):
    return x / x.abs().max()


def standardised(x):
    return (x - x.mean(0)) / (x.std(0, correction=0) + 0.1)


def attending_over_the_batch(x):
    return functional.scaled_dot_product_attention(x[None], x[None], x[None])[0]


class TimeFirst(nn.Module):
    """Treats the batch axis as time, as if batch_first=True were forgotten."""

    def __init__(self):
        super().__init__()
        self.cell, self.out = nn.RNN(4, 4), nn.Linear(4, 3)

    def forward(self, x):
        state = x.new_zeros(1, x.shape[1], 4)
        return self.out(self.cell(x, state)[0][:, -1])


class Embedded(nn.Module):
    def __init__(self, **options):
        super().__init__()
        self.table, self.out = nn.Embedding(5, 4, **options), nn.Linear(4, 3)

    def forward(self, x):
        return self.out(self.table(x).sum(1))


class Checkpointed(nn.Module):
    def __init__(self, reentrant):
        super().__init__()
        self.first, self.out = nn.Linear(4, 4), nn.Linear(4, 3)
        self.reentrant = reentrant

    def forward(self, x):
        if self.reentrant:
            x = x.detach().requires_grad_()
        h = checkpoint(self._inner, x, use_reentrant=self.reentrant)
        return self.out(h)

    def _inner(self, x):
        return self.first(x).tanh()


class Cube(torch.autograd.Function):
    """An autograd function in the old form, without `setup_context`."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, gradient):
        return 3 * gradient * ctx.saved_tensors[0] ** 2


class Recurrent(nn.Module):
    """A cell with torch's default state; given lengths, the sequence is packed."""

    def __init__(self, cell):
        super().__init__()
        self.cell, self.out = cell(4, 4, batch_first=True), nn.Linear(4, 3)

    def forward(self, x, lengths=None):
        if lengths is not None:
            x = rnn.pack_padded_sequence(
                x, lengths, batch_first=True, enforce_sorted=False
            )
        h = self.cell(x)[0]
        if lengths is not None:
            h = rnn.pad_packed_sequence(h, batch_first=True)[0]
        return self.out(h.sum(1))


class Encoder(nn.Module):
    """With padding, in training mode or in eval mode, where torch uses a fast path."""

    def __init__(self, training, **options):
        super().__init__()
        layer = nn.TransformerEncoderLayer(4, 2, 6, dropout=0.0, batch_first=True)
        self.blocks, self.out = (
            nn.TransformerEncoder(layer, 2, **options),
            nn.Linear(4, 3),
        )
        self.train(training)

    def forward(self, x, padding):
        return self.out(self.blocks(x, src_key_padding_mask=padding)[:, 0])


class Caching(nn.Module):
    """Keeps a mask computed from the first batch, and records its calls."""

    def __init__(self):
        super().__init__()
        self.linear, self.mask, self.calls = nn.Linear(4, 3), None, []

    def forward(self, x):
        if self.mask is None:
            self.mask = torch.where(x[:, :3] > -9, 1.0, 0.0).to(x)
        self.calls.append(len(x))
        return self.linear(x) * self.mask


class InPlace(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 3)

    def forward(self, x):
        total = torch.zeros(len(x), 3, dtype=x.dtype)
        total += self.linear(x)
        return total


class ByValue(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 3)

    def forward(self, x):
        z = self.linear(x)
        return torch.stack([row if row.sum().item() > 0 else -row for row in z])


class TwoHeads(nn.Module):
    """Returns a mean, a variance and None in a tuple."""

    def __init__(self):
        super().__init__()
        self.mean, self.spread = nn.Linear(4, 1), nn.Linear(4, 1)

    def forward(self, x):
        return self.mean(x), self.spread(x).exp(), None


def channels_last():
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.GroupNorm(2, 4), nn.ReLU(), nn.Flatten(),
        nn.Linear(64, 3),
    )  # fmt: skip
    return model.to(memory_format=torch.channels_last)


class Reversed(nn.Module):
    """A hook reverses its gradient; forward derivatives do not see the hook."""

    def __init__(self):
        super().__init__()
        self.first, self.out = nn.Linear(4, 4), nn.Linear(4, 3)

    def forward(self, x):
        h = self.first(x).tanh()
        if h.requires_grad:
            h.register_hook(lambda gradient: -gradient)
        return self.out(h)


def hooked():
    """A model in which a module hook scales the gradient."""
    model = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 3))
    model[1].register_full_backward_hook(lambda _, given, gave: (3 * given[0],))
    return model


class Experts(nn.Module):
    """A gate chooses the layer for each row."""

    def __init__(self):
        super().__init__()
        self.gate = nn.Linear(4, 2)
        self.experts = nn.ModuleList([nn.Linear(4, 3), nn.Linear(4, 3)])

    def forward(self, x):
        weights, chosen = self.gate(x).softmax(1).max(1)
        out = x.new_zeros(len(x), 3)
        for i, expert in enumerate(self.experts):
            rows = (chosen == i).nonzero().squeeze(1)
            if len(rows):
                out[rows] = expert(x[rows])
        return out * weights[:, None]


class Forces(nn.Module):
    """Computes the gradient of an energy inside the model."""

    def __init__(self):
        super().__init__()
        self.first, self.out = nn.Linear(4, 4), nn.Linear(4, 1)

    def forward(self, x):
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            energy = self.out(self.first(x).tanh()).sum()
            return torch.autograd.grad(energy, x, create_graph=True)[0][:, :3]

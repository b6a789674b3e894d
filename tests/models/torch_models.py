"""Models of torch alone that make trouble for tools that look into models."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrizations
from torch.nn.utils.rnn import pack_padded_sequence
from torch.utils.checkpoint import checkpoint

from tests.models.cases import SAMPLES, Case

CROSS = nn.CrossEntropyLoss()


def vectors(*shape: int) -> Any:
    """Samples of normal numbers, and classes; labels differ."""

    def give() -> tuple[Tensor, Tensor]:
        x = torch.randn(SAMPLES, *shape, dtype=torch.float64)
        return x, torch.arange(SAMPLES) % 3

    return give


def tokens(length: int = 6, classes: int = 3) -> Any:
    def give() -> tuple[Tensor, Tensor]:
        return torch.randint(1, 9, (SAMPLES, length)), torch.arange(SAMPLES) % classes

    return give


LENGTHS = torch.tensor([6, 2, 4, 3, 6])
PADDING = torch.arange(6) >= LENGTHS.unsqueeze(1)


def aliased() -> nn.Module:
    layer = nn.Linear(4, 4)
    return nn.Sequential(layer, nn.Tanh(), layer, nn.Linear(4, 3))


def three_times() -> nn.Module:
    return nn.Sequential(*[nn.Linear(4, 4)] * 3, nn.Linear(4, 3))


def shared_activation() -> nn.Module:
    act = nn.PReLU()
    return nn.Sequential(nn.Linear(4, 4), act, nn.Linear(4, 4), act, nn.Linear(4, 3))


def shared_norm() -> nn.Module:
    norm = nn.BatchNorm1d(4)
    return nn.Sequential(nn.Linear(4, 4), norm, nn.Tanh(), norm, nn.Linear(4, 3))


class TwoParents(nn.Module):
    """One encoder in two places, and a weight in two modules."""

    def __init__(self):
        super().__init__()
        encoder = nn.Sequential(nn.Linear(4, 4), nn.Tanh())
        self.left = nn.ModuleDict({"encoder": encoder, "head": nn.Linear(4, 3)})
        self.right = nn.ModuleDict({"encoder": encoder, "head": nn.Linear(4, 3)})
        self.right["head"].weight = self.left["head"].weight

    def forward(self, x):
        left = self.left["head"](self.left["encoder"](x))
        return left + self.right["head"](self.right["encoder"](x.flip(-1)))


class Checkpointed(nn.Module):
    """Computes a part again in the backward pass."""

    def __init__(self):
        super().__init__()
        self.first, self.out = nn.Linear(4, 6), nn.Linear(6, 3)
        self.block = nn.Sequential(nn.Linear(6, 6), nn.Tanh())

    def forward(self, x):
        h = checkpoint(self.block, self.first(x), use_reentrant=False)
        return self.out(h)


class Recurrent(nn.Module):
    """With torch's own initial state."""

    def __init__(self, cell: type[nn.Module], **options: Any):
        super().__init__()
        self.cell = cell(3, 4, batch_first=True, **options)
        self.out = nn.LazyLinear(3)
        self.out(self.cell(torch.zeros(1, 2, 3))[0][:, -1])

    def forward(self, x):
        return self.out(self.cell(x)[0][:, -1])


class Packed(nn.Module):
    """Sequences of different lengths, packed."""

    def __init__(self):
        super().__init__()
        self.cell, self.out = nn.LSTM(3, 4, batch_first=True), nn.Linear(4, 3)

    def forward(self, x, lengths):
        packed = pack_padded_sequence(
            x, lengths, batch_first=True, enforce_sorted=False
        )
        return self.out(self.cell(packed)[1][0][-1])


class Encoder(nn.Module):
    """Torch's transformer with padding; nested tensors where torch wants them."""

    def __init__(self):
        super().__init__()
        layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
        self.tokens = nn.Embedding(9, 8, padding_idx=0)
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.out = nn.Linear(8, 3)

    def forward(self, x, padding):
        h = self.encoder(self.tokens(x), src_key_padding_mask=padding)
        return self.out(h.masked_fill(padding.unsqueeze(-1), 0.0).sum(1))


class Attention(nn.Module):
    """Gives attention weights beside the prediction."""

    def __init__(self):
        super().__init__()
        self.attend = nn.MultiheadAttention(4, 2, batch_first=True)
        self.out = nn.Linear(4, 3)

    def forward(self, x, padding):
        h, weights = self.attend(x, x, x, key_padding_mask=padding)
        return self.out(h.mean(1)), weights


class Causal(nn.Module):
    """Keeps a mask that it made from the first input that it saw."""

    def __init__(self):
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0, batch_first=True)
        self.out = nn.Linear(4, 3)
        self.mask = None

    def forward(self, x):
        if self.mask is None:
            self.mask = x.new_full((x.shape[1], x.shape[1]), -torch.inf).triu(1)
        return self.out(self.layer(x, src_mask=self.mask)[:, -1])


class Cube(torch.autograd.Function):
    """As people write them: without `setup_context`."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return 3 * x**2 * gradient


class Custom(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.out = nn.Linear(4, 4), nn.Linear(4, 3)

    def forward(self, x):
        return self.out(Cube.apply(self.first(x)))


class Words(nn.Module):
    """Embeddings with options that change how the gradient is made."""

    def __init__(self, **options: Any):
        super().__init__()
        self.words, self.out = nn.Embedding(9, 4, **options), nn.Linear(4, 3)

    def forward(self, x):
        return self.out(self.words(x).tanh().mean(1))


class Bounded(Words):
    """Torch shortens rows of the weight as they are used: here they are short."""

    def __init__(self):
        super().__init__(max_norm=4.0)


class Bag(nn.Module):
    def __init__(self):
        super().__init__()
        self.bag, self.out = nn.EmbeddingBag(9, 4, mode="mean"), nn.Linear(4, 3)

    def forward(self, x):
        return self.out(self.bag(x).tanh())


class Complex(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 4, dtype=torch.complex128)
        self.out = nn.Linear(4, 3, dtype=torch.float64)

    def forward(self, x):
        return self.out(self.first(x.to(torch.complex128)).abs())


class Images(nn.Module):
    """Convolutions and group norms, samples laid out with the channels last."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = nn.GroupNorm(2, 8)
        self.up = nn.ConvTranspose2d(8, 4, 2, stride=2)
        self.second = nn.Conv2d(4, 4, 3, stride=2, groups=2)
        self.out = nn.Linear(4, 3)

    def forward(self, x):
        x = x.contiguous(memory_format=torch.channels_last)
        h = self.norm(self.first(x)).relu_()
        h = self.second(self.up(h)).tanh()
        return self.out(h.mean((2, 3)))


class Outputs(nn.Module):
    """A tree of outputs: named, nested, one of None, one without samples."""

    def __init__(self):
        super().__init__()
        self.first, self.out = nn.Linear(4, 4), nn.Linear(4, 3)

    def forward(self, x):
        h = self.first(x).tanh()
        return {"logits": self.out(h), "states": (h, None), "cache": [x], "steps": 2}


class OwnLoss(nn.Module):
    """Gives its loss, a mean over the batch, beside the prediction."""

    def __init__(self):
        super().__init__()
        self.first, self.out = nn.Linear(4, 4), nn.Linear(4, 3)

    def forward(self, x, labels):
        z = self.out(self.first(x).tanh())
        return CROSS(z, labels), z


class TwoHeads(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.mean, self.log = (nn.Linear(4, 4) for _ in range(3))

    def forward(self, x):
        h = self.first(x).tanh()
        return self.mean(h), self.log(h).exp()


def gaussian(z: tuple[Tensor, Tensor], y: Tensor) -> Tensor:
    return functional.gaussian_nll_loss(z[0], y, z[1])


class Nested(nn.Module):
    """Inputs in a tree, by name; one of them is optional and another an option."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(4, 4), nn.Linear(3, 4)
        self.out = nn.Linear(4, 3)

    def forward(self, image, text, mask=None, scale=1.0):
        h = self.first(image) + self.second(text["words"] * text["parts"][0])
        return self.out(h.tanh() * scale)


def nested() -> tuple[Any, Tensor]:
    x, y = vectors(4)()
    words, part = torch.randn(2, SAMPLES, 3, dtype=torch.float64)
    return {"image": x, "text": {"words": words, "parts": (part, None)}}, y


class Tagger(nn.Module):
    """A label for each token; a loss that ignores the padded ones."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(9, 4)
        self.norm, self.out = nn.LayerNorm(4), nn.Linear(4, 3)

    def forward(self, x):
        h = self.words(x)
        return self.out(self.norm(h + h.cumsum(1).tanh()))


def tagged() -> tuple[Tensor, Tensor]:
    x, _ = tokens()()
    return x, torch.randint(3, x.shape).masked_fill(PADDING, -100)


def per_token(z: Tensor, y: Tensor) -> Tensor:
    """The mean over the tokens that count, as is usual."""
    return functional.cross_entropy(z.flatten(0, 1), y.flatten(), ignore_index=-100)


class Constrained(nn.Module):
    """Weights made from other parameters."""

    def __init__(self):
        super().__init__()
        self.first = parametrizations.weight_norm(nn.Linear(4, 4))
        self.second = parametrizations.spectral_norm(nn.Linear(4, 4))
        self.third = parametrizations.orthogonal(nn.Linear(4, 4))
        self.out = nn.Bilinear(4, 4, 3)

    def forward(self, x):
        h = self.second(self.first(x).tanh())
        return self.out(h, self.third(h))


class Own(nn.Module):
    """Parameters in lists, plain products, a frozen one and one that is not used."""

    def __init__(self):
        super().__init__()
        self.weights = nn.ParameterList([torch.randn(4, 4) for _ in range(2)])
        self.unused = nn.Parameter(torch.randn(3))
        self.frozen = nn.Parameter(torch.randn(4), requires_grad=False)
        self.scale = nn.Parameter(torch.tensor(0.7))
        self.out = nn.Linear(4, 3)

    def forward(self, x):
        for w in self.weights:
            x = torch.einsum("nd,de->ne", x, w).tanh() * self.scale
        return self.out(x + self.frozen)


class Counting(nn.Module):
    """Counts its calls in a buffer, and has hooks that its user set."""

    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))
        self.first, self.out = nn.Linear(4, 4), nn.Linear(4, 3)
        self.first.register_forward_hook(lambda module, given, out: out.tanh())
        self.out.register_forward_pre_hook(lambda module, given: (2 * given[0],))
        self.out.register_full_backward_hook(lambda module, given, out: None)

    def forward(self, x):
        self.calls += 1
        return self.out(self.first(x))


class Deciding(nn.Module):
    """Goes one way or the other by the values of the sample."""

    def __init__(self):
        super().__init__()
        self.left, self.right = nn.Linear(4, 4), nn.Linear(4, 4)
        self.out = nn.Linear(4, 3)

    def forward(self, x):
        rows = [(self.left if row.sum() > 0 else self.right)(row) for row in x]
        return self.out(torch.stack(rows).tanh())


class Experts(nn.Module):
    """Tokens go to experts by index."""

    def __init__(self):
        super().__init__()
        self.gate = nn.Linear(4, 3)
        self.experts = nn.ModuleList(nn.Linear(4, 4) for _ in range(3))
        self.out = nn.Linear(4, 3)

    def forward(self, x):
        h = x.flatten(0, 1)
        weights, chosen = self.gate(h).softmax(-1).max(-1)
        out = torch.zeros_like(h)
        for i, expert in enumerate(self.experts):
            rows = (chosen == i).nonzero().squeeze(-1)
            out[rows] = expert(h[rows]) * weights[rows].unsqueeze(-1)
        return self.out(out.reshape(x.shape).mean(1))


class Writing(nn.Module):
    """Writes into a tensor that it made."""

    def __init__(self):
        super().__init__()
        self.cell, self.out = nn.GRUCell(4, 4), nn.Linear(4, 3)

    def forward(self, x):
        h = torch.zeros(len(x), 4, dtype=x.dtype)
        kept = torch.zeros(len(x), x.shape[1], 4, dtype=x.dtype)
        for t in range(x.shape[1]):
            h = self.cell(x[:, t], h)
            kept[:, t] = h
        return self.out(kept.sum(1))


class FramesFirst(nn.Module):
    """Samples on the second axis within, one convolution at two sizes."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(2, 2, 2)
        self.norm, self.out = nn.InstanceNorm1d(2, affine=True), nn.LazyLinear(3)
        self.out(torch.zeros(1, 2 * 4))

    def forward(self, x):
        h = self.norm(self.conv(self.conv(x).tanh()))
        return self.out(h.transpose(0, 1).transpose(0, 1).flatten(1))


def with_lengths() -> tuple[Any, Tensor]:
    x, y = vectors(6, 3)()
    return (x, LENGTHS), y


def with_padding() -> tuple[Any, Tensor]:
    x, y = tokens()()
    return (x.masked_fill(PADDING, 0), PADDING), y


def attended() -> tuple[Any, Tensor]:
    x, y = vectors(6, 4)()
    return (x, PADDING), y


def labelled() -> tuple[Any, None]:
    x, y = vectors(4)()
    return {"x": x, "labels": y}, None


def numbers() -> tuple[Tensor, Tensor]:
    x, _ = vectors(4)()
    return x, torch.randn(SAMPLES, 4, dtype=torch.float64)


CASES = [
    Case("aliased", aliased, vectors(4), CROSS),
    Case("three_times", three_times, vectors(4), CROSS),
    Case("shared_activation", shared_activation, vectors(4), CROSS),
    Case("shared_norm", shared_norm, vectors(4), CROSS),
    Case("two_parents", TwoParents, vectors(4), CROSS),
    Case("checkpointed", Checkpointed, vectors(4), CROSS),
    Case("lstm", lambda: Recurrent(nn.LSTM), vectors(5, 3), CROSS),
    Case(
        "lstm_projected", lambda: Recurrent(nn.LSTM, proj_size=2), vectors(5, 3), CROSS
    ),
    Case("gru", lambda: Recurrent(nn.GRU, bidirectional=True), vectors(5, 3), CROSS),
    Case("rnn", lambda: Recurrent(nn.RNN, num_layers=2), vectors(5, 3), CROSS),
    Case("packed_lstm", Packed, with_lengths, CROSS),
    Case("padded_encoder", Encoder, with_padding, CROSS),
    Case("padded_encoder_training", Encoder, with_padding, CROSS, train=True),
    Case("attention", Attention, attended, lambda z, y: CROSS(z[0], y)),
    Case("kept_mask", Causal, vectors(5, 4), CROSS),
    Case("custom_function", Custom, vectors(4), CROSS),
    Case("sparse_embedding", lambda: Words(sparse=True), tokens(), CROSS),
    Case("bounded_embedding", Bounded, tokens(), CROSS),
    Case("embedding_bag", Bag, tokens(), CROSS),
    Case("complex", Complex, vectors(4), CROSS, complex=True),
    Case("channels_last", Images, vectors(3, 6, 6), CROSS),
    Case("tree_of_outputs", Outputs, vectors(4), lambda z, y: CROSS(z["logits"], y)),
    Case("own_loss", OwnLoss, labelled, lambda z: z[0]),
    Case("two_heads", TwoHeads, numbers, gaussian),
    Case("tree_of_inputs", Nested, nested, CROSS),
    Case("token_mean", Tagger, tagged, per_token),
    Case("constrained_weights", Constrained, vectors(4), CROSS),
    Case("own_parameters", Own, vectors(4), CROSS),
    Case("counting", Counting, vectors(4), CROSS),
    Case("deciding", Deciding, vectors(4), CROSS),
    Case("experts", Experts, vectors(5, 4), CROSS),
    Case("writing", Writing, vectors(5, 4), CROSS),
    Case("frames_first", FramesFirst, vectors(2, 6), CROSS),
]


class Coupled(nn.Module):
    """The prediction of a sample depends on the others."""

    def __init__(self, mix: Any):
        super().__init__()
        self.mix = mix
        self.first, self.out = nn.Linear(4, 4), nn.Linear(4, 3)

    def forward(self, x):
        return self.out(self.mix(self.first(x).tanh()))


class AcrossTheBatch(nn.Module):
    """Attention that was told the wrong axis."""

    def __init__(self):
        super().__init__()
        self.attend, self.out = nn.MultiheadAttention(4, 2), nn.Linear(4, 3)

    def forward(self, x):
        return self.out(self.attend(x, x, x, need_weights=False)[0].mean(1))


def standardised(h: Tensor) -> Tensor:
    return (h - h.mean(0)) / (h.std(0, unbiased=False) + 1e-3)


def batch_normalised(h: Tensor) -> Tensor:
    return functional.batch_norm(h, None, None, training=True)


COUPLED = [
    Case("largest", lambda: Coupled(lambda h: h / h.abs().max()), vectors(4), CROSS),
    Case("standardised", lambda: Coupled(standardised), vectors(4), CROSS),
    Case("centred", lambda: Coupled(lambda h: h - h.mean(0)), vectors(4), CROSS),
    Case("across_the_batch", AcrossTheBatch, vectors(5, 4), CROSS),
    Case(
        "by_frequency",
        lambda: Words(scale_grad_by_freq=True),
        tokens(),
        CROSS,
    ),
]

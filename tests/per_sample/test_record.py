"""What is recorded of a training loop, against a backward pass for each sample."""

import csv
import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

import costfn
import per_sample_odd_models as odd
from costfn import per_sample
from per_sample_models import KINDS, assert_near, call

N = 6
LOSS = functional.cross_entropy


def contributions(model, batch_loss, x):
    """Of each sample, through the very graph of the batch, with its random numbers."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    z = call(model, x)
    (cotangent,) = torch.autograd.grad(batch_loss(z), z, retain_graph=True)
    rows = []
    for i in range(len(z)):
        only = torch.zeros_like(z)
        only[i] = cotangent[i]
        found = torch.autograd.grad(
            z, parameters, only, retain_graph=True, allow_unused=True
        )
        pairs = zip(found, parameters, strict=True)
        rows.append(
            torch.cat(
                [
                    (torch.zeros_like(p) if g is None else g.to_dense()).flatten()
                    for g, p in pairs
                ]
            )
        )
    return torch.stack(rows)


class Hand(nn.Module):
    """Everything by hand: a first token, positions, a scale, products of matrices."""

    def __init__(self):
        super().__init__()
        self.token = nn.Parameter(torch.randn(1, 1, 4))
        self.positions = nn.Parameter(torch.randn(9, 4))
        self.scale = nn.Parameter(torch.rand(4))
        self.inner = nn.Parameter(torch.randn(4, 4))
        self.bias = nn.Parameter(torch.randn(4))
        self.left = nn.Parameter(torch.randn(4, 2))
        self.right = nn.Parameter(torch.randn(2, 3))

    def forward(self, x):
        h = torch.cat([self.token.expand(len(x), -1, -1), x], 1)
        h = h + self.positions[: h.shape[1]].unsqueeze(0)
        h = h * torch.rsqrt(h.square().mean(-1, keepdim=True) + 1e-6) * self.scale
        size = h.shape
        h = torch.addmm(self.bias, h.reshape(-1, 4), self.inner).view(size).tanh()
        h = torch.baddbmm(h, h, self.inner.t().expand(len(h), -1, -1))
        return h.mean(1) @ (self.left @ self.right)


class Dropped(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.out = nn.Linear(4, 8), nn.Linear(8, 3)

    def forward(self, x):
        h = functional.dropout(self.first(x).relu(), 0.4)
        return functional.dropout(self.out(h), 0.2)


def model_and_data(name):
    torch.manual_seed(1)
    own = {
        "by hand": (Hand, torch.randn(N, 5, 4)),
        "dropout": (Dropped, torch.randn(N, 4)),
        "a module twice": (odd.alias, torch.randn(N, 4)),
        "a shared PReLU": (odd.shared_prelu, torch.randn(N, 4)),
        "recurrent": (lambda: odd.Recurrent(nn.GRU), torch.randn(N, 5, 4)),
        "checkpoint": (lambda: odd.Checkpointed(False), torch.randn(N, 4)),
        "by value": (odd.ByValue, torch.randn(N, 4)),
        "sparse": (
            lambda: odd.Embedded(sparse=True, padding_idx=1),
            torch.randint(5, (N, 7)),
        ),
        "encoder": (
            lambda: odd.Encoder(True, enable_nested_tensor=False),
            (torch.randn(N, 5, 4), torch.rand(N, 5) > 2),
        ),
    }
    if name in own:
        build, x = own[name]
        model = build().double()
        x = (
            tuple(t.double() if t.is_floating_point() else t for t in x)
            if isinstance(x, tuple)
            else (x.double() if x.is_floating_point() else x)
        )
        return model, x, torch.randint(3, (N,))
    return next(kind for kind in KINDS if kind.name == name).make(N)


NAMES = [kind.name for kind in KINDS] + [
    "by hand", "dropout", "a module twice", "a shared PReLU", "recurrent",
    "checkpoint", "by value", "sparse", "encoder",
]  # fmt: skip


@pytest.mark.parametrize("batch_loss", [False, True], ids=["mean", "F1"])
@pytest.mark.parametrize("name", NAMES)
def test_norms_and_cosines_of_every_model(name, batch_loss):
    model, x, y = model_and_data(name)

    def loss(z):
        return costfn.f_beta_loss(z, y) if batch_loss else LOSS(z, y)

    torch.manual_seed(2)
    g = contributions(model, loss, x)
    torch.manual_seed(2)
    reduction = "sum" if batch_loss else "mean"
    with per_sample.record(model, reduction=reduction) as seen:
        loss(call(model, x)).backward()
    assert not seen.missed and seen.steps == 1
    assert_near(seen.norms, g.norm(dim=1) * (1 if batch_loss else N))
    assert_near(seen.cosines, functional.cosine_similarity(g, g.sum(0)[None]))
    total = [p.grad.to_dense().flatten() for p in model.parameters() if p.requires_grad]
    assert_near(g.sum(0), torch.cat(total))


def test_batch_norm_in_training_by_parameters_of_each_sample():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Tanh(), nn.Linear(5, 3)
    ).double()
    x, y = torch.randn(N, 4).double(), torch.randint(3, (N,))
    own = [
        p.detach().expand(N, *p.shape).clone().requires_grad_()
        for p in model.parameters()
    ]
    w, b, scale, shift, v, c = own
    h = torch.einsum("noi,ni->no", w, x) + b
    h = functional.batch_norm(h, None, None, training=True) * scale + shift
    z = torch.einsum("noi,ni->no", v, h.tanh()) + c
    g = torch.autograd.grad(LOSS(z, y), own)
    g = torch.cat([part.flatten(1) for part in g], 1)
    with per_sample.record(model) as seen:
        LOSS(model(x), y).backward()
    assert_near(seen.norms, N * g.norm(dim=1))
    assert_near(seen.cosines, functional.cosine_similarity(g, g.sum(0)[None]))


def steps(model, record):
    torch.manual_seed(3)
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    found = []
    with record or warnings.catch_warnings():
        for _ in range(4):
            x, y = torch.randn(N, 4), torch.randint(3, (N,))
            optimizer.zero_grad()
            loss = LOSS(model(x), y)
            loss.backward()
            found.append(loss.item())
            optimizer.step()
            with torch.no_grad():
                model(x)
    return found


def test_training_goes_on_as_if_nothing_were_there(tmp_path):
    def build():
        torch.manual_seed(1)
        return nn.Sequential(
            nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), nn.ReLU(),
            nn.Linear(8, 3),
        )  # fmt: skip

    plain, watched = build(), build()
    objects = [id(p) for p in watched.parameters()]
    seen = per_sample.record(watched, path=tmp_path / "norms.csv")
    assert steps(plain, None) == steps(watched, seen)
    for a, b in zip(
        plain.state_dict().values(), watched.state_dict().values(), strict=True
    ):
        assert torch.equal(a, b)
    assert objects == [id(p) for p in watched.parameters()]
    hooks = [m._forward_hooks or m._forward_pre_hooks for m in watched.modules()]
    assert not any(hooks) and not any(p._backward_hooks for p in watched.parameters())
    with open(tmp_path / "norms.csv") as file:
        rows = list(csv.DictReader(file))
    assert [(r["step"], r["sample"]) for r in rows] == [
        (str(s), str(i)) for s in range(4) for i in range(N)
    ]
    assert seen.norms.tolist() == [float(r["norm"]) for r in rows]
    assert seen.step.tolist() == [int(r["step"]) for r in rows]
    seen.plot().savefig(tmp_path / "steps.png")
    assert (tmp_path / "steps.png").stat().st_size > 5000


def test_several_passes_before_a_step():
    """Accumulated gradients are steps of their own; two passes in one loss are not."""
    model, x, y = KINDS[0].make(N)
    g = contributions(model, lambda z: LOSS(z, y), x)
    with per_sample.record(model) as seen:
        LOSS(model(x), y).backward()
        (LOSS(model(x[:2]), y[:2]) + LOSS(model(x), y)).backward()
    assert seen.step.tolist() == [0] * N + [1] * (N + 2)
    assert_near(seen.norms[:N], N * g.norm(dim=1))
    part = contributions(model, lambda z: LOSS(z, y[:2]), x[:2])
    whole = (g.sum(0) + part.sum(0))[None]
    found = seen.cosines[N:].sort().values
    both = functional.cosine_similarity(torch.cat([part, g]), whole)
    assert_near(found, both.sort().values)


def test_some_parameters_by_pattern():
    model, x, y = model_and_data("encoder")
    parts = per_sample.gradients(model, LOSS, x, y, parameters="blocks.layers.0.*")
    expected = torch.cat([v.flatten(1) for v in parts.values()], 1).norm(dim=1)
    with per_sample.record(model, parameters="blocks.layers.0.*") as seen:
        LOSS(call(model, x), y).backward()
    assert_near(seen.norms, expected)


def test_a_penalty_on_the_weights_is_no_sample():
    model, x, y = KINDS[0].make(N)
    expected = per_sample.gradient_norms(model, LOSS, x, y)
    with (
        per_sample.record(model) as seen,
        pytest.warns(UserWarning, match="comes from no sample"),
    ):
        penalty = sum(p.square().sum() for p in model.parameters())
        (LOSS(model(x), y) + penalty).backward()
    assert_near(seen.norms, expected)


class Mixed(nn.Module):
    """Whose scale is put on in place, so that what it was put on is gone."""

    def __init__(self):
        super().__init__()
        self.first, self.gate = nn.Linear(4, 3), nn.Parameter(torch.rand(3))

    def forward(self, x):
        return self.first(x).clone().mul_(self.gate)


def test_what_cannot_be_followed_is_named():
    torch.manual_seed(0)
    model, x = Mixed().double(), torch.randn(N, 4).double()
    with (
        per_sample.record(model) as seen,
        pytest.warns(UserWarning, match=r"leaves out \['gate'\]"),
    ):
        LOSS(model(x), torch.randint(3, (N,))).backward()
    assert seen.missed == {"gate"} and len(seen.norms) == N


class Unmapped(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.gate = nn.Linear(4, 3), nn.Parameter(torch.rand(3))

    def forward(self, x):
        gate = functional.dropout(self.gate, 0.5)
        return self.first(x) * gate


def test_a_parameter_under_dropout_is_named():
    torch.manual_seed(0)
    model, x = Unmapped().double(), torch.randn(N, 4).double()
    y = torch.randint(3, (N,))
    with (
        per_sample.record(model) as seen,
        pytest.warns(UserWarning, match=r"leaves out \['gate'\]"),
    ):
        LOSS(model(x), y).backward()
    assert seen.missed == {"gate"}


@pytest.mark.parametrize("drop", [0.0, 0.3])
def test_frames_folded_into_the_batch_under_dropout_and_batch_norm(drop):
    """Sample by sample or frame by frame: told apart by a trial without chance."""

    class Film(nn.Module):
        def __init__(self, apart):
            super().__init__()
            self.first, self.norm = nn.Linear(3, 5), nn.BatchNorm1d(5)
            self.out, self.apart = nn.Linear(5, 3), apart

        def forward(self, x):
            x = functional.dropout(x, drop)
            x = x.transpose(0, 1) if self.apart else x
            frames = self.norm(self.first(x.reshape(-1, 3))).tanh()
            frames = functional.dropout(frames, drop)
            shape = (4, -1, 5) if self.apart else (-1, 4, 5)
            return self.out(frames.reshape(shape).mean(0 if self.apart else 1))

    torch.manual_seed(0)
    x, y = torch.randn(N, 4, 3).double(), torch.randint(3, (N,))
    found = []
    for apart in (False, True):
        torch.manual_seed(1)
        model = Film(apart).double()
        with per_sample.record(model) as seen:
            torch.manual_seed(2)
            LOSS(model(x), y).backward()
        assert not seen.missed
        found.append(seen.norms)
        with per_sample.record(model.eval()) as seen:
            torch.manual_seed(2)
            LOSS(model(x), y).backward()
        torch.manual_seed(2)
        g = contributions(model, lambda z: LOSS(z, y), x)
        assert_near(seen.norms, N * g.norm(dim=1))
    if not drop:
        assert_near(*found)


def test_a_fused_layer_with_dropout_is_named():
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(4, 2, 6, dropout=0.2, batch_first=True)
    model = nn.Sequential(layer, nn.Flatten(), nn.Linear(20, 3)).double()
    x, y = torch.randn(N, 5, 4).double(), torch.randint(3, (N,))
    with (
        per_sample.record(model) as seen,
        pytest.warns(UserWarning, match=r"leaves out .*in_proj_weight"),
    ):
        LOSS(model(x), y).backward()
    assert all(name.startswith("0.self_attn.") for name in seen.missed)


def test_reentrant_checkpoints_have_no_calls_to_see():
    torch.manual_seed(0)

    class Net(odd.Checkpointed):
        def forward(self, x):
            h = self.out(x)
            return h + checkpoint(self._again, h, use_reentrant=True)

        def _again(self, h):
            return functional.linear(h, self.out.weight[:, :3])

    model, x = Net(True).double(), torch.randn(N, 4).double()
    with (
        per_sample.record(model, parameters=["out.weight", "out.bias"]),
        pytest.warns(UserWarning, match="comes from no sample"),
    ):
        LOSS(model(x), torch.randint(3, (N,))).backward()


def test_half_precision_under_autocast():
    torch.manual_seed(0)
    model, x = Dropped(), torch.randn(N, 4)
    y = torch.randint(3, (N,))
    with per_sample.record(model) as seen, torch.autocast("cpu", torch.bfloat16):
        torch.manual_seed(2)
        LOSS(model(x), y).backward()
    torch.manual_seed(2)
    with torch.autocast("cpu", torch.bfloat16):
        g = contributions(model, lambda z: LOSS(z, y), x)
    error = (seen.norms - N * g.norm(dim=1)).abs().max()
    assert error <= 0.02 * seen.norms.max()


def test_one_sample_and_then_more():
    model, x, y = KINDS[0].make(N)
    expected = per_sample.gradient_norms(model, LOSS, x, y)
    with per_sample.record(model) as seen:
        LOSS(model(x[:1]), y[:1]).backward()
        LOSS(model(x), y).backward()
    assert_near(seen.norms, torch.cat([expected[:1], expected]))


@pytest.mark.unchecked
def test_bad_arguments():
    model = nn.Linear(4, 3)
    with pytest.raises(TypeError, match=r"model must be an nn\.Module, got function"):
        per_sample.record(lambda x: x)
    with pytest.raises(TypeError, match="must not be compiled"):
        per_sample.record(torch.compile(model))
    with pytest.raises(ValueError, match="reduction must be one of 'mean', 'sum'"):
        per_sample.record(model, reduction="none")
    with pytest.raises(ValueError, match=r"must be names.*got \['encoder\.\*'\]"):
        per_sample.record(model, parameters="encoder.*")
    model.bias.requires_grad_(False)
    with pytest.raises(ValueError, match=r"to be recorded, got \['bias'\]"):
        per_sample.record(model, parameters=["bias"])
    with per_sample.record(model) as seen:
        pass
    assert seen.norms.shape == (0,) and seen.cosines.shape == (0,)
    with pytest.raises(ValueError, match="none to plot"):
        seen.plot()

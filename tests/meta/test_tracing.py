"""Each loss where torch follows it without its numbers, or with tensors in parts.

`torch.func.linearize`, `make_fx`, `torch.export` with a batch of any size, DTensor and
inference mode: `torch.nn.functional.cross_entropy` works in all of them.
"""

import pytest
import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Replicate, Shard, distribute_tensor
from torch.func import grad, jvp, linearize
from torch.fx.experimental.proxy_tensor import make_fx

import batch_losses
import costfn
from losses import CASES, LOSSES

# jaxtyping's checks cannot be traced.
pytestmark = pytest.mark.unchecked
FEW, MANY = 5, 7
TARGETS = ("target", "target_probs")


def close(actual, expected):
    torch.testing.assert_close(actual, expected, rtol=1e-12, atol=1e-13)


class Example:
    """A loss with its options, and how to draw its tensors for a batch."""

    def __init__(self, name, draw, **options):
        self.name, self.draw, self.options = name, draw, options

    def __call__(self, *arguments):
        return getattr(costfn, self.name)(*arguments, **self.options)

    def __repr__(self):
        return self.name

    def gradient(self, logits, *others):
        return grad(lambda z: self(z, *others).sum())(logits)


def of_table(loss):
    case = next(c for c in CASES if c.loss is loss and c.form == loss.forms[0])
    short = {"iterations": 3} if "iterations" in case.options else {}
    return Example(
        loss.name,
        lambda batch: case.draw(batch=(batch,)).torch(),
        **(case.options | short),
    )


def scores(*shape):
    rng = torch.Generator().manual_seed(len(shape))
    return 2 * torch.randn(shape, dtype=torch.float64, generator=rng)


def of_counts(name):
    cost = (batch_losses.COST,) if name in batch_losses.COSTS else ()
    return Example(name, lambda batch: (scores(batch, 3), labels(batch), *cost))


def labels(batch, classes=3):
    return torch.arange(batch) % classes


def several(batch):
    return torch.stack([labels(batch, 2), labels(batch + 1, 2)[1:]], -1)


EXAMPLES = [
    *map(of_table, LOSSES),
    *map(of_counts, batch_losses.NAMES),
    Example("lovasz_softmax_loss", lambda n: (scores(n, 3), labels(n))),
    Example("lovasz_hinge_loss", lambda n: (scores(n), labels(n, 2))),
    Example("q_error_loss", lambda n: (scores(n), scores(n, 1)[:, 0])),
]
KINDS = [
    Example("f_beta_loss", lambda n: (scores(n), labels(n, 2)), task="binary"),
    Example("f_beta_loss", lambda n: (scores(n, 2), several(n)), task="multilabel"),
    Example("mcc_loss", lambda n: (scores(n, 3), torch.eye(3).double()[labels(n)])),
    Example(
        "dice_loss",
        lambda n: (scores(n, 4, 3), labels(4).expand(n, 4)),
        scope="example",
    ),
]
PER_LABEL = [
    Example(name, lambda n: (scores(n, 2), several(n)))
    for name in ("sigmoid_focal_loss", "asymmetric_loss")
]
EXAMPLES += PER_LABEL
# Losses that differ in the metric alone are represented by a few in slow runs; all of
# them are compiled in `test_batch_transforms.py`.
EXEMPLARS = [
    x
    for x in EXAMPLES
    if x.name in batch_losses.EXEMPLARS or x.name not in batch_losses.NAMES
]
every = pytest.mark.parametrize("example", [*EXAMPLES, *KINDS], ids=repr)
some = pytest.mark.parametrize("example", [*EXEMPLARS, *KINDS], ids=repr)
first = pytest.mark.parametrize("example", EXAMPLES, ids=repr)


def test_every_loss_is_here():
    public = {name for name in costfn.__all__ if name.endswith("_loss")}
    assert public - {"metric_loss"} == {example.name for example in EXAMPLES}


# It puts constants into its graph without their registration, and warns of that.
@pytest.mark.filterwarnings("ignore:Attempted to insert a get_attr Node")
@some
def test_linearize(example):
    logits, *others = example.draw(FEW)
    direction = torch.linspace(-1, 1, logits.numel()).to(logits).reshape(logits.shape)

    def f(z):
        return example(z, *others)

    value, along = linearize(f, logits)
    expected, derivative = jvp(f, (logits,), (direction,))
    close(value, expected)
    close(along(direction), derivative)


@pytest.mark.parametrize("example", [EXAMPLES[0], *KINDS], ids=repr)
def test_a_graph_of_real_tensors(example):
    arguments = example.draw(FEW)
    graph = make_fx(example.gradient)(*arguments)
    close(graph(*arguments), example.gradient(*arguments))


@some
def test_a_graph_of_symbols_serves_any_batch(example):
    graph = make_fx(example.gradient, tracing_mode="symbolic")(*example.draw(FEW))
    arguments = example.draw(MANY)
    close(graph(*arguments), example.gradient(*arguments))


class Model(torch.nn.Module):
    def __init__(self, example):
        super().__init__()
        self.example = example

    def forward(self, *arguments):
        return self.example(*arguments)


@some
def test_export_with_a_batch_of_any_size(example):
    arguments = example.draw(FEW)
    batch = torch.export.Dim("batch", min=2)
    shapes = {"arguments": ({0: batch}, {0: batch}, *({} for _ in arguments[2:]))}
    exported = torch.export.export(
        Model(example), arguments, dynamic_shapes=shapes
    ).module()
    arguments = example.draw(MANY)
    close(exported(*arguments), example(*arguments))


@every
def test_inference_mode(example):
    with torch.inference_mode():
        inside = example(*example.draw(FEW))
    close(inside.clone(), example(*example.draw(FEW)))


@pytest.fixture(scope="module")
def mesh():
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield init_device_mesh("cpu", (1,))
    dist.destroy_process_group()


@every
def test_distributed_tensors(example, mesh):
    """Logits and target by examples, costs on every device."""
    logits, target, *extras = example.draw(FEW)
    parts = [distribute_tensor(x.clone(), mesh, [Shard(0)]) for x in (logits, target)]
    whole = [distribute_tensor(x.clone(), mesh, [Replicate()]) for x in extras]
    z = parts[0].requires_grad_()
    found = example(z, parts[1], *whole)
    found.sum().backward()
    close(found.full_tensor().detach(), example(logits, target, *extras))
    close(z.grad.full_tensor(), example.gradient(logits, target, *extras))

"""Gradients of single samples, and their norms, against a loop of backward passes."""

from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

import costfn
from costfn import per_sample
from per_sample_models import (
    KINDS,
    assert_all_near,
    assert_near,
    flat,
    loop,
    norms,
)

pytestmark = pytest.mark.shapes

DTYPES = [torch.float32, torch.float64]
kinds = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
dtypes = pytest.mark.parametrize("dtype", DTYPES, ids=["float32", "float64"])


@kinds
@dtypes
@pytest.mark.parametrize("chunk_size", [None, 2, 3])
def test_they_equal_a_loop_of_backward_passes(kind, dtype, chunk_size):
    model, x, y = kind.make(5, dtype)
    expected = loop(model, costfn.focal_loss, x, y)
    found = per_sample.gradients(model, costfn.focal_loss, x, y, chunk_size=chunk_size)
    assert_all_near(found, expected)
    assert not any(g.requires_grad for g in found.values())
    length = per_sample.gradient_norms(
        model, costfn.focal_loss, x, y, chunk_size=chunk_size
    )
    assert_near(length, norms(expected))


@kinds
def test_norms_per_parameter_and_per_layer(kind):
    model, x, y = kind.make(4)
    expected = {n: g.flatten(1).norm(dim=1) for n, g in loop(model, LOSS, x, y).items()}
    found = per_sample.gradient_norms(model, LOSS, x, y, per="parameter")
    assert_all_near(found, expected)
    layers = per_sample.gradient_norms(model, LOSS, x, y, per="layer")
    for layer, length in layers.items():
        own = [e for n, e in expected.items() if n.rpartition(".")[0] == layer]
        assert_near(length, torch.stack(own).norm(dim=0))


LOSS = nn.CrossEntropyLoss()


@pytest.mark.filterwarnings("ignore:Using padding='same':UserWarning")
@given(st.data())
def test_convolutions_of_any_geometry(data):
    draw = data.draw
    axes, groups = draw(st.integers(1, 3)), draw(st.sampled_from([1, 2]))
    small = st.tuples(*[st.integers(1, 2)] * axes)
    stride, dilation, kernel = draw(small), draw(small), draw(small)
    padding = draw(
        st.one_of(st.tuples(*[st.integers(0, 2)] * axes), st.just("valid"))
        if max(stride) > 1
        else st.one_of(st.tuples(*[st.integers(0, 2)] * axes), st.just("same"))
    )
    samples, channels = draw(st.integers(1, 3)), 2 * draw(st.integers(1, 2))
    torch.manual_seed(draw(st.integers(0, 99)))
    layer = [nn.Conv1d, nn.Conv2d, nn.Conv3d][axes - 1](
        channels, 2, kernel, stride, padding, dilation, groups
    ).double()
    x = torch.randn(samples, channels, *[draw(st.integers(3, 4)) for _ in range(axes)])
    check_norms(nn.Sequential(layer, nn.Flatten()), x.double())


@given(st.data())
def test_linear_layers_over_any_axes(data):
    draw = data.draw
    axes = draw(st.lists(st.integers(1, 4), max_size=3))
    samples, rows, columns = (draw(st.integers(1, 5)) for _ in range(3))
    torch.manual_seed(draw(st.integers(0, 99)))
    model = nn.Sequential(nn.Linear(columns, rows), nn.LayerNorm(rows), nn.Flatten())
    check_norms(model.double(), torch.randn(samples, *axes, columns).double())


@given(st.data())
def test_embeddings_with_repeated_tokens(data):
    draw = data.draw
    tokens, length = draw(st.integers(1, 4)), draw(st.integers(1, 5))
    padding = draw(st.sampled_from([None, 0, -1]))
    torch.manual_seed(draw(st.integers(0, 99)))
    model = nn.Sequential(nn.Embedding(tokens, 3, padding_idx=padding), nn.Flatten())
    x = torch.randint(tokens, (draw(st.integers(1, 3)), length))
    check_norms(model.double(), x)


@given(st.integers(1, 3), st.integers(1, 2), st.integers(1, 3), st.integers(0, 99))
def test_group_norms(samples, groups, length, seed):
    torch.manual_seed(seed)
    model = nn.Sequential(nn.GroupNorm(groups, 2 * groups), nn.Flatten()).double()
    check_norms(model, torch.randn(samples, 2 * groups, 2, length).double())


def check_norms(model, x):
    def loss(z, y):
        return (z.square() * y).sum()

    y = torch.arange(1.0, len(x) + 1).double().unsqueeze(-1)
    expected = loop(model, loss, x, y)
    assert_near(per_sample.gradient_norms(model, loss, x, y), norms(expected))


class Both(nn.Module):
    """A table read by its rows and multiplied by, more than once each."""

    def __init__(self, outer):
        super().__init__()
        self.table = nn.Parameter(torch.randn(6, 4))
        self.bias = nn.Parameter(torch.randn(4))
        self.outer = outer

    def forward(self, x):
        h = functional.embedding(x, self.table) + functional.embedding(x, self.table)
        h = functional.layer_norm(h, (4,), bias=self.bias)
        h = functional.linear(h, self.table)
        h = functional.linear(functional.linear(h, self.table.T, self.bias), self.table)
        return h.sum(1) if self.outer is None else h.sum(1) * self.outer(self.table)


@pytest.mark.parametrize("outer", [None, torch.sum], ids=["known", "also elsewhere"])
def test_uses_of_one_weight_by_several_layers(outer):
    torch.manual_seed(0)
    model = Both(outer).double()
    x, y = torch.randint(6, (3, 5)), torch.randint(6, (3,))
    expected = loop(model, costfn.focal_loss, x, y)
    found = per_sample.gradient_norms(model, costfn.focal_loss, x, y)
    assert_near(found, norms(expected))


def test_a_cross_term_by_hand():
    """w used twice by `w (w x)`: the gradient is `2 w x`, and not `w x` twice apart."""
    model = nn.Sequential(layer := nn.Linear(1, 1, bias=False), layer)
    nn.init.constant_(layer.weight, 3.0)
    x = torch.tensor([[1.0], [2.0]])
    found = per_sample.gradient_norms(model, lambda z: z.sum(), x, None)
    assert found.tolist() == [6.0, 12.0]


def test_frozen_named_and_replaced_parameters():
    kind = KINDS[0]
    model, x, y = kind.make(3)
    model[0].weight.requires_grad_(False)
    every = loop(model, LOSS, x, y)
    found = per_sample.gradients(model, LOSS, x, y)
    assert "0.weight" not in found
    assert_all_near(found, every)
    model[0].weight.requires_grad_(True)
    every = loop(model, LOSS, x, y)
    one = per_sample.gradients(model, LOSS, x, y, parameters=["0.weight"])
    assert_all_near(one, {"0.weight": every["0.weight"]})
    length = per_sample.gradient_norms(model, LOSS, x, y, parameters=["0.weight"])
    assert_near(length, every["0.weight"].flatten(1).norm(dim=1))
    other, _, _ = kind.make(3, seed=1)
    values = dict(other.named_parameters())
    expected = loop(other, LOSS, x, y)
    at = per_sample.gradients(model, LOSS, x, y, parameters=values)
    assert_all_near({n: g.detach() for n, g in at.items()}, expected)
    length = per_sample.gradient_norms(model, LOSS, x, y, parameters=values)
    assert_near(length, norms(expected))


def test_a_tied_parameter_by_its_other_name():
    model, x, y = next(k for k in KINDS if k.name == "tied").make(3)
    first = per_sample.gradients(model, LOSS, x, y, parameters=["first.weight"])
    second = per_sample.gradients(model, LOSS, x, y, parameters=["second.weight"])
    assert_all_near(first, second)


def test_a_function_of_parameters_with_and_without_a_batch_axis():
    torch.manual_seed(0)
    parameters = {"w": torch.randn(4, 3).double(), "b": torch.randn(3).double()}
    x, y = torch.randn(5, 4).double(), torch.randint(3, (5,))

    def of_batch(p, x):
        assert x.ndim == 2
        return x @ p["w"] + p["b"]

    def of_one(p, x):
        assert x.ndim == 1
        return x @ p["w"] + p["b"]

    residual = of_batch(parameters, x).softmax(-1) - functional.one_hot(y, 3)
    expected = {"w": x[:, :, None] * residual[:, None], "b": residual}
    for model, batched in ((of_batch, True), (of_one, False)):
        found = per_sample.gradients(
            model, LOSS, x, y, parameters=parameters, batched=batched
        )
        assert_all_near(found, expected)
        length = per_sample.gradient_norms(
            model, LOSS, x, y, parameters=parameters, batched=batched
        )
        assert_near(length, norms(expected))


class TwoInputs(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(2, 3), nn.Linear(4, 3)

    def forward(self, left, *, right):
        return {"logits": self.a(left) * self.b(right)}


def test_several_inputs_and_targets_and_a_dictionary_of_predictions():
    torch.manual_seed(0)
    model = TwoInputs().double()
    x = {"left": torch.randn(4, 2).double(), "right": torch.randn(4, 4).double()}
    y = torch.randint(3, (4,)), torch.rand(4, 3, 3).double()

    def loss(prediction, labels, costs):
        return costfn.expected_cost_loss(prediction["logits"], labels, costs)

    expected = loop(model, loss, x, y)
    assert_all_near(per_sample.gradients(model, loss, x, y), expected)
    assert_near(per_sample.gradient_norms(model, loss, x, y), norms(expected))


def test_dropout_by_its_randomness():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Dropout(0.5), nn.Linear(64, 1, bias=False)).double()
    x = torch.ones(6, 64).double()
    call = partial(per_sample.gradients, model, lambda z: z.sum(), x, None)
    same = call(randomness="same")["1.weight"].squeeze(1)
    assert (same == same[0]).all() and set(same[0].tolist()) == {0.0, 2.0}
    different = call(randomness="different")["1.weight"].squeeze(1)
    assert len(different.unique(dim=0)) == 6
    length = per_sample.gradient_norms(
        model, lambda z: z.sum(), x, None, randomness="different"
    )
    assert len(length.unique()) > 1
    with pytest.raises(RuntimeError, match=r"call model\.eval\(\).*randomness="):
        call()
    with pytest.raises(RuntimeError, match=r"model\.eval\(\)"):
        per_sample.gradient_norms(model, lambda z: z.sum(), x, None)
    model.eval()
    assert_all_near(call(), {"1.weight": torch.ones(6, 1, 64).double()})


def test_the_state_of_the_random_numbers_does_not_depend_on_looking():
    """The survey of the model and the trial of the loss draw numbers of their own."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 8), nn.Dropout(0.5), nn.Linear(8, 3)).double()
    x, y = torch.randn(5, 8).double(), torch.randint(3, (5,))
    torch.manual_seed(1)
    g = per_sample.gradients(model, LOSS, x, y, randomness="different")
    torch.manual_seed(1)
    length = per_sample.gradient_norms(model, LOSS, x, y, randomness="different")
    assert_near(length, norms(g))


def test_nothing_of_the_model_changes():
    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(2, 2)
            self.register_buffer("calls", torch.zeros(()))

        def forward(self, x):
            self.calls += 1
            return self.linear(x)

    model = Counting()
    x, y = torch.randn(4, 2), torch.randint(2, (4,))
    model.linear.weight.grad = torch.ones(2, 2)
    per_sample.gradients(model, LOSS, x, y)
    per_sample.gradient_norms(model, LOSS, x, y)
    assert model.calls == 0
    assert (model.linear.weight.grad == 1).all() and model.linear.bias.grad is None


class Scaled(nn.Module):
    """A layer with a closed form, and a parameter without one."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(600, 2, bias=False)
        self.scale = nn.Parameter(torch.ones(600))

    def forward(self, x):
        return self.linear(x * self.scale)


def test_half_precision_norms_are_summed_in_single():
    model = Scaled().bfloat16()
    nn.init.constant_(model.linear.weight, 0.5)
    x = torch.ones(2, 600).bfloat16()
    found = per_sample.gradient_norms(model, lambda z: z.sum(), x, None)
    assert found.dtype == torch.float32
    assert_near(found, torch.full((2,), (1200 + 600) ** 0.5))


class Target(nn.Module):
    """The same layer with gradients, and before that without."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 3)

    def forward(self, x):
        with torch.no_grad():
            fixed = self.linear(x)
        return self.linear(x) * fixed


def test_uses_without_gradients_are_none():
    torch.manual_seed(0)
    model, x = Target().double(), torch.randn(4, 3).double()
    y = torch.randint(3, (4,))
    expected = norms(loop(model, LOSS, x, y))
    assert_near(per_sample.gradient_norms(model, LOSS, x, y), expected)


@pytest.mark.unchecked
def test_under_torch_compile():
    torch.manual_seed(0)
    model, x, y = KINDS[0].make(4)
    expected = loop(model, costfn.focal_loss, x, y)
    torch.compiler.reset()
    compiled = torch.compile(
        lambda x, y: per_sample.gradients(model, costfn.focal_loss, x, y),
        backend="aot_eager",
    )
    assert_all_near(compiled(x, y), expected)
    torch.compiler.reset()


def test_differentiable_in_parameters_that_are_given():
    """As a penalty on the norms of gradients needs it."""
    torch.manual_seed(0)
    model = nn.Linear(2, 2).double()
    x, y = torch.randn(3, 2).double(), torch.randint(2, (3,))

    def penalty(weight):
        values = {"weight": weight}
        g = per_sample.gradients(model, costfn.focal_loss, x, y, parameters=values)
        return flat(g).square().sum()

    assert torch.autograd.gradcheck(penalty, model.weight.detach().requires_grad_())

"""That group norms of all samples in one call give the gradients of a plain loop."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from costfn import per_sample
from costfn.per_sample import _group_norm, _parameter_watch
from per_sample_models import assert_all_near, assert_near, loop, norms

LOSS = nn.CrossEntropyLoss()


class Images(nn.Module):
    """Group norms of images, with the options of a subclass."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 16, 3, padding=1)
        self.norm = nn.GroupNorm(4, 16)
        self.out = nn.Linear(16, 3)

    def normalized(self, h):
        return self.norm(h)

    def forward(self, x):  # (N, 3, 4, 4)
        h = self.normalized(self.first(x)).relu()
        return self.out(h.flatten(2).mean(2))


class Twice(Images):
    def normalized(self, h):
        return self.norm(self.norm(h).tanh())


class ShiftOnly(Images):
    """Its scale is no parameter but a number that all samples share."""

    def normalized(self, h):
        return functional.group_norm(h, 4, torch.full((16,), 2.0).to(h), self.norm.bias)


class ScaleOnly(Images):
    def normalized(self, h):
        return functional.group_norm(h, 4, self.norm.weight)


class Frames(Images):
    """Each sample has two images."""

    def normalized(self, h):
        both = torch.stack([h, h.flip(3)], 1)
        return self.norm(both.flatten(0, 1)).unflatten(0, (-1, 2)).sum(1)


class ShiftedFirst(Images):
    """The input of the norm has its samples on another axis than the first."""

    def normalized(self, h):
        turned = h.transpose(0, 1).contiguous().transpose(0, 1)
        return self.norm(turned)


class SameForAll(Images):
    """What it normalises is the same for all samples."""

    def forward(self, x):
        image = torch.arange(48.0).reshape(1, 16, 3, 1).to(x)
        return super().forward(x) + self.out(self.norm(image).mean((2, 3)))


class VmapOfItsOwn(Images):
    def normalized(self, h):
        return torch.func.vmap(lambda one: self.norm(one[None])[0])(h)


class OnePosition(Images):
    def normalized(self, h):
        return h + self.norm(h.mean((2, 3)))[..., None, None]


CASES = [
    Images,
    Twice,
    ShiftOnly,
    ScaleOnly,
    Frames,
    ShiftedFirst,
    SameForAll,
    VmapOfItsOwn,
    OnePosition,
]


def check(build, parameters=None, memory_format=torch.contiguous_format):
    torch.manual_seed(0)
    model = build().double()
    nn.init.normal_(model.norm.weight), nn.init.normal_(model.norm.bias)
    x, y = torch.randn(5, 3, 4, 4).double(), torch.arange(5) % 3
    x = x.to(memory_format=memory_format)
    expected = loop(model, LOSS, x, y)
    if parameters is not None:
        expected = {name: expected[name] for name in parameters}
    options = {"parameters": parameters}
    found = per_sample.gradient_norms(model, LOSS, x, y, **options)
    assert_near(found, norms(expected))
    clipped = per_sample.clip(model, LOSS, x, y, 1e9, **options).total
    assert_all_near(clipped, {n: g.sum(0) for n, g in expected.items()})
    spread = per_sample.variance(model, LOSS, x, y, **options)
    assert_all_near(spread, {n: g.var(0) for n, g in expected.items()})


@pytest.mark.parametrize("build", CASES)
def test_they_equal_a_loop(build):
    check(build)


def test_in_another_layout():
    check(Images, memory_format=torch.channels_last)


@pytest.mark.parametrize("name", ["norm.weight", "norm.bias", "first.weight"])
def test_by_some_parameters_only(name):
    check(Images, [name])


@pytest.mark.parametrize("build", [Images, Frames, SameForAll])
def test_without_functions_of_torch_that_are_not_public(build, monkeypatch):
    monkeypatch.setattr(_group_norm, "_AVAILABLE", False)
    check(build)


def test_one_call_does_for_all_samples(monkeypatch):
    found = []
    original = _group_norm.group_norm_of_samples

    def seen(*given, **options):
        found.append(original(*given, **options))
        return found[-1]

    monkeypatch.setattr(_parameter_watch, "group_norm_of_samples", seen)
    check(Images)
    assert found and all(out is not None for out in found)

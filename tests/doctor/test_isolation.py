"""A diagnosis leaves the loss, and everything else, as it found them."""

import random

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from costfn.doctor import diagnose

PREDICTION = torch.linspace(-1, 1, 8).view(4, 2)
TARGET = torch.tensor([0, 1, 1, 0])


class Stateful(nn.Module):
    """A loss with parameters, a buffer, a counter and a hook."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(2.0))
        self.register_buffer("level", torch.tensor(1.0))
        self.calls = 0
        self.seen = []

    def forward(self, prediction, target):
        self.calls += 1
        self.level.mul_(0.5)
        self.seen.append(float(prediction.detach().sum()))
        noise = torch.rand(()) + np.random.rand() + random.random()
        return self.scale * F.cross_entropy(prediction, target) + 0 * noise


def states():
    return (
        torch.get_rng_state().tolist(),
        np.random.get_state()[1].tolist(),
        random.getstate(),
    )


def test_a_module_is_left_as_it_was():
    loss = Stateful().train()
    loss.scale.grad = torch.tensor(3.0)
    calls = []
    loss.register_forward_hook(lambda *_: calls.append(1))
    hooks = dict(loss._forward_hooks)
    diagnose(loss, PREDICTION, TARGET)
    assert loss.calls == 0
    assert loss.seen == []
    assert loss.level == 1
    assert loss.scale == 2
    assert loss.scale.requires_grad
    assert loss.scale.grad == 3
    assert loss.training
    assert loss._forward_hooks == hooks


def test_the_loss_of_a_running_model_is_left_as_it_was():
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    before = {name: value.clone() for name, value in model.state_dict().items()}

    def loss(prediction, target):
        return F.cross_entropy(model(prediction), target)

    diagnose(loss, PREDICTION, TARGET)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert all(p.requires_grad and p.grad is None for p in model.parameters())


def test_a_module_in_a_closure_is_left_as_it_was():
    helper = Stateful()
    level = helper.level

    def forward(prediction, target):
        helper.level = helper.level * 0.5
        helper.seen.append(1)
        helper.calls += 1
        return F.cross_entropy(prediction, target) + 0 * helper.level

    diagnose(forward, PREDICTION, TARGET)
    assert helper.level is level
    assert helper.seen == []
    assert helper.calls == 0


def test_random_states_are_restored():
    before = states()
    diagnose(Stateful(), PREDICTION, TARGET)
    assert states() == before


@pytest.mark.parametrize("enabled", [True, False])
def test_grad_mode_is_restored(enabled):
    def loss(prediction, target):
        torch.set_grad_enabled(False)
        return F.cross_entropy(prediction, target)

    with torch.set_grad_enabled(enabled):
        report = diagnose(loss, PREDICTION, TARGET)
        assert torch.is_grad_enabled() is enabled
    assert report.findings[0].cause == "NO_GRAD"


def test_inputs_are_left_alone():
    def loss(prediction, target):
        prediction.mul_(2)
        target.add_(1)
        return prediction.sum() + target.sum()

    prediction = PREDICTION.clone().requires_grad_()
    target = TARGET.float()
    report = diagnose(loss, prediction, target)
    assert report.findings[0].cause == "MUTATES_INPUT"
    assert torch.equal(prediction, PREDICTION)
    assert torch.equal(target, TARGET.float())
    assert prediction.requires_grad
    assert prediction.grad is None


def test_functions_of_torch_are_put_back():
    before = torch.autograd.Function.__dict__["apply"]

    def loss(prediction, target):
        raise RuntimeError("half-way")

    diagnose(loss, PREDICTION, TARGET)
    assert torch.autograd.Function.__dict__["apply"] is before
    assert not torch.overrides._get_current_function_mode_stack()


def test_a_tensor_that_the_loss_holds_is_left_alone():
    centres = torch.zeros(2, 2, requires_grad=True)

    def loss(prediction, target):
        with torch.no_grad():
            centres.add_(1)
        return (prediction - centres[target]).square().mean()

    diagnose(loss, PREDICTION, TARGET)
    assert torch.equal(centres, torch.zeros(2, 2))
    assert centres.requires_grad

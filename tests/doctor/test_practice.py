"""What losses of practice need of the doctor, each once a wrong report."""

from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

import costfn
from costfn.doctor import diagnose, watch
from costfn.testing import assert_trains

pytestmark = pytest.mark.unchecked  # faults are what they are, at run time too
rng = torch.Generator().manual_seed(0)


def randn(*shape):
    return torch.randn(shape, generator=rng)


def labels(classes, *shape):
    return torch.randint(classes, shape, generator=rng)


LINEAR = nn.Linear(8, 6)
CENTRES = randn(4, 3)


def area_under_the_curve(scores, truth):
    pairs = scores[truth == 1][:, None] - scores[truth == 0][None]
    return F.softplus(-pairs).mean()


def gradient_by_own_weights(hidden, wanted):
    rebuilt = LINEAR(hidden)
    (slope,) = torch.autograd.grad(
        (rebuilt - wanted).abs().mean(), LINEAR.weight, create_graph=True
    )
    return (rebuilt - wanted).pow(2).mean() + slope.norm()


def dual_softmax(scores, truth):
    return F.cross_entropy(scores * F.softmax(scores, 0) * len(scores), truth)


def matches(scores, truth):
    both = F.softmax(scores, 1) * F.softmax(scores, 2)
    return -(both.gather(2, truth[..., None]) + 1e-6).log().mean()


def similarities(points, truth):
    return F.cross_entropy(torch.exp(-torch.cdist(points, CENTRES).square() / 8), truth)


def of_mean_and_variance(output, wanted):
    mean, variance = output.unbind(1)
    return (torch.log(variance) / 2 + (wanted - mean).square() / 2 / variance).mean()


def of_tanh(output, wanted):
    return (torch.atanh(0.999 * output) - torch.atanh(0.999 * wanted)).square().mean()


def bootstrapped(values, rewards):
    with torch.no_grad():
        wanted = rewards + 0.9 * values[:, 1].max(1).values
    return F.mse_loss(values[:, 0].mean(1), wanted)


def by_reentrant_checkpoint(hidden, truth):
    return F.cross_entropy(checkpoint(LINEAR, hidden, use_reentrant=True), truth)


class Clamp(torch.autograd.Function):
    """Clamps; the gradient passes."""

    @staticmethod
    def forward(ctx, x):
        return x.clamp(0, 1)

    @staticmethod
    def backward(ctx, slope):
        return slope


def clamped(values, wanted):
    return (Clamp.apply(values) - wanted).square().mean()


SORTED = torch.cat([torch.ones(64), torch.zeros(64)])
RIGHT = {
    "sorted by class": (area_under_the_curve, randn(128), SORTED),
    "its own weights": (gradient_by_own_weights, randn(4, 8), randn(4, 6)),
    "a softmax beside": (dual_softmax, randn(16, 16), torch.arange(16)),
    "two softmaxes": (matches, randn(8, 6, 6), labels(6, 8, 6)),
    "similarities": (similarities, randn(12, 3), labels(4, 12)),
    "a variance": (
        of_mean_and_variance,
        torch.stack([randn(32), randn(32).exp()], 1),
        randn(32),
    ),
    "tanh": (of_tanh, randn(64).tanh(), randn(64).tanh()),
    "a target without gradient": (bootstrapped, randn(16, 2, 4), randn(16)),
    "a reentrant checkpoint": (by_reentrant_checkpoint, randn(4, 8), labels(6, 4)),
    "a clamp that lets through": (clamped, randn(32), randn(32)),
}


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.filterwarnings("ignore")
def test_a_right_loss_has_no_error(name):
    loss, prediction, target = RIGHT[name]
    report = diagnose(loss, prediction, target)
    assert report.verdict != "broken", str(report)


def test_losses_that_differentiate_by_their_weights_leave_them():
    diagnose(gradient_by_own_weights, randn(4, 8), randn(4, 6))
    assert all(p.requires_grad and p.grad is None for p in LINEAR.parameters())


def error_rate(scores, truth):
    return (scores.argmax(1) != truth).float().mean()


def with_error_rate(scores, truth):
    return F.cross_entropy(scores, truth) + 0.5 * error_rate(scores, truth)


@pytest.mark.parametrize("classes", [4, 100, 1000])
def test_of_many_classes_chance_hits_none(classes):
    scores, truth = randn(32, classes), labels(classes, 32)
    assert diagnose(error_rate, scores, truth).findings[0].cause == "INDEX_OP"
    assert diagnose(with_error_rate, scores, truth).findings[0].cause == "DEAD_TERM"


def deep_q(values, batch):
    actions, wanted = batch
    return F.smooth_l1_loss(values.gather(1, actions.unsqueeze(1)), wanted)


def as_column(values, wanted):
    return (values.view(-1, 1) - wanted).square().mean()


def all_pairs(scores, truth):
    gaps = scores.unsqueeze(1) - scores
    return F.softplus(-gaps * (truth.unsqueeze(1) - truth).sign()).mean()


@pytest.mark.parametrize(
    "loss, prediction, target, verdict",
    [
        (deep_q, randn(16, 4), (labels(4, 16), randn(16)), "broken"),
        (
            lambda p, t: F.mse_loss(p, t.unsqueeze(1)),
            randn(16),
            randn(16),
            "broken",
        ),
        (as_column, randn(16), randn(16), "suspicious"),
        (all_pairs, randn(16), randn(16), "ok"),
    ],
    ids=["an index of two axes", "a loss of torch", "a column", "all pairs"],
)
@pytest.mark.filterwarnings("ignore")
def test_a_shape_that_broadcasts(loss, prediction, target, verdict):
    report = diagnose(loss, prediction, target)
    assert report.verdict == verdict, str(report)
    causes = [
        found.cause for found in report.findings if found.severity != "information"
    ]
    assert causes == (["BROADCAST"] if verdict != "ok" else [])


def test_random_numbers_of_a_predicted_mean():
    def loss(mean, wanted):
        return F.mse_loss(torch.normal(mean, 1.0), wanted)

    found = diagnose(loss, randn(16), randn(16), stochastic=True).findings[0]
    assert found.cause == "PIECEWISE_CONST"
    assert "torch.normal" in found.code


def test_a_loss_that_is_nan_as_given():
    report = diagnose(lambda p, t: ((p - t) * torch.nan).mean(), randn(8), randn(8))
    assert report.verdict == "broken"
    assert "the example as given" in report.findings[0].message
    assert not any("same loss in every call" in said for said in report.checked)


def test_edges_that_raise_are_not_finite():
    def loss(values, wanted):
        if values.abs().max() > 20:
            raise ValueError("too large")
        return (values - wanted).square().mean()

    report = diagnose(loss, randn(8), randn(8))
    assert any("for which the loss raises" in said for said in report.not_checked)


class Trainer:
    """An object of the user's own, which is no module."""

    def __init__(self):
        self.model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
        self.generator = torch.Generator().manual_seed(1)
        self.stream = np.random.default_rng(1)
        self.seen, self.calls = [], 0

    def loss(self, prediction, target):
        self.calls += 1
        self.seen.append(1)
        noise = torch.rand((), generator=self.generator) + self.stream.random()
        return F.cross_entropy(self.model(prediction), target) + 0 * noise


def test_an_object_in_a_lambda_is_left_as_it_was():
    trainer = Trainer()
    variance = trainer.model[1].running_var.clone()
    states = trainer.generator.get_state(), trainer.stream.bit_generator.state
    diagnose(lambda p, t: trainer.loss(p, t), randn(8, 2), labels(2, 8))
    assert torch.equal(trainer.model[1].running_var, variance)
    assert trainer.calls == 0 and trainer.seen == []
    assert torch.equal(trainer.generator.get_state(), states[0])
    assert trainer.stream.bit_generator.state == states[1]


class TwoHeads(nn.Module):
    """Two linear maps of the same input."""

    def __init__(self):
        super().__init__()
        self.one, self.other = nn.Linear(4, 1), nn.Linear(4, 1)


def test_a_step_that_fails_has_a_report():
    model = nn.Linear(4, 3)
    with pytest.raises(RuntimeError, match="does not require grad"), watch(model) as w:
        error_rate(model(randn(6, 4)), labels(3, 6)).backward()
    assert w.report.findings[0].cause == "INDEX_OP"


@pytest.mark.parametrize("together", [True, False])
def test_a_step_of_two_losses(together):
    model, x = TwoHeads(), randn(6, 4)
    with watch(model) as seen:
        losses = [model.one(x).square().mean(), model.other(x).square().mean()]
        if together:
            torch.autograd.backward(losses)
        else:
            for loss in losses:
                loss.backward()
    assert seen.report.verdict == "ok", str(seen.report)


def test_the_other_model_of_a_step_may_stand_still():
    generator, critic = nn.Linear(4, 4), nn.Linear(4, 1)
    with watch(critic) as seen:
        fake = generator(randn(6, 4)).detach()
        (critic(fake).mean() - critic(randn(6, 4)).mean()).backward()
    assert seen.report.verdict == "ok", str(seen.report)


PER_EXAMPLE = {
    "focal": (costfn.focal_loss, randn(8, 3), labels(3, 8)),
    "cross entropy": (
        partial(F.cross_entropy, reduction="none"),
        randn(8, 3),
        labels(3, 8),
    ),
    "cross entropy of pixels": (
        nn.CrossEntropyLoss(reduction="none"),
        randn(2, 3, 4, 4),
        labels(3, 2, 4, 4),
    ),
    "squares, per entry": (
        partial(F.mse_loss, reduction="none"),
        randn(8, 3),
        randn(8, 3),
    ),
    "squares, per row": (
        lambda p, t: ((p - t) ** 2).sum(1),
        randn(8, 3),
        randn(8, 3),
    ),
    "binary": (
        partial(F.binary_cross_entropy_with_logits, reduction="none"),
        randn(9),
        labels(2, 9).float(),
    ),
}


@pytest.mark.parametrize("name", PER_EXAMPLE)
def test_one_loss_per_example_is_reduced_and_said(name):
    report = assert_trains(*PER_EXAMPLE[name], budget_seconds=60)
    assert report.verdict == "ok", str(report)
    told = [found for found in report.findings if found.cause == "NOT_SCALAR"]
    assert [found.severity for found in told] == ["information"]
    assert "one loss per example" in told[0].message
    assert "costfn.reduce" in told[0].fix


def test_a_loss_for_each_output_is_no_loss_per_example():
    report = diagnose(lambda p, t: ((p - t) ** 2).mean(0), randn(8, 3), randn(8, 3))
    assert report.verdict == "broken"
    assert report.findings[0].cause == "NOT_SCALAR"
    # Pairs of all with all have the wrong shape too, and are named first.
    report = diagnose(lambda p, t: (p - t) ** 2, randn(8, 1), randn(8))
    assert report.verdict == "broken"
    assert report.findings[0].cause == "BROADCAST"

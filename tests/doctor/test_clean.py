"""Losses that are known to be right: the doctor finds no error in them."""

import inspect
from functools import partial

import pytest
import torch
import torch.nn as nn

import batch_losses
import costfn
import costfn_nn
from costfn.doctor import diagnose
from losses import PER_SAMPLE
from module_cases import COST, EXTRAS

rng = torch.Generator().manual_seed(4)


def randn(*shape):
    return torch.randn(shape, generator=rng)


def rand(*shape):
    return torch.rand(shape, generator=rng)


def classes(*shape, upto=5):
    return torch.randint(upto, shape, generator=rng)


def signs(*shape):
    return 2.0 * classes(*shape, upto=2) - 1


LOGITS = randn(8, 5)
BINARY = (randn(8, 5), classes(8, 5, upto=2).float())
REAL = (randn(8, 5), randn(8, 5))
TORCH = {
    "CrossEntropyLoss": (LOGITS, classes(8)),
    "NLLLoss": (LOGITS.log_softmax(1), classes(8)),
    "L1Loss": REAL,
    "MSELoss": REAL,
    "SmoothL1Loss": REAL,
    "HuberLoss": REAL,
    "BCELoss": (rand(8, 5) * 0.9 + 0.05, BINARY[1]),
    "BCEWithLogitsLoss": BINARY,
    "KLDivLoss": (LOGITS.log_softmax(1), randn(8, 5).softmax(1)),
    "PoissonNLLLoss": (LOGITS, torch.poisson(2 * rand(8, 5), generator=rng)),
    "SoftMarginLoss": (randn(8, 5), signs(8, 5)),
    "HingeEmbeddingLoss": (rand(8, 5) * 2, signs(8, 5)),
    "MultiLabelSoftMarginLoss": BINARY,
    "MultiMarginLoss": (LOGITS, classes(8)),
    "MultiLabelMarginLoss": (
        LOGITS,
        torch.tensor([[3, 0, -1, -1, -1], [1, 4, 2, -1, -1]]).repeat(4, 1),
    ),
}
# Those of several arguments, one of them the prediction.
SEVERAL = {
    "CosineEmbeddingLoss": lambda p, t: nn.CosineEmbeddingLoss()(p, REAL[1], t),
    "MarginRankingLoss": lambda p, t: nn.MarginRankingLoss(1.0)(p[:, 0], p[:, 1], t),
    "TripletMarginLoss": lambda p, t: nn.TripletMarginLoss()(p, p.roll(1, 0), REAL[1]),
    "TripletMarginWithDistanceLoss": lambda p, t: nn.TripletMarginWithDistanceLoss()(
        p, REAL[1], p.detach().flip(0)
    ),
    "GaussianNLLLoss": lambda p, t: nn.GaussianNLLLoss()(
        p[:, 0], t, nn.functional.softplus(p[:, 1])
    ),
    "LinearCrossEntropyLoss": lambda p, t: LINEAR(p, t.long() % 3),
    "AdaptiveLogSoftmaxWithLoss": lambda p, t: ADAPTIVE(p, t.long() % 3).loss,
    "CTCLoss": lambda p, t: nn.CTCLoss()(
        p.view(4, 2, 5).log_softmax(2),
        torch.tensor([[1, 2], [3, 4]]),
        torch.tensor([4, 4]),
        torch.tensor([2, 2]),
    ),
}
PAIRS = signs(8)
LINEAR = nn.LinearCrossEntropyLoss(5, 3)
ADAPTIVE = nn.AdaptiveLogSoftmaxWithLoss(5, 4, [2])


def no_error(report):
    assert report.verdict != "broken", str(report)


@pytest.mark.parametrize("name", TORCH)
def test_losses_of_torch(name):
    no_error(diagnose(getattr(nn, name)(), *TORCH[name]))


@pytest.mark.parametrize("name", SEVERAL)
def test_losses_of_torch_with_several_arguments(name):
    # Where the order of samples is part of the example it is not a fault.
    no_error(diagnose(SEVERAL[name], randn(8, 5), PAIRS, allow={"TARGET_IGNORED"}))


def test_no_loss_of_torch_is_left_out():
    every = {name for name in dir(nn) if name.endswith("Loss")}
    assert every - {"NLLLoss2d"} == set(TORCH) | set(SEVERAL)


@pytest.mark.parametrize("loss", PER_SAMPLE, ids=lambda loss: loss.name)
def test_losses_of_costfn_per_sample(loss):
    extras = [EXTRAS[name] for name in loss.takes]
    target = classes(8, upto=3) if "labels" in loss.forms else rand(8, 3).softmax(1)
    if loss.per_label:
        target = classes(8, 3, upto=2)

    def mean(logits, target):
        losses = loss.torch(logits, target, *extras, **loss.options[0])
        return costfn.reduce(losses)

    no_error(diagnose(mean, randn(8, 3).double(), target))


@pytest.mark.parametrize("name", batch_losses.NAMES)
def test_losses_of_costfn_of_the_batch(name):
    loss = batch_losses.Case(name, {}).function(torch.zeros(1))
    no_error(diagnose(loss, randn(8, 3), classes(8, upto=3)))


APART = {
    "lovasz_softmax_loss": (
        costfn.lovasz_softmax_loss,
        randn(8, 3),
        classes(8, upto=3),
    ),
    "lovasz_hinge_loss": (costfn.lovasz_hinge_loss, randn(12), classes(12, upto=2)),
    "generalized_wasserstein_dice_loss": (
        partial(costfn.generalized_wasserstein_dice_loss, cost=COST.float()),
        randn(8, 3),
        classes(8, upto=3),
    ),
    "q_error_loss": (
        lambda p, t: costfn.reduce(costfn.q_error_loss(p, t)),
        rand(9) + 0.5,
        rand(9) + 0.5,
    ),
}


@pytest.mark.parametrize("name", APART)
def test_other_losses_of_costfn(name):
    no_error(diagnose(*APART[name]))


def test_no_loss_of_costfn_is_left_out():
    every = {name for name in costfn.__all__ if name.endswith("_loss")}
    tested = {loss.name for loss in PER_SAMPLE} | set(batch_losses.NAMES) | set(APART)
    assert every - {"metric_loss"} == tested


def modules():
    """Every module that needs nothing but the numbers of `module_cases`."""
    for name in costfn_nn.__all__:
        cls = getattr(costfn_nn, name)
        needed = [
            parameter.name
            for parameter in inspect.signature(cls).parameters.values()
            if parameter.default is parameter.empty
            and parameter.kind is not parameter.VAR_KEYWORD
        ]
        if set(needed) <= set(GIVEN):
            yield name, partial(cls, **{n: GIVEN[n] for n in needed})


GIVEN = {name: value.float() for name, value in EXTRAS.items()}
GIVEN |= {"temperature": 0.5, "epsilon": 0.5}
MODULES = dict(modules())
TARGETS = {
    "SoftTargetLoss": randn(8, 3).softmax(1),
    "SinkhornLoss": randn(8, 3).softmax(1),
    "LovaszHingeLoss": classes(8, 3, upto=2),
    "SigmoidFocalLoss": classes(8, 3, upto=2),
    "AsymmetricLoss": classes(8, 3, upto=2),
    "QErrorLoss": rand(8, 3) + 0.5,
}


@pytest.mark.parametrize("name", MODULES)
def test_losses_of_costfn_nn(name):
    target = TARGETS.get(name, classes(8, upto=3))
    prediction = rand(8, 3) + 0.5 if name == "QErrorLoss" else randn(8, 3)
    no_error(diagnose(MODULES[name](), prediction, target))


def test_no_module_is_left_out():
    assert set(costfn_nn.__all__) - set(MODULES) <= {"WithMetrics"}

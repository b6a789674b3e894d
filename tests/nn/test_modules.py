"""The modules: the same losses, with the habits of torch.nn."""

import pytest
import torch

import costfn
import costfn_nn
from losses import LOSSES
from module_cases import (
    COST,
    WEIGHT,
    each_labelled,
    function_of,
    images,
    last,
    module_of,
    reductions,
    rng,
)

pytestmark = pytest.mark.shapes

# Losses that are cross entropy under these options.
CROSS_ENTROPIES = [
    pytest.param(lambda **o: costfn_nn.FocalLoss(gamma=0.0, **o), id="focal"),
    pytest.param(
        lambda **o: costfn_nn.SoftmaxMarginLoss(torch.zeros(3, 3), **o), id="margin"
    ),
    pytest.param(
        lambda **o: costfn_nn.CostRegularizedLoss(COST, strength=0.0, **o),
        id="regularized",
    ),
    pytest.param(
        lambda **o: costfn_nn.ForwardCorrectedLoss(torch.eye(3), **o), id="forward"
    ),
    pytest.param(
        lambda **o: costfn_nn.LogitAdjustedLoss(torch.ones(3), **o), id="adjusted"
    ),
]
PER_LABEL = [loss for loss in LOSSES if loss.per_label]
cross_entropies = pytest.mark.parametrize("build", CROSS_ENTROPIES)


@reductions
def test_a_batch_a_single_example_and_images(sample_loss, reduction):
    if sample_loss.per_label:
        pytest.skip("its targets have the shape of the logits: see the next test")
    module = module_of(sample_loss, reduction=reduction)
    function = function_of(sample_loss)
    for shape in [(4, 3), (2, 3, 6), (2, 3, 4, 5), (1, 3, 2, 2, 2)]:
        logits, labels, probs = images(shape)
        if "labels" in sample_loss.forms:
            losses = function(last(logits), labels)
            expected = costfn.reduce(losses, reduction=reduction)
            torch.testing.assert_close(module(logits, labels), expected)
        losses = function(last(logits), last(probs))
        expected = costfn.reduce(losses, reduction=reduction)
        torch.testing.assert_close(module(logits, probs), expected)
    logits, labels, probs = images((4, 3))
    target = labels if "labels" in sample_loss.forms else probs
    single = module(logits[0], target[0])
    assert single.shape == ()
    torch.testing.assert_close(single, function(logits[0], target[0]))


@reductions
@pytest.mark.parametrize("loss", PER_LABEL, ids=lambda loss: loss.name)
def test_labels_one_by_one_on_axis_1_or_of_any_shape(loss, reduction):
    for shape in [(4, 3), (2, 3, 4, 5), (3,), (), (0, 3)]:
        logits = torch.randn(shape, dtype=torch.float64, generator=rng)
        target = torch.randint(2, shape, generator=rng)
        expected = costfn.reduce(loss.torch(logits, target), reduction=reduction)
        module = module_of(loss, reduction=reduction)
        torch.testing.assert_close(module(logits, target), expected)
        if shape and shape != (3,):
            weight = WEIGHT.reshape(1, 3, *(1,) * (len(shape) - 2)).expand(shape)
            weighted = costfn.reduce(
                loss.torch(logits, target), weight=weight, reduction=reduction
            )
            module = module_of(loss, reduction=reduction, weight=WEIGHT)
            torch.testing.assert_close(module(logits, target), weighted)


def test_the_dice_loss_takes_images_too():
    (loss,) = (row for row in LOSSES if not row.per_sample)
    logits, labels, probs = images()
    for target in (labels, probs):
        flat = last(target).reshape(-1, 3) if target is probs else labels.reshape(-1)
        expected = function_of(loss)(last(logits).reshape(-1, 3), flat)
        torch.testing.assert_close(module_of(loss)(logits, target), expected)


@cross_entropies
@reductions
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["unweighted", "weighted"])
@pytest.mark.parametrize("shape", [(6, 3), (3,), (2, 3, 4, 5)])
def test_drop_in_for_cross_entropy(build, reduction, weight, shape):
    logits, labels, _ = images(shape if len(shape) > 1 else (1, 3))
    if len(shape) == 1:
        logits, labels = logits[0], labels[0]
    theirs = torch.nn.CrossEntropyLoss(weight=weight, reduction=reduction)
    ours = build(weight=weight, reduction=reduction).double()
    torch.testing.assert_close(ours(logits, labels), theirs(logits, labels))


@cross_entropies
@reductions
def test_ignored_labels_as_in_cross_entropy(build, reduction):
    logits, labels, _ = images()
    labels[0, :2], labels[1, 3, 1] = -100, -100
    for weight in (None, WEIGHT):
        theirs = torch.nn.CrossEntropyLoss(weight=weight, reduction=reduction)
        ours = build(weight=weight, reduction=reduction).double()
        torch.testing.assert_close(ours(logits, labels), theirs(logits, labels))
    shifted = torch.where(labels == -100, 255, labels)
    ours = build(ignore_index=255, reduction=reduction).double()
    theirs = torch.nn.CrossEntropyLoss(ignore_index=255, reduction=reduction)
    torch.testing.assert_close(ours(logits, shifted), theirs(logits, shifted))
    one = build(ignore_index=1, reduction=reduction).double()
    theirs = torch.nn.CrossEntropyLoss(ignore_index=1, reduction=reduction)
    labels = labels.clamp(min=0)
    torch.testing.assert_close(one(logits, labels), theirs(logits, labels))


@cross_entropies
@reductions
@pytest.mark.parametrize("smoothing", [0.1, 1.0])
def test_label_smoothing_as_in_cross_entropy(build, reduction, smoothing):
    logits, labels, probs = images()
    labels[0, :2] = -100
    options = {"label_smoothing": smoothing, "reduction": reduction}
    theirs = torch.nn.CrossEntropyLoss(**options)
    ours = build(**options).double()
    for target in (labels, probs):
        expected = theirs(logits, target)
        torch.testing.assert_close(
            ours(logits, target), expected, rtol=1e-12, atol=1e-12
        )


@each_labelled
def test_an_ignored_pixel_contributes_nothing_whatever_its_logits(loss):
    logits, labels, _ = images()
    labels[0, 1, 2], labels[1, 3, 4] = -100, -100
    spoiled = logits.clone()
    spoiled[0, :, 1, 2] = torch.nan
    spoiled[1, :, 3, 4] = torch.inf
    spoiled.requires_grad_()
    module = module_of(loss)
    value = module(spoiled, labels)
    value.backward()
    torch.testing.assert_close(value, module(logits, labels))
    assert spoiled.grad.isfinite().all()
    assert (spoiled.grad[0, :, 1, 2] == 0).all()
    assert (spoiled.grad[1, :, 3, 4] == 0).all()


@each_labelled
def test_nothing_but_ignored_labels_is_0(loss):
    logits = torch.full((2, 3), torch.nan, dtype=torch.float64, requires_grad=True)
    value = module_of(loss)(logits, torch.tensor([-100, -100]))
    value.backward()
    assert value == 0
    assert (logits.grad == 0).all()


@each_labelled
def test_the_weighted_mean(loss):
    if not loss.per_sample:
        pytest.skip("its weights enter its sums: see the next test")
    logits, labels, probs = images()
    for target in (labels, probs):
        losses = function_of(loss)(
            last(logits), labels if target is labels else last(probs)
        )
        weight = WEIGHT[labels] if target is labels else last(probs) @ WEIGHT
        expected = (weight * losses).sum() / weight.sum()
        actual = module_of(loss, weight=WEIGHT)(logits, target)
        torch.testing.assert_close(actual, expected)


def test_weights_of_the_dice_loss_count_examples_several_times():
    (loss,) = (row for row in LOSSES if not row.per_sample)
    logits, labels, _ = images((5, 3))
    counts = torch.tensor([2, 1, 3])
    repeated = torch.repeat_interleave(torch.arange(5), counts[labels])
    weighted = module_of(loss, weight=counts.double())(logits, labels)
    torch.testing.assert_close(
        weighted, module_of(loss)(logits[repeated], labels[repeated])
    )


def test_actions_beyond_the_classes():
    cost = costfn.costs.with_abstention(COST, 0.5)
    logits = torch.randn(5, 4, dtype=torch.float64, generator=rng)
    labels = torch.tensor([0, 1, 2, -100, 1])
    module = costfn_nn.ExpectedCostLoss(cost, weight=WEIGHT, label_smoothing=0.25)
    kept = labels >= 0
    one_hot = torch.eye(3, dtype=torch.float64)[labels[kept]]
    smoothed = 0.75 * one_hot + 0.25 / 3
    losses = costfn.expected_cost_loss(logits[kept], smoothed, cost)
    weight = WEIGHT[labels[kept]]
    expected = (weight * losses).sum() / weight.sum()
    torch.testing.assert_close(module(logits, labels), expected)

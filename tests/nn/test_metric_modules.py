"""The modules of the batch losses: torch's habits around the functions."""

import copy
import pickle

import pytest
import torch

import costfn
import costfn_nn

pytestmark = pytest.mark.shapes

torch.manual_seed(0)
IMAGES = torch.randn(2, 3, 4, 5, dtype=torch.float64)
LABELS = torch.randint(3, (2, 4, 5))
LAST = IMAGES.movedim(1, -1)
COST = torch.tensor([[0.0, 1, 4], [2, 0, 3], [7, 1, 0]])
ENTRIES = [
    entry
    for entry in costfn.catalogue.LOSSES.values()
    if not entry.per_sample and entry.name != "lovasz_hinge_loss"
]


def module_of(entry, **options):
    name = "".join(word.title() for word in entry.name.split("_"))
    arguments = [COST] if "cost" in entry.takes else []
    return getattr(costfn_nn, name)(*arguments, **options)


def function_of(entry, logits, target, **options):
    arguments = [COST] if "cost" in entry.takes else []
    return entry.loss(logits, target, *arguments, **options)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_a_module_is_the_function_with_the_classes_on_axis_1(entry):
    module = module_of(entry)
    expected = function_of(entry, LAST, LABELS)
    torch.testing.assert_close(module(IMAGES, LABELS), expected)
    for other in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        torch.testing.assert_close(other(IMAGES, LABELS), expected)
    flat = module(LAST.reshape(-1, 3), LABELS.reshape(-1))
    torch.testing.assert_close(flat, expected)
    assert repr(module)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_an_ignored_pixel_reaches_neither_value_nor_gradient(entry):
    labels, images = LABELS.clone(), IMAGES.clone()
    labels[0, 1, 2], images[0, :, 1, 2] = 255, torch.nan
    images.requires_grad_()
    value = module_of(entry, ignore_index=255)(images, labels)
    value.backward()
    where = labels != 255
    expected = function_of(entry, LAST[where], LABELS[where])
    torch.testing.assert_close(value, expected)
    assert images.grad.isfinite().all() and (images.grad[0, :, 1, 2] == 0).all()


def test_options_class_weights_and_scope_reach_the_function():
    weight = torch.tensor([1.0, 2.0, 0.5])
    module = costfn_nn.FBetaLoss(beta=2.0, scope="example", weight=weight)
    expected = costfn.f_beta_loss(
        LAST, LABELS, beta=2.0, scope="example", sample_weight=weight[LABELS]
    )
    torch.testing.assert_close(module(IMAGES, LABELS), expected)
    assert "beta" in repr(module)


def test_several_labels_and_one():
    target = (torch.rand(2, 3, 4, 5) < 0.5).long()
    module = costfn_nn.DiceLoss(task="multilabel")
    expected = costfn.dice_loss(LAST, target.movedim(1, -1), task="multilabel")
    torch.testing.assert_close(module(IMAGES, target), expected)
    binary = costfn_nn.MccLoss(task="binary", ignore_index=-1)
    some = target[:, 0].clone()
    some[0, 0, 0] = -1
    keep = some != -1
    expected = costfn.mcc_loss(IMAGES[:, 0][keep], target[:, 0][keep], task="binary")
    torch.testing.assert_close(binary(IMAGES[:, 0], some), expected)


def test_lovasz_hinge_ignores_too():
    target = (LABELS == 0).long()
    target[0, 0, 0] = -100
    keep = target != -100
    logits = IMAGES[:, 0]
    torch.testing.assert_close(
        costfn_nn.LovaszHingeLoss()(logits, target),
        costfn.lovasz_hinge_loss(logits[keep], target[keep]),
    )


@pytest.mark.unchecked
def test_bad_options_are_named():
    with pytest.raises(TypeError, match="unexpected keyword argument 'betta'"):
        costfn_nn.FBetaLoss(betta=2.0)
    with pytest.raises(ValueError, match="weight must be None for task 'binary'"):
        module = costfn_nn.FBetaLoss(task="binary", weight=torch.ones(2))
        module(torch.zeros(3), torch.tensor([0, 1, 1]))
    with pytest.raises(ValueError, match="cost must be"):
        costfn_nn.RegretLoss(torch.ones(3))

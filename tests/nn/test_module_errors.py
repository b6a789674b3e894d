"""Mistakes at the modules: errors speak of what was passed, and of torch's axes."""

import pytest
import torch

import costfn_nn
from module_cases import COST

# Logits (N, 3, H, W), as for torch.
LOGITS = torch.zeros(2, 3, 4, 5)
LABELS = torch.zeros(2, 4, 5, dtype=torch.long)
HABIT = "modules have the classes on axis 1, functions on the last"
SHAPES = {
    "classes last": (LOGITS.movedim(1, -1), LABELS, ValueError, HABIT),
    "labels with an axis more": (
        LOGITS,
        LABELS[:, None],
        ValueError,
        r"\(2, 4, 5\) of the examples.*\(2, 3, 4, 5\) without the classes on axis 1, "
        r"got \(2, 1, 4, 5\)",
    ),
    "fewer labels": (LOGITS, LABELS[:1], ValueError, r"got \(1, 4, 5\)"),
    "labels as floats": (LOGITS, LABELS.float(), TypeError, r"target\.long\(\)"),
    "probabilities classes last": (
        LOGITS,
        LOGITS.movedim(1, -1),
        ValueError,
        r"\(2, 3, 4, 5\), one probability per class on axis 1.*got \(2, 4, 5, 3\)",
    ),
    "booleans": (LOGITS, LABELS > 0, TypeError, "integer labels"),
    "one class": (
        LOGITS[:, :1],
        LABELS,
        ValueError,
        r"axis 1.*got shape \(2, 1, 4, 5\)",
    ),
    "integers": (LOGITS.long(), LABELS, TypeError, "floating point"),
}
MODULES = [
    costfn_nn.FocalLoss(),
    costfn_nn.ExpectedCostLoss(COST),
    costfn_nn.DiceLoss(),
    costfn_nn.GeneralizedWassersteinDiceLoss(COST),
    costfn_nn.LovaszSoftmaxLoss(),
]
each_module = pytest.mark.parametrize("module", MODULES, ids=lambda m: type(m).__name__)


@pytest.mark.unchecked
@each_module
@pytest.mark.parametrize("logits, target, error, words", SHAPES.values(), ids=SHAPES)
def test_errors_speak_of_what_was_passed(module, logits, target, error, words):
    with pytest.raises(error, match=f"(?s)^(logits|target) must .*{words}"):
        module(logits, target)


@pytest.mark.unchecked
@each_module
def test_bad_weights_and_masks_are_named(module):
    weights = not isinstance(module, costfn_nn.LovaszSoftmaxLoss)
    for shape in ((2, 4), (2, 3, 4, 5), (4, 5), (3,)):
        words = r"\(2, 4, 5\) of the examples, or \(2,\) of the images, got"
        with pytest.raises(ValueError, match=rf"^where must have the shape {words}"):
            module(LOGITS, LABELS, where=torch.ones(shape, dtype=torch.bool))
        if weights:
            with pytest.raises(
                ValueError, match=rf"^sample_weight must have .*{words}"
            ):
                module(LOGITS, LABELS, sample_weight=torch.ones(shape))
    with pytest.raises(TypeError, match=r"^where must be boolean"):
        module(LOGITS, LABELS, where=LABELS)
    if weights:
        for bad in (-1.0, torch.nan, torch.inf):
            with pytest.raises(ValueError, match=r"^sample_weight must be at least 0"):
                module(LOGITS, LABELS, sample_weight=torch.full((2, 4, 5), bad))
            keep = torch.zeros(2, 4, 5, dtype=torch.bool)
            weight = torch.full((2, 4, 5), bad)
            assert module(LOGITS, LABELS, sample_weight=weight, where=keep) == 0


@pytest.mark.unchecked
def test_shapes_of_labels_one_by_one_are_as_passed():
    words = r"^target must have the shape \(4, 1\) of the logits.*got \(4,\)"
    marks = torch.tensor([0, 1, 1, 0])
    for module in (
        costfn_nn.FBetaLoss(task="binary"),
        costfn_nn.FBetaLoss(task="multilabel"),
        costfn_nn.SigmoidFocalLoss(),
        costfn_nn.LovaszHingeLoss(),
    ):
        with pytest.raises(ValueError, match=words):
            module(torch.zeros(4, 1), marks)
    with pytest.raises(TypeError, match=r"^target must be class probabilities"):
        costfn_nn.SoftTargetLoss()(LOGITS, LABELS)


@pytest.mark.unchecked
def test_weights_that_make_no_sense_for_the_task():
    with pytest.raises(ValueError, match=r"^weight must be None for task 'binary'"):
        costfn_nn.FBetaLoss(task="binary", weight=[1.0, 2.0])
    with pytest.raises(ValueError, match=r"^pos_weight must be None for task 'multic"):
        costfn_nn.FBetaLoss(pos_weight=2.0)
    logits, marks = torch.zeros(2, 3), torch.ones(2, 3, dtype=torch.long)
    with pytest.raises(ValueError, match=r"^weight must be one number per label, \(3,"):
        costfn_nn.DiceLoss(task="multilabel", weight=[1.0, 2.0])(logits, marks)
    with pytest.raises(ValueError, match=r"^pos_weight must be one number, or one per"):
        costfn_nn.AsymmetricLoss(pos_weight=[1.0, 2.0])(logits, marks)
    for wrong in (-1.0, [1.0, float("nan")], [[1.0]]):
        with pytest.raises(ValueError, match=r"^pos_weight must be"):
            costfn_nn.AsymmetricLoss(pos_weight=wrong)
    samples = costfn_nn.DiceLoss(task="multilabel", average="samples", pos_weight=2.0)
    samples(logits, marks)
    with pytest.raises(ValueError, match=r"^sample_weight must be None for average"):
        samples(logits, marks, sample_weight=torch.ones(2))
    for module in (costfn_nn.LovaszSoftmaxLoss(), costfn_nn.LovaszHingeLoss()):
        with pytest.raises(ValueError, match=r"^sample_weight must be None for a Lov"):
            module(logits, marks[:, 0], sample_weight=torch.ones(2))


@pytest.mark.unchecked
def test_what_is_no_array():
    for make in (costfn_nn.LogCostLoss, costfn_nn.RegretLoss):
        with pytest.raises(TypeError, match=r"^cost must"):
            make("matrix")
    with pytest.raises(ValueError, match=r"^cost must .*rows of different lengths"):
        costfn_nn.LogCostLoss([[0.0, 1.0], [1.0]])
    with pytest.raises(TypeError, match=r"^weight must"):
        costfn_nn.FocalLoss(weight=["a", "b", "c"])
    with pytest.raises(
        ValueError, match=r"^weight must be one number per class, shape"
    ):
        costfn_nn.FocalLoss(weight=[[1.0, 2.0]])

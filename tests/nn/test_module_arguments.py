"""What modules are given: labels to ignore, weights, masks, array-likes, mistakes."""

import numpy as np
import pandas as pd
import pytest
import torch

import costfn
import costfn_nn
from module_cases import WEIGHT
from module_table import CASES

each_case = pytest.mark.parametrize("module_case", CASES, ids=repr)
IGNORING = [case for case in CASES if "ignore_index" in case.takes]
each_ignoring = pytest.mark.parametrize(
    "module_case", [case for case in IGNORING if case.kind != "probs"], ids=repr
)
MEANS = [c for c in CASES if not c.of_batch]
COUNTED = [c for c in CASES if c.has_task]


def close(actual, expected):
    torch.testing.assert_close(actual, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.unchecked  # an array, besides what is annotated
@each_ignoring
def test_several_labels_to_ignore_or_none(module_case):
    logits, target = module_case.draw()
    marked = target.clone()
    marked[0, ..., 0], marked[1] = 7, -3
    keep = (marked != 7) & (marked != -3)
    expected = module_case.make()(logits, target, where=keep)
    for several in ([7, -3], (7, -3), np.array([7, -3]), torch.tensor([-3, 7])):
        close(module_case.make(ignore_index=several)(logits, marked), expected)
    for none in (None, []):
        close(module_case.make(ignore_index=none)(logits, target, where=keep), expected)
        with pytest.raises(ValueError, match=r"^target must"):
            module_case.make(ignore_index=none)(logits, marked)
    only = module_case.make(ignore_index=[7])
    with pytest.raises(ValueError, match=r"^target must"):
        only(logits, marked)


@pytest.mark.unchecked
@pytest.mark.parametrize(
    "wrong", [1.5, "255", [0.5], [1, None], True, {3: 4}, object()]
)
def test_what_is_no_label_to_ignore(wrong):
    for make in (costfn_nn.FocalLoss, costfn_nn.DiceLoss, costfn_nn.AsymmetricLoss):
        with pytest.raises(
            TypeError, match=r"^ignore_index must be an integer, several"
        ):
            make(ignore_index=wrong)


@each_ignoring
@pytest.mark.parametrize(
    "dtype",
    [torch.uint8, torch.int8, torch.int16, torch.uint16, torch.uint32],
)
def test_labels_of_every_integer_type_are_those_of_int64(module_case, dtype):
    logits, target = module_case.draw()
    narrow = target.to(dtype)
    for options in ({}, {"ignore_index": 255}, {"ignore_index": [1, 255, -1]}):
        module = module_case.make(**options)
        close(module(logits, narrow), module(logits, target))


def test_minus_100_is_no_label_of_uint8():
    """In that type itself it would be 156, and 255 would be -1 in int8."""
    logits = torch.randn(4, 200, dtype=torch.float64)
    labels = torch.tensor([156, 3, 156, 199])
    for make in (costfn_nn.FocalLoss, costfn_nn.DiceLoss, costfn_nn.LovaszSoftmaxLoss):
        value = make()(logits, labels.to(torch.uint8))
        close(value, make()(logits, labels))
        assert value > 0
        with pytest.raises(
            ValueError, match=r"^target must be labels in \[0, 3\), got"
        ):
            module = make(ignore_index=255)
            module(logits[:, :3], torch.tensor([0, -1, 2, 1], dtype=torch.int8))


@pytest.mark.parametrize("module_case", MEANS, ids=repr)
def test_a_weight_for_each_example_or_image(module_case):
    logits, target = module_case.draw()
    per_example = module_case.make(reduction="none")(logits, target)
    # Axis 0 is all that probabilities and the losses of them share in shape.
    of_image = torch.tensor([0.5, 0.0, 3.0], dtype=torch.float64)
    over = of_image.reshape(3, *(1,) * (per_example.ndim - 1)).expand_as(per_example)
    weight = over * torch.linspace(0.5, 2, over.numel()).reshape(over.shape)
    for given in (of_image, over, weight, (4 * over).long()):
        full = (
            given.reshape(over.shape[:1] + (1,) * (over.ndim - 1))
            if (given.ndim == 1)
            else given
        )
        full = full.expand_as(per_example).double()
        for reduction in ("mean", "sum", "none"):
            module = module_case.make(reduction=reduction)
            expected = costfn.reduce(per_example, weight=full, reduction=reduction)
            close(module(logits, target, sample_weight=given), expected)


@pytest.mark.parametrize("module_case", COUNTED, ids=repr)
def test_weights_of_pixels_enter_the_counts(module_case):
    """A weight of 2 counts a pixel twice; one of an image all of its pixels."""
    logits, target = module_case.draw(pixels=(4,))
    module = module_case.make()
    twice = [torch.cat([x, x[..., 1:2]], -1) for x in (logits, target)]
    weight = torch.ones(3, 4)
    weight[:, 1] = 2
    close(module(logits, target, sample_weight=weight), module(*twice))
    of_image = torch.tensor([1, 3, 0])
    repeated = [torch.cat([x[:2], x[1:2], x[1:2]]) for x in (logits, target)]
    close(module(logits, target, sample_weight=of_image), module(*repeated))


@pytest.mark.parametrize(
    "module_case", [c for c in CASES if "scope" in c.takes], ids=repr
)
def test_weights_of_images_weigh_their_mean(module_case):
    logits, target = module_case.draw()
    each = module_case.make(scope="example", reduction="none")(logits, target)
    assert each.shape == (3,)
    alone = [module_case.make()(logits[i : i + 1], target[i : i + 1]) for i in range(3)]
    close(each, torch.stack(alone))
    weight = torch.tensor([1.0, 0.0, 3.0], dtype=torch.float64)
    for reduction in ("mean", "sum", "none"):
        module = module_case.make(scope="example", reduction=reduction)
        expected = costfn.reduce(each, weight=weight, reduction=reduction)
        close(module(logits, target, sample_weight=weight), expected)
    if module_case.kind != "binary":
        module = module_case.make(scope="example", weight=WEIGHT)
        with pytest.raises(ValueError, match=r"^sample_weight must have the shape"):
            module(logits, target, sample_weight=weight)


@pytest.mark.parametrize(
    "module_case",
    [
        c
        for c in CASES
        if c.kind in ("binary", "multilabel") and "pos_weight" in c.takes
    ],
    ids=repr,
)
def test_weights_of_labels_and_of_positives(module_case):
    logits, target = module_case.draw()
    several = module_case.kind == "multilabel"
    of_label = torch.tensor([1.0, 0.25, 2.0], dtype=torch.float64)
    over = of_label.reshape(3, 1, 1).expand(target.shape)
    sample = torch.linspace(0.5, 1.5, 12, dtype=torch.float64).reshape(3, 2, 2)
    each = sample.unsqueeze(1).expand(target.shape) if several else sample
    one = torch.ones(target.shape, dtype=torch.float64)
    positives = [(3.0, one + 2 * target), (torch.tensor(3.0), one + 2 * target)]
    weights = [(None, one)]
    if several:
        positives.append((of_label, one + (over - 1) * target))
        weights.append((of_label, over))
    for pos_weight, factor in positives:
        for weight, of_class in weights:
            options = {"pos_weight": pos_weight}
            options |= {} if weight is None else {"weight": weight}
            module = module_case.make(**options)
            plain = module_case.make()
            for given, own in ((None, one), (sample, each), (each, each)):
                expected = plain(logits, target, sample_weight=factor * of_class * own)
                close(module(logits, target, sample_weight=given), expected)


def test_class_weights_cancel_in_means_of_rates_within_a_class():
    """Recall, balanced accuracy, G-mean: `class_weight` is what weighs their mean."""
    logits, target = CASES[0].draw()
    for make in (
        costfn_nn.RecallLoss,
        costfn_nn.BalancedAccuracyLoss,
        costfn_nn.GMeanLoss,
    ):
        close(make(weight=WEIGHT)(logits, target), make()(logits, target))
        weighed = make(class_weight=WEIGHT)
        assert (weighed(logits, target) - make()(logits, target)).abs() > 1e-3
        assert "class_weight=(3,)" in repr(weighed)


FORMS = {
    "a list": lambda x: x.tolist(),
    "NumPy": lambda x: x.numpy(),
    "a data frame": lambda x: (pd.DataFrame if x.ndim > 1 else pd.Series)(x.numpy()),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@each_case
def test_constructors_take_array_likes(module_case, form):
    logits, target = module_case.draw()
    plain, given = module_case.make(), {}
    for name in ("cost", "prior", "transition"):
        if name in module_case.takes:
            given[name] = getattr(plain, name)
    options = {}
    if "weight" in module_case.takes and module_case.kind != "binary":
        options["weight"] = WEIGHT
    if "class_weight" in module_case.takes and module_case.kind != "binary":
        options["class_weight"] = WEIGHT
    if module_case.kind == "multilabel" and "pos_weight" in module_case.takes:
        options["pos_weight"] = WEIGHT
    torch.set_default_dtype(torch.float64)  # which a list is read in
    try:
        expected = module_case.make(**options)(logits, target)
        others = {name: form(value) for name, value in options.items()}
        module = module_case.make(**others, **{n: form(x) for n, x in given.items()})
        close(module(logits, target), expected)
        assert all(b.dtype == torch.float64 for b in module.buffers())
    finally:
        torch.set_default_dtype(torch.float32)


WIDE = pytest.mark.parametrize("dtype", [torch.uint16, torch.uint32], ids=str)


@WIDE
def test_functions_take_wide_unsigned_labels_too(dtype):
    """Masked and not; torch itself has no comparison of them."""
    logits = torch.linspace(-1, 2, 12, dtype=torch.float64).reshape(4, 3)
    labels, marks = torch.tensor([0, 1, 2, 1]), torch.tensor([0, 1, 0, 1])
    keep = torch.tensor([True, True, False, True])
    for loss in (costfn.dice_loss, costfn.mcc_loss, costfn.lovasz_softmax_loss):
        for where in (None, keep):
            found = loss(logits, labels.to(dtype), where=where)
            close(found, loss(logits, labels, where=where))
    for where in (None, keep):
        found, expected = (
            costfn.f_beta_loss(logits[:, 0], y, task="binary", where=where)
            for y in (marks.to(dtype), marks)
        )
        close(found, expected)
    for loss in (costfn.sigmoid_focal_loss, costfn.asymmetric_loss):
        close(loss(logits[:, 0], marks.to(dtype)), loss(logits[:, 0], marks))

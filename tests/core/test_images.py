"""Images and weights: worked values of which images a mean has, and their weights.

The cases come from public reports: ignored images that change the mean, undefined
images that count as 0, a loss of 1 for no pixels, weights that cancel.
"""

from functools import partial
from math import nan

import pytest
import torch

import costfn
from batch_losses import (
    AVERAGED,
    BINARY,
    BINARY_COST,
    BY_HAND,
    CASES,
    COSTS,
    LABELS,
    LOGITS,
    NAMES,
    TRUTH,
)
from cell_cases import Q, close, value_and_gradient

pytestmark = pytest.mark.shapes

HARD = {"relaxation": costfn.relaxations.straight_through()}
batch = pytest.mark.parametrize("one", CASES, ids=repr)


def binary_loss(name):
    options = {"average": "binary"} if name in AVERAGED else {}
    if name in COSTS:
        options["cost"] = BINARY_COST
    return lambda z, y, **more: getattr(costfn, name)(
        z, y, task="binary", **options, **more
    )


@pytest.mark.parametrize("name", NAMES)
def test_void_images_do_not_dilute(name):
    """One image worked by hand, and three images that are ignored completely."""
    loss = binary_loss(name)
    maps, labels = BINARY.expand(4, -1), TRUTH.expand(4, -1)
    keep = torch.zeros(4, 3, dtype=torch.bool)
    keep[1] = True
    value, slope = value_and_gradient(
        lambda z: loss(z, labels, where=keep, scope="example"), maps
    )
    assert value.item() == pytest.approx(BY_HAND[name], rel=1e-12)
    _, alone = value_and_gradient(lambda z: loss(z, TRUTH), BINARY)
    close((value, slope[1]), (value, alone))
    assert (slope[[0, 2, 3]] == 0).all()


def test_a_class_that_is_missed_in_the_only_image_that_has_it():
    labels = torch.zeros(4, 5, dtype=torch.long)
    labels[2, 0] = 1
    logits = torch.tensor([4.0, -4.0], dtype=Q).expand(4, 5, 2)
    for name in ("dice_loss", "jaccard_loss", "f_beta_loss", "recall_loss"):
        each = getattr(costfn, name)(
            logits, labels, average=None, zero_division=nan, scope="example", **HARD
        )
        assert each[1].item() == pytest.approx(1)


def test_an_empty_image_leaves_the_mean_of_a_binary_problem():
    """The other image has TP 1, FP 1, FN 0: F1 is 2/3, as for `average="samples"`."""
    labels = torch.tensor([[1, 0, 0], [0, 0, 0]])
    logits = 4 * torch.tensor([[1.0, 1, -1], [-1, -1, -1]], dtype=Q)
    options = {"zero_division": nan, **HARD}
    found = costfn.f_beta_loss(
        logits, labels, task="binary", average="binary", scope="example", **options
    )
    same = costfn.f_beta_loss(
        logits, labels, task="multilabel", average="samples", **options
    )
    assert found.item() == same.item() == pytest.approx(1 / 3)


@batch
@pytest.mark.parametrize("scope", ["batch", "example"])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_of_nothing_it_is_0(one, scope, reduction):
    options = {"scope": scope, "reduction": reduction}
    nothing = torch.zeros(LABELS.shape, dtype=torch.bool)
    no_images, no_labels = LOGITS[:0], LABELS[:0]
    no_pixels, none_there = LOGITS[:, :0], LABELS[:, :0]
    for z, y, more in (
        (LOGITS, LABELS, {"where": nothing}),
        (LOGITS, LABELS, {"sample_weight": nothing.double()}),
        (LOGITS * nan, LABELS - 100, {"where": nothing}),
        (no_images, no_labels, {}),
        (no_pixels, none_there, {}),
    ):
        loss = partial(one.function(z), target=y, **options, **more)
        value, slope = value_and_gradient(loss, z)
        assert (value == 0).all()
        assert (slope == 0).all()
        images = (len(z),) if scope == "example" and reduction == "none" else ()
        assert value.shape == images


@batch
def test_one_loss_for_each_image(one):
    keep = torch.ones(LABELS.shape, dtype=torch.bool)
    keep[1] = False
    maps, labels = LOGITS[[0, 1, 0]], LABELS[[0, 1, 1]]
    keep = keep[[0, 1, 0]]
    each = one(maps, labels, scope="example", reduction="none", where=keep)
    alone = [one(maps[i], labels[i]) for i in (0, 2)]
    right = torch.stack([alone[0], 0 * alone[0], alone[1]])
    torch.testing.assert_close(each, right, rtol=1e-12, atol=1e-12)
    total = one(maps, labels, scope="example", reduction="sum", where=keep)
    torch.testing.assert_close(total, right.sum(), rtol=1e-12, atol=1e-12)
    mean = one(maps, labels, scope="example", where=keep)
    torch.testing.assert_close(mean, right.sum() / 2, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", AVERAGED)
def test_one_loss_for_each_image_and_class(name):
    loss = getattr(costfn, name)
    each = loss(LOGITS, LABELS, average=None, scope="example", reduction="none")
    right = [loss(z, y, average=None) for z, y in zip(LOGITS, LABELS, strict=True)]
    torch.testing.assert_close(each, torch.stack(right), rtol=1e-12, atol=1e-12)


@batch
def test_a_weight_for_each_image(one):
    alone = [one(LOGITS[i], LABELS[i]) for i in range(2)]
    w = torch.tensor([1.0, 3.0])
    options = {"scope": "example", "sample_weight": w}
    mean = one(LOGITS, LABELS, **options)
    torch.testing.assert_close(mean, (alone[0] + 3 * alone[1]) / 4, rtol=1e-12, atol=0)
    total = one(LOGITS, LABELS, reduction="sum", **options)
    torch.testing.assert_close(total, alone[0] + 3 * alone[1], rtol=1e-12, atol=0)
    each = one(LOGITS, LABELS, reduction="none", **options)
    right = torch.stack([alone[0], 3 * alone[1]])
    torch.testing.assert_close(each, right, rtol=1e-12, atol=0)


@pytest.mark.parametrize(
    "one", [one for one in CASES if "smooth" not in one.options], ids=repr
)
@pytest.mark.parametrize("scale", [1e-20, 1e-37, 1e37])
def test_the_size_of_all_weights_does_not_matter(one, scale):
    z, y = LOGITS.float(), LABELS
    for scope, shape in (("batch", y.shape), ("example", y.shape), ("example", (2,))):
        options = {"scope": scope}
        w = torch.arange(1.0, 1 + torch.Size(shape).numel()).reshape(shape)

        def loss(z, w, options=options):
            return one(z, y, sample_weight=w, **options)

        right = value_and_gradient(lambda z, w=w: loss(z, w).double(), z)
        found = value_and_gradient(lambda z, w=w: loss(z, scale * w).double(), z)
        for x, expected in zip(found, right, strict=True):
            torch.testing.assert_close(x, expected, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("scale", [1e-300, 1e-39, 1e39, 1e300])
def test_the_size_of_all_weights_does_not_matter_to_a_mean(scale):
    losses = torch.tensor([1.0, 2.0, 4.0])
    w = torch.tensor([1.0, 3.0, 4.0], dtype=Q)
    value, slope = value_and_gradient(
        lambda x: costfn.reduce(x, weight=scale * w).double(), losses
    )
    assert value.item() == pytest.approx(23 / 8, rel=1e-6)
    torch.testing.assert_close(slope, w.float() / 8, rtol=1e-6, atol=0)
    assert costfn.reduce(losses, weight=scale * w).dtype == torch.float32


def test_a_weight_of_another_shape_is_refused():
    loss = costfn.dice_loss
    with pytest.raises(ValueError, match=r"^sample_weight must"):
        loss(LOGITS, LABELS, sample_weight=torch.ones(2))
    with pytest.raises(ValueError, match=r"^sample_weight must"):
        loss(LOGITS, LABELS, scope="example", sample_weight=torch.ones(3))

"""Count-based losses: values by hand, edge cases, masks, sums over devices, types."""

import pytest
import torch
from torch.func import grad, grad_and_value, vmap

import costfn
from batch_losses import (
    AVERAGED,
    BINARY,
    BINARY_COST,
    BY_HAND,
    CASES,
    CLASSES,
    COSTS,
    LABEL_SETS,
    LABELS,
    LOGITS,
    MULTILABEL,
    NAMES,
    SEVERAL,
    SEVERAL_BY_HAND,
    SOFT,
    TRUTH,
    WEIGHT,
)

pytestmark = pytest.mark.shapes

Z, Y, Q, W = LOGITS[0], LABELS[0], SOFT[0], WEIGHT[0]
KEEP = torch.tensor([True, False, True, True, True, False])
batch = pytest.mark.parametrize("one", CASES, ids=repr)


def close(actual, expected, error=1e-12):
    torch.testing.assert_close(actual, expected, rtol=error, atol=error)


def test_all_of_them_are_found():
    assert len(NAMES) >= 20
    assert sorted(BY_HAND) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_binary_by_hand(name):
    loss = getattr(costfn, name)
    extra = (BINARY_COST,) if name in COSTS else ()
    options = {"average": "binary"} if name in AVERAGED else {}
    expected = torch.tensor(BY_HAND[name], dtype=torch.float64)
    pairs = torch.stack([torch.zeros_like(BINARY), BINARY], -1)
    one = [
        loss(BINARY, TRUTH, *extra, task="binary", **options),
        loss(BINARY, TRUTH == 1, *extra, task="binary", **options),
        loss(BINARY, TRUTH.double(), *extra, task="binary", **options),
    ]
    for found in (*one, loss(pairs, TRUTH, *extra, **options)):
        close(found, expected)


@pytest.mark.parametrize("name, average", SEVERAL_BY_HAND)
def test_several_labels_by_hand(name, average):
    options = {} if average is None else {"average": average}
    found = getattr(costfn, name)(SEVERAL, LABEL_SETS, task="multilabel", **options)
    close(found, torch.tensor(SEVERAL_BY_HAND[name, average], dtype=torch.float64))


def test_labels_agree_with_one_hot_targets_in_value_and_gradient():
    for one in CASES:
        both = [
            grad_and_value(lambda z, t=t, f=one: f(z, t, sample_weight=W))(Z)
            for t in (Y, torch.eye(CLASSES).double()[Y])
        ]
        close(*both)


def situations(dtype):
    perfect = 1e4 * (2 * torch.eye(CLASSES, dtype=dtype)[Y] - 1)
    z = Z.to(dtype)
    nothing = torch.zeros(6, dtype=torch.bool)
    return {
        "nothing left": (z, Y, {"where": nothing}),
        "no weight": (z, Y, {"sample_weight": torch.zeros(6, dtype=dtype)}),
        "absent class": (z, Y % 2, {}),
        "one class": (z, 0 * Y, {}),
        "one class, weights that round": (
            z,
            0 * Y,
            {"sample_weight": torch.tensor([0.2, 0.7, 0.1, 0.1, 0.1, 0.1])},
        ),
        "perfect": (perfect, Y, {}),
        "perfect, one class": (perfect[[0, 0]], Y[[0, 0]], {}),
        "all wrong": (-perfect, Y, {}),
        "all wrong, one class": (-perfect[[0, 0]], Y[[0, 0]], {}),
        "all decided alike": (perfect[[0] * 6], Y, {}),
        "ties": (0 * z, Y, {}),
        "no examples": (z[:0], Y[:0], {}),
        "one example": (z[:1], Y[:1], {}),
    }


@batch
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_value_and_gradient_are_finite(one, dtype):
    for name, (z, target, options) in situations(dtype).items():
        f = one.function(z)
        gradient, value = grad_and_value(
            lambda z, f=f, t=target, o=options: f(z, t, **o)
        )(z)
        assert value.isfinite(), name
        assert gradient.isfinite().all(), name
        assert -1e-6 <= value <= 6, name
        if name in ("nothing left", "no weight", "no examples"):
            assert (gradient == 0).all(), name


@batch
def test_perfect_is_0(one):
    perfect = 1e4 * torch.eye(CLASSES).double()[Y]
    smoothed = one(perfect, Y)
    assert smoothed.item() == pytest.approx(0, abs=1e-12)


@batch
def test_half_precision_maps_of_512_by_512(one):
    generator = torch.Generator().manual_seed(1)
    maps = torch.randn(512, 512, CLASSES, generator=generator).half()
    labels = torch.randint(CLASSES, (512, 512), generator=generator)
    gradient, value = grad_and_value(lambda z: one.function(z)(z, labels))(maps)
    assert gradient.isfinite().all()
    exact = one(maps.double(), labels)
    assert value.item() == pytest.approx(exact.item(), rel=2**-10)


@batch
@pytest.mark.parametrize(
    "dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64]
)
def test_the_type_of_the_logits_is_that_of_the_loss(one, dtype):
    assert one(Z.to(dtype), Y).dtype == dtype


@batch
def test_a_bad_label_is_refused_inside_the_transforms(one):
    labels = LABELS.clone()
    labels[1, 2] = CLASSES
    with pytest.raises(ValueError, match=r"^target must be labels in \[0, 3\).*to 3"):
        vmap(grad(one))(LOGITS, labels)


@batch
def test_nan_logits_are_not_hidden(one):
    for value in (torch.nan, torch.inf):
        bad = Z.clone()
        bad[1] = value
        assert one(bad, Y).isnan()
        weighed = one(bad, Y, sample_weight=W)
        assert weighed.isnan()


@batch
@pytest.mark.parametrize("target", [Y, Q], ids=["labels", "probs"])
def test_a_mask_is_to_leave_out_even_nan(one, target):
    bad = Z.clone()
    bad[1], bad[5, 0] = torch.nan, -torch.inf

    def masked(z):
        return one(z, target, where=KEEP, sample_weight=W)

    def left(z):
        return one(z[KEEP], target[KEEP], sample_weight=W[KEEP])

    gradient, value = grad_and_value(masked)(bad)
    expected, same = grad_and_value(left)(Z)
    close(value, same)
    close(gradient, expected)


@pytest.mark.parametrize("name", MULTILABEL)
def test_a_mask_of_single_labels(name):
    each = torch.tensor([[1, 1], [1, 0], [1, 0]]) == 1
    bad = SEVERAL.clone()
    bad[1:, 1] = torch.nan
    loss = getattr(costfn, name)
    options = {"average": None} if name in AVERAGED else {}
    found = loss(bad, LABEL_SETS, task="multilabel", where=each, **options)
    assert found.isfinite().all()
    if name in AVERAGED:
        alone = loss(BINARY[:, None], TRUTH[:, None], task="multilabel", average=None)
        close(found[:1], alone)


@batch
def test_a_weight_is_so_many_copies(one):
    copies = torch.tensor([2, 0, 1, 3, 1, 1])
    index = torch.arange(6).repeat_interleave(copies)
    close(one(Z, Y, sample_weight=copies), one(Z[index], Y[index]))


@batch
@pytest.mark.parametrize("target", [Y, Q], ids=["labels", "probs"])
def test_half_a_batch_with_the_counts_of_the_other_is_the_batch(one, target):
    """The same batch on two devices, or in two steps."""
    seen = []
    halves = (slice(0, 2), slice(2, 6))
    for half in halves:
        one(Z[half], target[half], sum_counts=lambda c: seen.append(c) or c)
    whole, of_whole = grad_and_value(lambda z: one(z, target))(Z)
    for half, other in zip(halves, reversed(seen), strict=True):

        def f(z, half=half, other=other):
            return one(z, target[half], sum_counts=lambda c: c + other)

        part, of_part = grad_and_value(f)(Z[half])
        close(of_part, of_whole)
        close(part, whole[half])


@batch
@pytest.mark.parametrize("target", [LABELS, SOFT], ids=["labels", "probs"])
def test_the_mean_over_images(one, target):
    keep = torch.stack([KEEP, ~KEEP])
    for options in ({}, {"sample_weight": WEIGHT}, {"where": keep}):
        each = [
            one(LOGITS[i], target[i], **{k: v[i] for k, v in options.items()})
            for i in range(2)
        ]
        if one.options.get("adjusted") and target is LABELS and "where" in options:
            del each[1]  # Its kept pixels are of one class: 0/0, so it is left out.
        found = one(LOGITS, target, scope="example", **options)
        close(found, torch.stack(each).mean(0))


@batch
def test_an_image_of_which_nothing_is_left_is_left_out(one):
    keep = torch.stack([KEEP, KEEP & False])
    found = one(LOGITS, LABELS, scope="example", where=keep)
    alone = one(LOGITS[0], LABELS[0], where=KEEP)
    close(found, alone)
    each = one(LOGITS, LABELS, scope="example", where=keep, reduction="none")
    close(each, torch.stack([alone, 0 * alone]))


@pytest.mark.parametrize("name", AVERAGED)
def test_micro_averages_of_one_label_per_example_are_refused(name):
    loss = getattr(costfn, name)
    words = r"(?s)^average must be .*got 'micro'.*accuracy"
    with pytest.raises(ValueError, match=words):
        loss(Z, Y, average="micro")
    with pytest.raises(ValueError, match=words):
        loss(BINARY, TRUTH, average="micro", task="binary")


@pytest.mark.parametrize("name", AVERAGED)
def test_samples_are_for_several_labels(name):
    with pytest.raises(ValueError, match=r"^average must not be 'samples' unless"):
        getattr(costfn, name)(Z, Y, average="samples")


@pytest.mark.parametrize("name", AVERAGED)
def test_one_loss_per_class(name):
    loss = getattr(costfn, name)
    each = loss(Z, Y, average=None)
    assert each.shape == (CLASSES,)
    close(each.mean(), loss(Z, Y))

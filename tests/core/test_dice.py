"""Options that only a batch loss has: weights, masks and scope inside its sums."""

import pytest
import torch
from torch.func import grad

import costfn
from losses import A

COST = torch.tensor(A, dtype=torch.float64)
# With A, divided by its largest cost 8, and these probabilities, W is 15/64 for row 1
# and 24/64 for row 2. The costs against background (0) give a = 1/8 and 1/2.
LOGITS = torch.tensor([0.5, 0.25, 0.125, 0.125], dtype=torch.float64).log()
ONE, TWO = (15 / 64, 49 / 512), (24 / 64, 160 / 512)  # W and a (1 - W)


def dice(examples, *, weights=(1, 1, 1, 1)):
    wrong = sum(w * e[0] for w, e in zip(weights, examples, strict=False))
    right = sum(w * e[1] for w, e in zip(weights, examples, strict=False))
    return wrong / (2 * right + wrong)


def loss(labels, **options):
    labels = torch.tensor(labels)
    logits = LOGITS.expand(*labels.shape, 4)
    return costfn.generalized_wasserstein_dice_loss(logits, labels, COST, **options)


def test_examples_are_summed_and_not_averaged():
    assert loss([1, 2]).item() == pytest.approx(dice([ONE, TWO]), rel=1e-14)
    assert loss([1, 2, 2]).item() == pytest.approx(dice([ONE, TWO, TWO]), rel=1e-14)
    mean = (dice([ONE]) + dice([TWO])) / 2
    assert loss([1, 2]).item() != pytest.approx(mean, rel=1e-3)


def test_weights_count_examples_several_times():
    weighted = loss([1, 2], sample_weight=torch.tensor([3.0, 0.5]).double())
    expected = dice([ONE, TWO], weights=(3, 0.5))
    assert weighted.item() == pytest.approx(expected, rel=1e-14)


def test_a_masked_example_has_no_part_in_value_or_gradient():
    labels = torch.tensor([1, 2, 3])
    where = torch.tensor([True, True, False])

    def of_logits(logits):
        return costfn.generalized_wasserstein_dice_loss(
            logits, labels, COST, where=where
        )

    logits = LOGITS.expand(3, 4)
    assert of_logits(logits).item() == pytest.approx(dice([ONE, TWO]), rel=1e-14)
    gradient = grad(of_logits)(logits)
    assert (gradient[2] == 0).all()
    assert (gradient[:2] != 0).any(-1).all()


def test_nothing_left_is_0():
    nothing = torch.zeros(2, dtype=torch.bool)
    assert loss([1, 2], where=nothing) == 0
    assert loss([1, 2], sample_weight=torch.zeros(2)) == 0


def test_each_image_alone_or_all_of_them_together():
    images = [[[1, 2], [2, 2]], [[1, 1], [1, 1]]]
    first, second = dice([ONE, TWO, TWO, TWO]), dice([ONE])
    alone = loss(images, scope="example")
    assert alone.item() == pytest.approx((first + second) / 2, rel=1e-14)
    together = dice([ONE, TWO], weights=(5, 3))
    assert loss(images).item() == pytest.approx(together, rel=1e-14)


def test_the_largest_cost_is_the_unit():
    labels, logits = torch.tensor([1, 2]), LOGITS.expand(2, 4)
    for unit in (0.01, 1000.0):
        scaled = costfn.generalized_wasserstein_dice_loss(logits, labels, unit * COST)
        assert scaled.item() == pytest.approx(dice([ONE, TWO]), rel=1e-13)


@pytest.mark.unchecked
@pytest.mark.parametrize(
    "options, error, message",
    [
        ({"sample_weight": torch.ones(3)}, ValueError, "must .*shape"),
        ({"sample_weight": -torch.ones(2)}, ValueError, "must .*0"),
        ({"where": torch.ones(2)}, TypeError, "where must .*bool"),
        ({"where": torch.ones(3, dtype=torch.bool)}, ValueError, "where must"),
        ({"scope": "image"}, ValueError, "scope must"),
        ({"scope": "example"}, ValueError, "scope must"),
        ({"background": 4}, ValueError, "background must"),
    ],
)
def test_bad_arguments(options, error, message):
    with pytest.raises(error, match=message):
        loss([1, 2], **options)

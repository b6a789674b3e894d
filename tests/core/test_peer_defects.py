"""Faults of confusion-matrix losses in other libraries, which ours must not have."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from sklearn import metrics as sk
from torch.func import grad, grad_and_value, hessian, vmap

import costfn
from costfn import metrics, relaxations
from costfn.relaxations import amplified, raised_cosine, sigmoid, straight_through

rng = torch.Generator().manual_seed(0)
Z = torch.randn(8, 3, dtype=torch.float64, generator=rng)
Y = torch.tensor([0, 1, 2, 0, 1, 2, 0, 0])
HARD = 60 * torch.eye(3, dtype=torch.float64)  # p is one-hot to 1e-26
ABSENT = torch.tensor([0, 1, 0, 0, 1, 1, 0, 0])  # no 2


def near(value, expected, error=1e-12):
    assert float(value) == pytest.approx(expected, abs=error)


def test_1_every_membership_of_the_matthews_loss_has_a_gradient():
    """With counts by argmax only 8e-10 of the gradient is left: nothing trains."""
    gradient = grad(lambda z: costfn.mcc_loss(z, Y))(Z)
    assert gradient.abs().amin() > 1e-4


def test_2_beta_above_1_is_for_recall():
    """With FP and FN swapped, beta = 2 gives F0.5: 0.4348 instead of 0.5882."""
    truth, decided = [1, 1, 0, 0, 0, 1], [1, 0, 1, 1, 1, 1]
    expected = sk.fbeta_score(truth, decided, beta=2)
    assert expected != pytest.approx(sk.fbeta_score(truth, decided, beta=0.5))
    z = 2.0 * torch.tensor(decided, dtype=torch.float64) - 1
    loss = costfn.f_beta_loss(
        z,
        torch.tensor(truth),
        beta=2.0,
        task="binary",
        average="binary",
        relaxation=straight_through(),
    )
    near(loss, 1 - expected)


def test_3_weights_of_the_two_errors_matter():
    """In micro averages FP = FN: (.3, .7), (.5, .5) and (.9, .1) all gave 0.66772."""
    weights = ((0.3, 0.7), (0.5, 0.5), (0.9, 0.1))
    losses = [costfn.tversky_loss(Z, Y, alpha=a, beta=b).item() for a, b in weights]
    for one, other in pairwise(sorted(losses)):
        assert other - one > 1e-3
    with pytest.raises(ValueError, match=r"(?s)^average must be .*got 'micro'.*cancel"):
        costfn.tversky_loss(Z, Y, alpha=0.3, beta=0.7, average="micro")


def test_4_a_perfect_prediction_costs_nothing_under_any_weights():
    """With the weight squared in the numerator only, the loss was 0.4596."""
    weight = torch.tensor([5.0, 0.1, 1, 2, 3, 0.7, 1, 1]).double()
    for average in ("macro", "weighted", "binary"):
        if average == "binary":
            found = costfn.dice_loss(
                120.0 * (Y > 0).double() - 60,
                Y > 0,
                sample_weight=weight,
                task="binary",
                average=average,
            )
        else:
            found = costfn.dice_loss(HARD[Y], Y, sample_weight=weight, average=average)
        near(found, 0.0)


def test_5_lovasz_sorts_the_foreground_of_each_class():
    """Sorting labels instead gave 0.33, not 1, for five classes that are all wrong."""
    labels = torch.arange(5)
    wrong = 60 * torch.eye(5, dtype=torch.float64)[(labels + 1) % 5]
    near(costfn.lovasz_softmax_loss(wrong, labels), 1.0)
    decided = torch.tensor([0, 1, 2, 1, 1, 0, 0, 2])
    jaccard = sk.jaccard_score(Y, decided, average="macro")
    near(costfn.lovasz_softmax_loss(HARD[decided], Y), 1 - jaccard)


@pytest.mark.parametrize("gamma", [0.25, 0.75, 1.5])
def test_6_a_power_below_1_has_a_gradient_at_0(gamma):
    for logits, target in ((1e4 * HARD[Y], Y), (Z[:0], Y[:0])):
        slope, value = grad_and_value(
            lambda z, t=target: costfn.focal_tversky_loss(z, t, gamma=gamma)
        )(logits)
        assert slope.isfinite().all()
        assert value.isfinite()
    # The power is applied to each class, before the mean.
    each = costfn.tversky_loss(Z, Y, average=None)
    near(costfn.focal_tversky_loss(Z, Y, gamma=gamma), (each**gamma).mean().item())


def test_7_at_one_hot_decisions_the_derivative_is_that_of_the_product():
    """With `sign(0) = 0` it was (.111, .111, -.222), not (.444, -.222, -.222)."""
    y = torch.tensor([0.0, 1.0, 1.0], dtype=torch.float64)

    def loss(p):
        found = costfn.counts(p, y, task="binary")
        return 1 - metrics.dice(found, average="binary")

    def product(p):
        return 1 - 2 * (p * y).sum() / (p.sum() + y.sum())

    for p in (y, 1 - y, torch.tensor([0.0, 0.0, 1.0]).double()):
        torch.testing.assert_close(grad(loss)(p), grad(product)(p))


def test_8_false_positives_of_an_absent_class_cost_something():
    for loss in (costfn.dice_loss, costfn.jaccard_loss, costfn.tversky_loss):
        low, high = Z.clone(), Z.clone()
        low[:, 2], high[:, 2] = -5.0, 5.0
        assert loss(high, ABSENT, smooth=1.0) > loss(low, ABSENT, smooth=1.0)
        of_class = grad(lambda z, f=loss: f(z, ABSENT, smooth=1.0, average=None)[2])(Z)
        assert (of_class[:, 2] > 0).all()


def test_9_the_correlation_of_one_class_is_0_however_it_is_decided():
    """It was 0.5 if all right and 1.5 if all wrong; or 0 if exactly right, and 1 for
    the smallest deviation."""
    one = torch.zeros(8, dtype=torch.long)
    for decided in (one, one + 1, Y):
        near(costfn.mcc_loss(HARD[decided], one), 1.0)
    near(costfn.mcc_loss(HARD[Y], Y), 0.0)
    near(costfn.mcc_loss(60 * HARD[Y], Y), 0.0)


def test_10_an_absent_class_does_not_take_over_generalised_dice():
    """With weights 1/n^2 the absent class had all the weight, or 0/0 gave NaN."""
    perfect = HARD[ABSENT]
    near(costfn.generalized_dice_loss(perfect, ABSENT), 0.0)
    p, y = Z.softmax(-1).numpy(), np.eye(3)[ABSENT]
    overlap, size = (p * y).sum(0), (p + y).sum(0)
    n = np.array([5, 3, 3])  # the absent class has the weight of the rarest
    expected = 1 - 2 * (overlap / n**2).sum() / (size / n**2).sum()
    near(costfn.generalized_dice_loss(Z, ABSENT), expected)
    empty = grad(lambda z: costfn.generalized_dice_loss(z, Y[:0]))(Z[:0])
    assert empty.isfinite().all()
    mapped = vmap(grad(costfn.generalized_dice_loss))(Z[None], Y[None])
    assert mapped.isfinite().all()


def test_11_a_perfect_sigmoid_f1_is_0():
    """A sigmoid of a sigmoid stays in [.5, .731]; the loss was 0.345."""
    targets = torch.tensor([[1, 0], [0, 1], [1, 1]])
    z = 60 * (2.0 * targets.double() - 1)
    loss = costfn.f_beta_loss(z, targets, task="multilabel", relaxation=sigmoid())
    near(loss, 0.0)


def test_12_each_class_has_its_own_threshold():
    """Late binding in a closure gave every class the last threshold."""
    mu, width = (torch.tensor(x).double() for x in ([0.2, 0.5, 0.7], [0.3, 0.2, 0.1]))
    together = raised_cosine(mu, width)(Z)
    for k in range(3):
        alone = raised_cosine(mu[k].item(), width[k].item())(Z)
        torch.testing.assert_close(together[:, k], alone[:, k])


def test_12_weighted_is_by_the_positives():
    each = costfn.recall_loss(Z, Y, average=None)
    expected = (torch.tensor([4, 2, 2]) * each).sum() / 8
    near(costfn.recall_loss(Z, Y, average="weighted"), expected.item())


@pytest.mark.parametrize("threshold", [0.1, 0.3, 0.5, 0.9])
def test_13_the_four_cells_sum_to_the_examples(threshold):
    """With separate thresholds the cells summed to 3.87 for 4 examples."""
    relax = relaxations.piecewise_linear(threshold)
    z = torch.tensor([0.3, -1.0, 2.0, 0.1]).double()
    a = relax(torch.stack([0 * z, z], -1))[:, 1]
    y = torch.tensor([1, 0, 0, 1])
    matrix = costfn.confusion_matrix(torch.stack([1 - a, a], -1), y)
    near(matrix.sum(), 4.0)
    found = costfn.counts(a, y, task="binary")
    cells = torch.stack([found.true_positive, found.actual - found.true_positive])
    near(cells.sum(), 4.0)
    assert (matrix >= 0).all()


def test_14_the_batch_is_divided_by_its_own_size():
    """Not by the size of the training set."""
    z, y = Z[:, 0], Y == 0
    for loss in (costfn.accuracy_loss, costfn.g_mean_loss):
        once = loss(z, y, task="binary", relaxation=amplified())
        twice = loss(
            torch.cat([z, z]), torch.cat([y, y]), task="binary", relaxation=amplified()
        )
        near(twice, once.item())


def test_14_the_gradient_of_the_geometric_mean_is_the_true_one():
    """A gradient written by hand was four times the true one."""
    z, y = Z[:, 0], Y == 0

    def reference(z):
        a = 1 / (1 + torch.exp(-73 * (torch.sigmoid(z) - 0.5)))
        return 1 - (a[y].mean() * (1 - a[~y]).mean()).sqrt()

    slope = grad(
        lambda z: costfn.g_mean_loss(z, y, task="binary", relaxation=amplified())
    )(z)
    torch.testing.assert_close(slope, grad(reference)(z), rtol=1e-9, atol=1e-14)
    for loss in (costfn.g_mean_loss, costfn.balanced_accuracy_loss):
        one_class = grad(lambda z, f=loss: f(z, y | True, task="binary"))(z)
        assert one_class.isfinite().all()
        assert one_class.abs().sum() > 0


def test_15_kappa_of_a_batch_of_one_class_can_borrow_counts():
    """A batch of one class has loss 1 and no gradient; other counts give it one."""
    one = torch.zeros(8, dtype=torch.long)
    past = costfn.confusion_matrix(Z.softmax(-1), Y)

    def loss(z):
        return costfn.cohen_kappa_loss(
            z, one, weights="quadratic", sum_counts=lambda m: m + past
        )

    assert grad(loss)(Z).abs().amin() > 1e-5
    near(costfn.cohen_kappa_loss(Z, one, weights="quadratic"), 1.0)


@pytest.mark.parametrize("name", ["dice_loss", "mcc_loss"])
def test_16_half_precision_sums_do_not_overflow(name):
    """At 512 x 512, sums above 65504 and products of four sums were NaN."""
    maps = torch.randn(512, 512, 2, generator=rng).half()
    labels = (maps.float()[..., 1] + torch.randn(512, 512, generator=rng) > 0).long()
    loss = getattr(costfn, name)
    exact = loss(maps.double(), labels).item()
    assert loss(maps, labels).item() == pytest.approx(exact, rel=2**-10)
    assert loss(maps[:8, :8], labels[:8, :8]).item() != pytest.approx(1.0, abs=0.01)


def test_17_memberships_of_the_default_sum_to_1():
    """Memberships from sampled thresholds on the simplex summed to .97."""
    for z in (Z, 20 * Z, 0 * Z):
        sums = relaxations.softmax()(z).sum(-1)
        torch.testing.assert_close(sums, torch.ones(8).double(), rtol=0, atol=1e-15)


def test_18_a_mask_takes_examples_out_and_not_their_logits():
    """Masked logits were set to 0: probabilities of 1/2, so false positives."""
    z, y, keep = Z[:, 0], Y == 0, Y != 1
    for loss in (costfn.dice_loss, costfn.precision_loss, costfn.accuracy_loss):
        masked = loss(z, y, task="binary", where=keep)
        near(masked, loss(z[keep], y[keep], task="binary").item())
        slope = grad(lambda z, f=loss: f(z, y, task="binary", where=keep))(z)
        assert (slope[~keep] == 0).all()


def test_what_few_of_them_can_all_of_ours_pass_vmap_of_grad_and_hessian():
    for loss in (costfn.dice_loss, costfn.mcc_loss, costfn.lovasz_softmax_loss):
        z, y = Z[None], Y[None]
        assert vmap(grad(loss))(z, y).isfinite().all()
        assert hessian(lambda z, f=loss: f(z, Y))(Z).isfinite().all()

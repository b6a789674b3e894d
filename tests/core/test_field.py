"""What public reports and a fuzz of the contract found wrong, one test for each kind.

The numbers are those of the reports on other libraries and of the trial of ours; each
test says in words where it comes from and why that value is right. `test_forum.py` has
what people ask; `test_peer_defects.py` what other libraries get wrong.
"""

import copy
import math
import pickle

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from sklearn import metrics as sk
from torch import tensor
from torch.func import grad, linearize, vmap
from torch.fx.experimental.proxy_tensor import make_fx

import costfn
import costfn_nn
from costfn import relaxations
from costfn.relaxations import amplified, raised_cosine, sigmoid

# Hidden and traced values, and arguments that are refused.
pytestmark = pytest.mark.unchecked

rng = torch.Generator().manual_seed(0)
Z = torch.randn(8, 3, dtype=torch.float64, generator=rng)
Y = tensor([0, 1, 2, 0, 1, 2, 0, 1])
COST = tensor([[0.0, 1.0, 4.0], [2.0, 0.0, 1.0], [5.0, 3.0, 0.0]], dtype=torch.float64)
NAN = float("nan")


def near(value, expected, error=1e-12):
    assert float(value) == pytest.approx(expected, abs=error)


@pytest.fixture
def hidden(monkeypatch):
    """As on an accelerator."""
    monkeypatch.setattr(
        costfn._foundation.check, "readable_values", lambda values: None
    )


# Wrong numbers


def test_1_specificity_of_memberships_that_do_not_sum_to_1():
    """Report of a label smoothing by sigmoids in which the loss fell below 0.

    By the definition 1 - TN / (TN + FP), each summed from the memberships: what is
    decided for another class is the sum of 1 - a, not the memberships of the others.
    """
    z = torch.full((8, 3), 9.0, dtype=torch.float64)
    found = costfn.specificity_loss(z, Y, relaxation=sigmoid())
    near(found, 1 / (1 + math.exp(-9)))


@pytest.mark.parametrize("relax", [sigmoid(), amplified(), raised_cosine()])
def test_1_rates_by_four_cells(relax):
    """Their gradients pointed the other way: cosine -0.78 with sigmoid."""
    truth = F.one_hot(Y, 3).double()

    def cells(z):
        a = relax(z)
        tp, fp = (a * truth).sum(0), (a * (1 - truth)).sum(0)
        fn, tn = ((1 - a) * truth).sum(0), ((1 - a) * (1 - truth)).sum(0)
        return tp, fp, fn, tn

    def specificity(z):
        _, fp, _, tn = cells(z)
        return 1 - (tn / (tn + fp)).mean()

    def informedness(z):
        tp, fp, fn, tn = cells(z)
        return 1 - (tp / (tp + fn) + tn / (tn + fp) - 1).mean()

    def markedness(z):
        tp, fp, fn, tn = cells(z)
        return 1 - (tp / (tp + fp) + tn / (tn + fn) - 1).mean()

    z = Z / 4
    for reference in (specificity, informedness, markedness):
        loss = getattr(costfn, f"{reference.__name__}_loss")
        near(loss(z, Y, relaxation=relax), reference(z).item())
        slope = grad(lambda z, f=loss: f(z, Y, relaxation=relax))(z)
        torch.testing.assert_close(slope, grad(reference)(z), rtol=1e-11, atol=1e-14)


def test_2_gradients_of_lovasz_in_float32():
    """Differences of Jaccard values near 1: 4.4 % off on eight images of 512 x 512.

    Truth: Berman's own formula in float64.
    """
    n = 2 * 512 * 512
    z, y = torch.randn(n, generator=rng), torch.rand(n, generator=rng) < 0.3

    def slope(z):
        return grad(lambda z: costfn.lovasz_hinge_loss(z, y))(z).double()

    truth = berman(z.double(), y)
    assert (slope(z) - truth).norm() / truth.norm() < 1e-5
    assert (slope(z.double()) - truth).norm() / truth.norm() < 1e-9


def berman(z, y):
    signs = 2.0 * y.double() - 1
    errors = 1 - z * signs
    order = errors.argsort(descending=True, stable=True)
    truth = y.double()[order]
    intersection = truth.sum() - truth.cumsum(0)
    union = truth.sum() + (1 - truth).cumsum(0)
    jaccard = 1 - intersection / union
    jaccard[1:] = jaccard[1:] - jaccard[:-1]
    steps = torch.empty_like(jaccard).scatter(0, order, jaccard)
    return -signs * steps * (errors > 0)


def test_3_seventeen_million_equal_examples_are_counted():
    """A sum one by one stops at 2**24 in float32: 16,777,216."""
    n = 2**24 + 2**10
    soft = tensor([[1.0, 0.0]]).expand(n, 2)
    labels = torch.zeros(1, dtype=torch.int64).expand(n)
    assert costfn.confusion_matrix(soft, labels)[0, 0] == n


def test_3_counts_of_two_million_tenths():
    """One by one in float32 they are off by 1e-3."""
    n = 2**21
    tenths = tensor([[0.1, 0.9]])
    labels = torch.zeros(1, dtype=torch.int64).expand(n)
    found = costfn.counts(tenths.expand(n, 2), labels)
    expected = n * tenths[0].double()
    assert found.true_positive[0].item() == pytest.approx(expected[0].item(), rel=1e-6)
    torch.testing.assert_close(found.predicted.double(), expected, rtol=1e-6, atol=0)
    assert found.actual[0] == n


def test_4_a_common_offset_of_the_logits_changes_nothing():
    """focal_loss(gamma=0) erred by 9e-4 at +3e4 in float32, cross entropy by 2e-7."""
    z = (Z.float() * 8).round() / 8  # exact with the offset too
    y, shifted = Y, z + 3e4
    expected = F.cross_entropy(z.double(), y, reduction="none")
    found = costfn.focal_loss(shifted, y, gamma=0.0)
    torch.testing.assert_close(found.double(), expected, rtol=1e-6, atol=1e-6)
    slope = grad(lambda z: costfn.focal_loss(z, y, gamma=0.0).sum())(shifted)
    assert slope.sum(-1).abs().max() < 1e-6


@pytest.mark.parametrize("loss", [costfn.softmax_margin_loss, costfn.cost_hinge_loss])
def test_4_nor_to_margins(loss):
    """A cost added to a logit of 3e4 in float32 is rounded to 2e-3."""
    z, cost = (Z.float() * 8).round() / 8, COST.float() / 10
    q = F.one_hot(Y, 3).float()
    for target in (Y, q):
        wide = target if target is Y else q.double()
        expected = loss(z.double(), wide, cost.double())
        found = loss(z + 3e4, target, cost)
        torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-6)


def test_5_a_learned_risk_starts_to_move_at_0():
    """Its gradient there is half the variance of the cost; it was exactly 0."""
    risk = torch.zeros((), dtype=torch.float64, requires_grad=True)
    costfn.expected_cost_loss(Z, Y, COST, risk=risk).sum().backward()
    p = Z.softmax(-1)
    mean = (p * COST[Y]).sum(-1)
    variance = (p * (COST[Y] - mean[:, None]) ** 2).sum(-1)
    near(risk.grad, variance.sum().item() / 2)


@pytest.mark.parametrize("classes", [33, 100, 1000])
def test_6_among_equals_the_first_decision_wins(classes):
    """Of uniform probabilities in float32 it was decision 32 of 33."""
    probs = torch.full((classes,), 1 / classes)
    cost = costfn.costs.zero_one(classes)
    assert costfn.decisions.minimum_cost_decision(probs, cost) == 0


def test_7_logits_are_not_counted():
    """They gave an F1 of 2.81 and a cell of -3."""
    logits = tensor([[5.0, -3.0], [0.2, 4.0]])
    for count in (costfn.counts, costfn.confusion_matrix):
        with pytest.raises(ValueError, match=r"memberships in \[0, 1\].*relaxation"):
            count(logits, tensor([0, 1]))
    with pytest.raises(ValueError, match="decisions must be"):
        costfn.counts(tensor([[3, 0]]), tensor([[1, 0]]), task="multilabel")


def test_8_a_perfect_prediction_costs_nothing():
    """A diagonal of 1 made it 0.27; weights of a negative count were [0, 1]."""
    cost = COST.clone()
    cost[1, 1] = 1.0
    with pytest.raises(ValueError, match="cost must be 0 on its diagonal"):
        costfn.generalized_wasserstein_dice_loss(Z, Y, cost)
    with pytest.raises(ValueError, match="counts must be at least 0"):
        costfn.class_balanced_weights(tensor([-3, 5]), beta=0.9)


def test_9_rounding_below_0_of_a_probability_counts_as_0():
    q = tensor([[-4e-4, 0.5, 0.5004]]).double()
    found = costfn.sinkhorn_loss(Z[:1], q, COST, epsilon=1.0)
    clean = tensor([[0.0, 0.5, 0.5]]).double()
    near(found, costfn.sinkhorn_loss(Z[:1], clean, COST, epsilon=1.0).item(), 2e-3)


@pytest.mark.parametrize("size", [1e-20, 1e-30, 1e30])
def test_9_equal_weights_of_any_size_change_no_mean(size):
    """Of 1e-20 in float32 the F1 loss was 1."""
    weight = torch.full((8,), size)
    found = costfn.f_beta_loss(Z.float(), Y, sample_weight=weight)
    near(found, costfn.f_beta_loss(Z.float(), Y).item(), 1e-6)


def test_9_weights_beyond_the_dtype_of_the_losses():
    """1e39 in float64 for losses in float32 was NaN."""
    losses, weight = tensor([1.0, 3.0]), tensor([1e39, 3e39], dtype=torch.float64)
    near(costfn.reduce(losses, weight=weight), 2.5, 1e-6)


# Silent where the value cannot be seen


@pytest.mark.parametrize(
    "task, target", [("binary", [1, 255, 0]), ("multilabel", [[1], [-1], [0]])]
)
def test_10_marks_of_the_unknown_are_no_targets(task, target, hidden):
    """255 gave -0.0118 when compiled, -1 gave 0.917, each with a finite gradient."""
    y = tensor(target)
    z = tensor([2.0, -1.0, 0.5]).reshape(y.shape).requires_grad_()
    loss = costfn.f_beta_loss(z, y, task=task)
    loss.backward()
    assert loss.isnan()
    assert z.grad[1].isnan().all()


@pytest.mark.parametrize(
    "name", ["normalized_cost_loss", "savings_loss", "regret_loss"]
)
def test_11_an_unknown_cost_is_not_a_cost_of_0(name, hidden):
    cost = COST.clone()
    cost[0, 1] = NAN
    z = Z.clone().requires_grad_()
    loss = getattr(costfn, name)(z, Y, cost)
    loss.backward()
    assert loss.isnan()
    assert z.grad.isnan().any()


def test_12_negative_integers_are_as_bad_as_negative_floats(hidden):
    """log_cost_loss of [[0, -1], [5, 0]] was [-0.127, 10.63]; the mean was 2.5."""
    cost = tensor([[0, -1], [5, 0]])
    losses = costfn.log_cost_loss(
        tensor([[2.0, 0.0], [2.0, 0.0]]), tensor([0, 1]), cost
    )
    assert losses[0].isnan()
    assert costfn.reduce(tensor([1.0, 2.0]), weight=tensor([-1, 3])).isnan()


def test_13_what_is_no_probability_reaches_the_gradient(hidden):
    q = F.one_hot(Y, 3).double()
    q[1] = 0.9
    z = Z.clone().requires_grad_()
    loss = costfn.accuracy_loss(z, q)
    loss.backward()
    assert loss.isnan()
    assert z.grad[1].isnan().all()


def test_13_negative_targets_bad_mixtures_and_unknown_logits(hidden):
    """They gave 999999, a plausible row, and 0.667."""
    target = tensor([-1.0, 2.0])
    found = costfn.q_error_loss(tensor([1.0, 2.0]), target, log_space=False)
    assert found.isnan().tolist() == [True, False]
    mixing = tensor([[0.8, 0.2], [0.3, 0.7]])
    assert costfn.unmix(tensor([[0.9, 0.9]]), mixing).isnan().all()
    z = Z.clone()
    z[1, 0] = NAN
    for relax in (raised_cosine(), amplified(), relaxations.piecewise_linear()):
        assert relax(z)[1].isnan().all()
        slope = grad(lambda z, r=relax: costfn.dice_loss(z, Y, relaxation=r))(z)
        assert slope[1].isnan().any()


# Masks, images, averages


def test_14_images_ignored_altogether_dilute_nothing():
    """Three void images of four: 0.905 where 0.621 is right, a quarter of the slope."""
    images, y = torch.randn(4, 6, 3, generator=rng).double(), torch.arange(24) % 3
    where = torch.zeros(4, 6, dtype=torch.bool)
    where[0] = True
    y = y.reshape(4, 6)
    for loss in (costfn.dice_loss, costfn.mcc_loss, costfn.generalized_dice_loss):

        def of_all(z, f=loss):
            return f(z, y, scope="example", where=where)

        def alone(z, f=loss):
            return f(z[:1], y[:1], scope="example")

        near(of_all(images), alone(images).item())
        torch.testing.assert_close(grad(of_all)(images), grad(alone)(images))


def test_15_where_a_class_is_absent_its_images_are_left_out():
    """Of four images one has the class, and it is missed: 1, where 0.25 came."""
    hard = 60 * torch.eye(2, dtype=torch.float64)
    y = torch.zeros(4, 3, dtype=torch.int64)
    y[0, 0] = 1
    z = hard[torch.zeros(4, 3, dtype=torch.int64)]
    each = costfn.recall_loss(z, y, scope="example", zero_division=NAN, average=None)
    near(each[1], 1.0)
    # As scikit-learn's mean over samples, of an empty image and of one half right.
    z = tensor([[60.0, -60, 60], [-60, -60, -60]]).double()
    y = tensor([[1, 1, 0], [0, 0, 0]])
    expected = 1 - sk.f1_score(y, z > 0, average="samples", zero_division=np.nan)
    found = costfn.f_beta_loss(
        z,
        y,
        task="binary",
        scope="example",
        average="binary",
        zero_division=NAN,
        relaxation=relaxations.straight_through(),
    )
    near(found, expected)


@pytest.mark.parametrize(
    "name",
    [
        "dice_loss",
        "jaccard_loss",
        "mcc_loss",
        "accuracy_loss",
        "balanced_accuracy_loss",
        "lovasz_softmax_loss",
    ],
)
def test_16_nothing_left_is_0_with_gradient_0(name):
    """It was 1 for Dice, Jaccard, MCC and accuracy, and 0 for the others."""
    nothing = torch.zeros(8, dtype=torch.bool)
    z = Z.clone().requires_grad_()
    loss = getattr(costfn, name)(z, Y, where=nothing)
    loss.backward()
    assert loss == 0
    assert (z.grad == 0).all()


def test_17_no_images():
    """A reshape failed, or NaN came."""
    none = torch.zeros(0, 5, 3, dtype=torch.float64, requires_grad=True)
    for loss in (costfn.dice_loss, costfn.mcc_loss):
        found = loss(none, torch.zeros(0, 5, dtype=torch.int64), scope="example")
        found.backward()
        assert found == 0


# Arguments


@pytest.mark.parametrize("dtype, label", [(torch.uint8, 156), (torch.int8, -100)])
def test_18_the_mark_of_the_ignored_does_not_wrap(dtype, label):
    """-100 is 156 in uint8: labels 156 were all ignored. As cross entropy of torch."""
    z = torch.randn(3, 200, generator=rng)
    y = torch.full((3,), label, dtype=dtype)
    if label < 0:
        assert costfn_nn.FocalLoss(gamma=0.0)(z, y) == 0
        return
    found = costfn_nn.FocalLoss(gamma=0.0)(z, y)
    near(found, F.cross_entropy(z, y.long()).item(), 1e-5)


def test_18_a_label_of_minus_1_is_not_255():
    z, y = torch.randn(2, 3, generator=rng), tensor([0, -1], dtype=torch.int8)
    with pytest.raises(ValueError, match="target must be"):
        costfn_nn.FocalLoss(ignore_index=255)(z, y)


@pytest.mark.parametrize(
    "loss",
    [
        costfn.soft_target_loss,
        lambda z, q: costfn.soft_target_loss(z, q, divergence="kl"),
        lambda z, q: costfn.focal_loss(z, q),
        lambda z, q: costfn.focal_loss(z, q, gamma=0.0),
        lambda z, q: costfn.cost_regularized_loss(z, q, COST),
        lambda z, q: costfn.log_cost_loss(z, q, COST),
        lambda z, q: costfn.softmax_margin_loss(z, q, COST),
        lambda z, q: costfn.cost_hinge_loss(z, q, COST),
        lambda z, q: costfn.forward_corrected_loss(z, q, 0.7 * torch.eye(3) + 0.1),
        lambda z, q: costfn.logit_adjusted_loss(z, q, torch.ones(3).double()),
    ],
)
def test_19_a_class_masked_out_by_minus_infinity(loss):
    """0 log 0 = 0: as the other two classes alone, and as with labels."""
    z = tensor([[0.5, 1.0, -torch.inf]]).double()
    q = tensor([[0.25, 0.75, 0.0]]).double()
    near_it = z.clamp(min=-1e4)
    near(loss(z, q), loss(near_it, q).item())
    slope = grad(lambda z: loss(z, q).sum())(z)
    torch.testing.assert_close(slope, grad(lambda z: loss(z, q).sum())(near_it))


def test_19_a_hinge_of_classes_masked_out():
    """max(1 - 0.5 + 1, ...) over what is left: 1.5, where NaN came."""
    cost = costfn.costs.zero_one(3)
    near(costfn.cost_hinge_loss(tensor([0.5, 1.0, -torch.inf]), tensor(0), cost), 1.5)


@pytest.mark.parametrize("phi", ["exp", "softplus", "hinge"])
def test_19_the_sum_to_zero_of_classes_masked_out(phi):
    """It is that of the other two, and the mean of the scores is theirs."""
    z, cost = tensor([0.5, 1.0, -torch.inf]), costfn.costs.zero_one(3)
    found = costfn.sum_to_zero_loss(z, tensor(0), cost, phi=phi)
    two = costfn.sum_to_zero_loss(z[:2], tensor(0), cost[:2, :2], phi=phi)
    near(found, two.item())


def test_20_an_option_is_one_number():
    """One number per class was read per example where there were as many of both."""
    z, y = torch.randn(3, 3, generator=rng), tensor([0, 1, 2])
    for shape in ((3,), (3, 1)):
        with pytest.raises(ValueError, match="gamma must be one number"):
            costfn.focal_loss(z, y, gamma=torch.ones(shape))
    for number in (tensor(-1.0), np.float32(-1.0), -1.0):
        with pytest.raises(ValueError, match="gamma must be at least 0"):
            costfn.focal_loss(z, y, gamma=number)
        with pytest.raises(ValueError, match="temperature must be above 0"):
            relaxations.softmax(number)


def test_20_the_usual_learned_scalar_has_shape_1():
    """It broke vmap of grad."""
    gamma = torch.nn.Parameter(torch.full((1,), 1.5))
    z, y = torch.randn(3, 3, generator=rng), tensor([0, 1, 2])
    each = vmap(grad(lambda z, y: costfn.focal_loss(z, y, gamma=gamma)))(z, y)
    same = vmap(grad(lambda z, y: costfn.focal_loss(z, y, gamma=1.5)))(z, y)
    torch.testing.assert_close(each, same)


@pytest.mark.parametrize("dtype", [torch.uint16, torch.uint32, torch.uint64])
def test_21_unsigned_labels(dtype):
    """aminmax is not implemented for them; the type was documented."""
    for loss in (costfn.focal_loss, costfn.dice_loss):
        torch.testing.assert_close(loss(Z, Y.to(dtype)), loss(Z, Y), rtol=0, atol=0)


def test_22_what_is_made_can_be_pickled_and_its_parameters_found():
    """Local objects could not; parameters inside a relaxation were lost."""
    loss = costfn_nn.DiceLoss(relaxation=relaxations.softmax(0.5))
    made = costfn.metric_loss(costfn.metrics.mcc)
    for one in (loss, made, relaxations.amplified()):
        arguments = (Z,) if one not in (loss, made) else (Z, Y)
        for same in (pickle.loads(pickle.dumps(one)), copy.deepcopy(one)):
            torch.testing.assert_close(same(*arguments), one(*arguments))
    temperature = torch.nn.Parameter(tensor(0.5))
    learned = costfn_nn.DiceLoss(relaxation=relaxations.softmax(temperature))
    assert any(p is temperature for p in learned.parameters())
    assert learned.state_dict()
    cost = torch.nn.Parameter(COST.clone())
    assert any(p is cost for p in costfn_nn.LogCostLoss(cost).parameters())


@pytest.mark.filterwarnings("ignore:Attempted to insert a get_attr Node")
def test_23_a_loss_is_linearized_and_traced():
    """A check of values read a tensor that had none."""
    value, along = linearize(lambda z: costfn.focal_loss(z, Y), Z)
    torch.testing.assert_close(value, costfn.focal_loss(Z, Y))
    assert along(Z).shape == (8,)
    graph = make_fx(lambda z: costfn.dice_loss(z, Y))(Z)
    torch.testing.assert_close(graph(Z), costfn.dice_loss(Z, Y))


def test_24_half_precision_as_torch_has_it():
    """Ours came in half; sum_to_zero_loss of [12, -12] and a sum of 2000 were inf."""
    z = torch.randn(4, 3, generator=rng)
    with torch.autocast("cpu", torch.float16):
        half = z.half()
        assert F.cross_entropy(half, Y[:4]).dtype == torch.float32
        assert costfn.focal_loss(half, Y[:4]).dtype == torch.float32
        assert costfn.dice_loss(half, Y[:4]).dtype == torch.float32
    cost = tensor([[0.0, 1.0], [1.0, 0.0]])
    far = tensor([[12.0, -12.0]]).half()
    assert costfn.sum_to_zero_loss(far, tensor([1]), cost, phi="exp").isfinite().all()
    far = tensor([[300.0, 0.0]]).half().requires_grad_()
    loss = costfn.cost_regression_loss(far, tensor([0]), cost)
    loss.sum().backward()
    assert loss.isfinite().all()
    torch.testing.assert_close(far.grad, tensor([[600.0, -2.0]]).half())
    total = costfn.reduce(torch.full((2000,), 50.0).half(), reduction="sum")
    assert total.isfinite()


def test_25_ignored_labels_are_none_one_or_several():
    """`None` and lists failed inside masked_fill."""
    z, y = torch.randn(4, 3, generator=rng), tensor([0, 255, 2, 254])
    found = costfn_nn.FocalLoss(ignore_index=[254, 255])(z, y)
    near(found, costfn_nn.FocalLoss()(z[[0, 2]], y[[0, 2]]).item(), 1e-6)
    whole = costfn_nn.FocalLoss(ignore_index=None)(z, Y[:4])
    near(whole, costfn_nn.FocalLoss()(z, Y[:4]).item(), 1e-7)


def test_25_errors_speak_of_what_was_passed():
    z, y = torch.randn(4, 1, generator=rng), tensor([0, 1, 0, 1])
    with pytest.raises(ValueError, match=r"(?s)\(4, 1\)") as error:
        costfn.f_beta_loss(z, y, task="binary")
    assert "(4, 1, 1)" not in str(error.value)
    with pytest.raises(ValueError, match="target=None"):
        costfn.softmax_margin_loss(torch.zeros(5, 3), Y[:5], torch.ones(5, 3))
    with pytest.raises(TypeError, match="relaxation must be"):
        costfn.dice_loss(Z, Y, relaxation="softmax")
    with pytest.raises(TypeError, match="temperature must be"):
        relaxations.softmax("1")
    with pytest.raises(TypeError, match="sum_counts must be"):
        costfn.dice_loss(Z, Y, sum_counts=3)


def test_25_arrays_where_no_gradient_is_involved():
    """`minimum_cost_decision(clf.predict_proba(X), C)` and a metric of labels."""
    probs, cost = np.array([[0.75, 0.25]]), [[0.0, 1.0], [5.0, 0.0]]
    assert costfn.decisions.minimum_cost_decision(probs, cost) == 1
    decided, truth = np.array([0, 1, 1]), [0, 1, 0]
    matrix = costfn.confusion_matrix(decided, truth, classes=2)
    near(costfn.metrics.accuracy(matrix), 2 / 3)
    assert costfn_nn.ExpectedCostLoss(np.array(cost))(torch.zeros(1, 2), tensor([1]))
    with pytest.raises(TypeError, match=r"torch\.(as_tensor|from_numpy)"):
        costfn.focal_loss(np.zeros((2, 3)), tensor([0, 1]))


def test_26_builders_refuse_what_makes_no_sense():
    """Letters were read as the tree; ordinal(2.5) was 3 x 3; ordinal(5, 100) inf."""
    with pytest.raises((TypeError, ValueError), match="paths must"):
        costfn.costs.from_hierarchy(["cat", "car", "dog"])
    with pytest.raises(TypeError, match="classes must be"):
        costfn.costs.ordinal(2.5)
    with pytest.raises(ValueError, match="power must be"):
        costfn.costs.ordinal(5, 100)
    # Constant logits fit as well at any temperature: it was 0.001.
    assert costfn.decisions.calibrate_temperature(torch.zeros(4, 3), Y[:4]) == 1


def test_28_class_weights_where_they_do_nothing_and_bases_that_are_none():
    """A class weight moves neither recall nor its mean; `class_weight=` of it does."""
    weight = tensor([1.0, 2.0, 5.0]).double()
    plain = costfn_nn.RecallLoss()(Z, Y)
    near(costfn_nn.RecallLoss(weight=weight)(Z, Y), plain.item())
    moved = costfn.recall_loss(Z, Y, class_weight=weight)
    each = costfn.recall_loss(Z, Y, average=None)
    near(moved, ((weight * each).sum() / weight.sum()).item())


def test_28_a_weight_of_each_image_weighs_images():
    """It cancelled silently."""
    images, y = torch.randn(2, 6, 3, generator=rng).double(), torch.arange(12) % 3
    y, weight = y.reshape(2, 6), tensor([3.0, 1.0]).double()
    found = costfn.dice_loss(images, y, scope="example", sample_weight=weight)
    each = [costfn.dice_loss(images[i], y[i]) for i in range(2)]
    near(found, ((3 * each[0] + each[1]) / 4).item())


# Asked for by many


def test_averages_without_the_background():
    """Micro F1 over some of the classes is no longer accuracy: as scikit-learn's."""
    decided = Z.argmax(-1)
    expected = sk.f1_score(Y, decided, labels=[1, 2], average="micro")
    hard = relaxations.straight_through()
    found = costfn.f_beta_loss(Z, Y, classes=[1, 2], average="micro", relaxation=hard)
    near(found, 1 - expected)
    macro = sk.f1_score(Y, decided, labels=[1, 2], average="macro")
    near(costfn.f_beta_loss(Z, Y, classes=[1, 2], relaxation=hard), 1 - macro)


def test_losses_per_label():
    """Sigmoid focal loss by Lin et al., eq. 5; asymmetric loss by Ridnik et al."""
    z, y = Z, F.one_hot(Y, 3)
    p = z.sigmoid()
    focal = torch.where(
        y == 1,
        -0.25 * (1 - p) ** 2 * p.log(),
        -0.75 * p**2 * (1 - p).log(),
    )
    torch.testing.assert_close(costfn.sigmoid_focal_loss(z, y), focal)
    m = (p - 0.05).clamp(min=0)
    asymmetric = torch.where(y == 1, -p.log(), -(m**4) * (1 - m).log())
    torch.testing.assert_close(costfn.asymmetric_loss(z, y), asymmetric)


# Of the testing kit and of JAX, as far as torch is concerned


def test_k2_costs_of_many_examples():
    """-2e-3 at 4.2 million by a product of the transposed decisions: to 1e-6 now."""
    n = 2**21
    z = tensor([[0.3, -0.1, 0.2]]).expand(n, 3)
    y = tensor([0, 1, 2, 1]).repeat(n // 4)
    for name in ("normalized_cost_loss", "savings_loss", "regret_loss"):
        loss = getattr(costfn, name)
        few = loss(z[:4].double(), y[:4], COST)
        assert loss(z, y, COST).item() == pytest.approx(few.item(), rel=1e-6)


@pytest.mark.parametrize("pad", [-1, 3, 255])
def test_k5_a_mask_excuses_the_labels_of_padding(pad, hidden):
    """The value was finite and the gradient of the padded rows NaN."""
    keep = tensor([True, True, True, True, True, False, False, False])
    y = Y.masked_fill(~keep, pad)

    def reduced(z):
        return costfn.reduce(costfn.focal_loss(z, y), where=keep)

    def counted(z):
        return costfn.f_beta_loss(z, y, where=keep)

    alone = [
        lambda z: costfn.reduce(costfn.focal_loss(z[:5], Y[:5])),
        lambda z: costfn.f_beta_loss(z[:5], Y[:5]),
    ]
    for f, right in zip((reduced, counted), alone, strict=True):
        torch.testing.assert_close(f(Z), right(Z))
        torch.testing.assert_close(grad(f)(Z), grad(right)(Z))

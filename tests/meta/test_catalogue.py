"""What the catalogue says of each loss, against the loss itself.

Consistency for the cost is in test_calibration.py.
"""

import inspect

import pytest
import torch
from torch.func import grad

import costfn
from costfn.catalogue import LOSSES
from losses import LOSSES as ROWS
from losses import U as FORUM

U = torch.tensor(FORUM, dtype=torch.float64)
ROW = {row.name: row for row in ROWS}
ENTRIES = pytest.mark.parametrize(
    "entry", [LOSSES[name] for name in ROW], ids=lambda entry: entry.name
)
RULES = ("argmax", "argmin", "minimum_cost", "unmix", "threshold")
LABEL = 1
rng = torch.Generator().manual_seed(0)
EXTRAS = {
    "cost": U,
    "transition": torch.tensor(
        [[0.8, 0.2, 0, 0], [0.1, 0.7, 0.1, 0.1], [0, 0, 1, 0], [0.2, 0, 0.3, 0.5]]
    ).double(),
    "prior": torch.tensor([0.4, 0.3, 0.2, 0.1]).double(),
}
# Whether the observed label can rule out a class is for the transition to say.
depends_on_transition = "forward_corrected_loss"


def loss_of(entry, cost=U):
    """The loss of label 1 of the forum matrix as a function of the logits."""
    row = ROW[entry.name]
    extras = [(EXTRAS | {"cost": cost})[name] for name in row.takes]
    options = dict(row.options[0])
    if "iterations" in options:
        options["iterations"] = 10
    target = torch.tensor(LABEL)
    if "labels" not in row.forms:
        target = torch.eye(4, dtype=torch.float64)[LABEL]

    def loss(logits, target=target):
        if not entry.per_sample:
            logits, target = logits[None], target[None]
        return row.of_example(logits, target, *extras, **options)

    return loss


def favouring(j, gap):
    return gap * torch.eye(4, dtype=torch.float64)[j]


def certain(entry, j, gap):
    """One class is certain; or of labels one by one the truth, but for label `j`."""
    if not entry.per_label:
        return favouring(j, gap)
    signs = 2 * torch.eye(4, dtype=torch.float64)[LABEL] - 1
    return gap * (signs if j == LABEL else signs * (1 - 2 * torch.eye(4)[j]))


@ENTRIES
def test_an_entry_is_that_of_its_row(entry):
    row = ROW[entry.name]
    assert entry.loss is row.torch
    assert entry.per_label == ("marks" in row.forms)
    assert entry.actions == ("actions" in row.forms)
    assert entry.scores == "classes" or entry.actions
    # The table names those whose logarithm sees the probability.
    assert entry.log_divergent or not row.log_divergent


@ENTRIES
def test_an_entry_is_complete(entry):
    assert entry.formula
    assert entry.source
    assert entry.link.startswith("https://")
    assert entry.family
    assert entry.decisions
    assert set(entry.decisions) <= set(RULES)
    assert set(entry.consistent) <= set(entry.decisions)
    if entry.provided is not None:
        assert hasattr(costfn.costs.diagnose(U), entry.provided)


@ENTRIES
def test_an_entry_names_all_that_the_loss_needs(entry):
    parameters = list(inspect.signature(entry.loss).parameters.values())
    needed = [p.name for p in parameters if p.default is p.empty]
    assert ("logits", *entry.takes) == tuple(needed)


@ENTRIES
def test_zero_at_perfect(entry):
    at_perfect = loss_of(entry)(certain(entry, LABEL, 80.0))
    if entry.zero_at_perfect:
        assert at_perfect.abs() < 1e-7
        assert at_perfect.abs() <= loss_of(entry)(certain(entry, LABEL, 8.0)).abs()
    else:
        assert at_perfect > 1e-3


def test_which_targets_the_losses_vanish_at_without_a_doubt():
    """The answer to "shouldn't a perfect prediction give 0?"."""
    not_zero = {name for name in ROW if not LOSSES[name].zero_at_perfect}
    assert not_zero == {
        "cost_regression_loss",  # perfect is to know the costs
        "forward_corrected_loss",  # the label may be wrong
        "soft_decision_cost_loss",  # a soft decision errs a little
    }


@ENTRIES
def test_bounded(entry):
    if entry.name == depends_on_transition:
        pytest.skip("its bound is the transition's")
    worst = max(
        loss_of(entry)(sign * favouring(j, 1e4)).abs()
        for sign in (1, -1)
        for j in range(4)
    )
    assert (worst <= U.max() + 1e-9) == entry.bounded
    assert entry.bounded or worst > 1e3


@ENTRIES
def test_log_divergent(entry):
    if entry.name == depends_on_transition:
        pytest.skip("it is where the transition rules the class out")
    wrong = [certain(entry, 3, 60.0)]
    if entry.per_label:  # a label too many, and the one that is there missed
        wrong.append(-certain(entry, LABEL, 60.0))
    alive = min(grad(loss_of(entry))(z).abs().max() for z in wrong)
    # A share of cross entropy is enough; what is not alive is exactly dead.
    assert (alive > 0.05) == entry.log_divergent
    assert entry.log_divergent or alive < 1e-9


@ENTRIES
def test_convex(entry):
    """Never above the chord; a loss that is not convex is, somewhere."""
    loss = loss_of(entry)
    above = []
    for scale in (0.5, 2.0, 8.0):
        for _ in range(100):
            a, b = scale * torch.randn(2, 4, dtype=torch.float64, generator=rng)
            chord = (loss(a) + loss(b)) / 2
            above.append(loss((a + b) / 2) - chord > 1e-9 * (1 + chord.abs()))
    assert any(above) != entry.convex


@ENTRIES
def test_proper(entry):
    """The mean over the labels is least at their probabilities, or not."""
    if not entry.per_sample:
        pytest.skip("a loss of the whole batch has no posterior of one example")
    cost = U
    if entry.provided is not None:
        cost = costfn.costs.ordinal(4).double()
        assert getattr(costfn.costs.diagnose(cost), entry.provided)
        assert not getattr(costfn.costs.diagnose(U), entry.provided)
    loss = loss_of(entry, cost)
    one_hot = torch.eye(4, dtype=torch.float64)
    labels = one_hot if "labels" not in ROW[entry.name].forms else torch.arange(4)
    beaten = False
    for _ in range(5):
        q = torch.randn(4, dtype=torch.float64, generator=rng).softmax(-1)
        observed = q @ EXTRAS["transition"] if "transition" in entry.takes else q

        def mean(z, observed=observed):
            return sum(observed[y] * loss(z, labels[y]) for y in range(4))

        best = q.logit() if entry.per_label else q.log()
        at_q = mean(best)
        for step in (0.01, 0.3, 2.0):
            for _ in range(4):
                move = torch.randn(4, dtype=torch.float64, generator=rng)
                beaten |= bool(mean(best + step * move) < at_q - 1e-12)
    assert beaten != entry.proper


def test_a_soft_target_is_met_with_loss_0_by_the_divergence_alone():
    q = torch.tensor([0.5, 0.25, 0.25], dtype=torch.float64)
    entropy = 1.5 * torch.tensor(2.0).double().log()
    of_cross_entropy = costfn.soft_target_loss(q.log(), q)
    torch.testing.assert_close(of_cross_entropy, entropy)  # 1.0397
    of_divergence = costfn.soft_target_loss(q.log(), q, divergence="kl")
    assert of_divergence.abs() < 1e-15

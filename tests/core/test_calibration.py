"""Which losses lead to the cheapest decision: measured, and compared with the claims.

For random class probabilities and several cost matrices, the expected loss over the
labels is minimised, as a network would do with unlimited data. The decision at the
minimum is compared with the decision of least expected cost. Posteriors at which two
decisions cost nearly the same are left out: a finite number of optimisation steps
cannot decide between them.
"""

from functools import cache

import pytest
import torch

import costfn
from costfn.catalogue import LOSSES
from losses import PER_SAMPLE, U

K, POSTERIORS = 4, 24
MARGIN = 0.03  # as a share of the largest cost

rng = torch.Generator().manual_seed(1)
# Normalised exponentials are uniform on the simplex.
POSTERIOR = -torch.rand(POSTERIORS, K, dtype=torch.float64, generator=rng).log()
POSTERIOR = POSTERIOR / POSTERIOR.sum(-1, keepdim=True)
ASYMMETRIC = torch.randint(1, 10, (K, K), generator=rng) * (1 - torch.eye(K))
MATRICES = {
    "forum": torch.tensor(U).double(),
    "asymmetric": ASYMMETRIC.double(),
    "distance": costfn.costs.ordinal(K).double(),
    "zero_one": costfn.costs.zero_one(K).double(),
}
COSTS = torch.stack(list(MATRICES.values()))
EXPECTED = costfn.decisions.expected_costs(
    POSTERIOR.expand(len(COSTS), -1, -1),
    COSTS[:, None].expand(-1, POSTERIORS, -1, -1),
)
CHEAPEST = EXPECTED.argmin(-1)
GAP = EXPECTED.sort(-1)[0].diff(dim=-1)[..., 0]
CLEAR = MARGIN * COSTS.amax((-2, -1))[:, None] < GAP
MIXED = torch.stack([costfn.soft_targets(cost, temperature=1.0) for cost in COSTS])
TRANSITION = torch.tensor(
    [[0.7, 0.1, 0.1, 0.1], [0.3, 0.6, 0.1, 0], [0, 0.2, 0.8, 0], [0.1, 0, 0.2, 0.7]]
).double()
PRIOR = torch.tensor([0.5, 0.3, 0.15, 0.05]).double()

# Options without a default.
OPTIONS = {
    "soft_decision_cost_loss": {"temperature": 5.0},
    "sinkhorn_loss": {"epsilon": 10.0, "iterations": 5},
}
# Losses of a whole batch are left out: they have no posterior of one example. So are
# losses per label: a cost matrix has no price for independent labels.
CLAIMS = [
    (name, OPTIONS.get(name, {}), rule, rule in entry.consistent)
    for name, entry in ((row.name, LOSSES[row.name]) for row in PER_SAMPLE)
    if not entry.per_label
    for rule in entry.decisions
]
VARIANTS = [
    ("expected_cost_loss", {"risk": 1.0}, "argmax", True),
    ("cost_regularized_loss", {"base": "log_cost"}, "argmax", True),
    ("log_cost_loss", {}, "minimum_cost", False),
    ("cost_regression_loss", {"one_sided": True}, "argmin", False),
    ("sum_to_zero_loss", {"phi": "softplus"}, "argmax", True),
    ("sum_to_zero_loss", {"phi": "hinge"}, "argmax", True),
    ("soft_target_loss", {"divergence": "kl"}, "minimum_cost", True),
    ("focal_loss", {"gamma": 0.0}, "minimum_cost", True),
    ("focal_loss", {}, "minimum_cost", False),
]


def expected_loss(name, options, rule, logits):
    """Mean loss over the labels, `(starts, matrices, posteriors)`."""
    shape = (*logits.shape[:-1], K)  # with an axis for the label
    z = logits.unsqueeze(-2).expand(*shape, K)
    labels = torch.arange(K).expand(shape)
    probability = POSTERIOR
    takes = LOSSES[name].takes
    if takes[0] == "target_probs":
        # One-hot, unless they are the soft targets of the cost.
        rows = MIXED if rule == "unmix" else torch.eye(K).double().expand(4, K, K)
        target = rows[:, None].expand(*shape, K)
    else:
        target = labels
    extras = []
    if "cost" in takes:
        extras = [COSTS[:, None, None].expand(*shape, K, K)]
    elif "transition" in takes:
        extras, probability = [TRANSITION], POSTERIOR @ TRANSITION
    elif "prior" in takes:
        extras = [PRIOR]
    losses = getattr(costfn, name)(z, target, *extras, **options)
    return (probability * losses).sum(-1)


@cache
def minimisers(name, options, mixed):
    """The best minimum of several starts, for all posteriors and matrices at once.

    One start favours no decision and each other start favours one, because a loss that
    is concave in the probabilities has a local minimum at each decision.
    """
    options, rule = dict(options), "unmix" if mixed else ""
    starts = torch.cat([torch.zeros(1, K), 3 * torch.eye(K)]).double()
    logits = starts[:, None, None].repeat(1, 4, POSTERIORS, 1).requires_grad_()
    steps = 150 if name == "sinkhorn_loss" else 400
    optimizer = torch.optim.Adam([logits], lr=0.3, betas=(0.8, 0.99))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        optimizer.zero_grad()
        expected_loss(name, options, rule, logits).sum().backward()
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        best = expected_loss(name, options, rule, logits).argmin(0)
        index = best[None, ..., None].expand(1, -1, -1, K)
        return logits.gather(0, index)[0]


def decided(rule, logits):
    if rule == "argmax":
        return logits.argmax(-1)
    if rule == "argmin":
        return logits.argmin(-1)
    probs = logits.softmax(-1)
    if rule == "unmix":
        probs = torch.stack(
            [costfn.unmix(p, q) for p, q in zip(probs, MIXED, strict=True)]
        )
    return costfn.decisions.minimum_cost_decision(
        probs, COSTS[:, None].expand(-1, POSTERIORS, -1, -1)
    )


def agreement(name, options, rule):
    """Whether the decision is cheapest, or unclear: `(matrices, posteriors)`."""
    logits = minimisers(name, tuple(options.items()), rule == "unmix")
    return (decided(rule, logits) == CHEAPEST) | ~CLEAR


def test_the_experiment_leaves_enough_posteriors_to_compare():
    assert (CLEAR.sum(-1) >= 15).all()
    # Argmax of the posterior itself must be wrong in some cases, or it proves nothing.
    assert ((POSTERIOR.argmax(-1) != CHEAPEST) & CLEAR)[:3].any(-1).all()


@pytest.mark.parametrize("name, options, rule, consistent", [*CLAIMS, *VARIANTS])
def test_a_loss_is_consistent_under_the_rules_stated_and_no_other(
    name, options, rule, consistent
):
    agrees = agreement(name, options, rule)
    if LOSSES[name].provided is not None:
        held = [
            getattr(costfn.costs.diagnose(cost), LOSSES[name].provided)
            for cost in COSTS
        ]
        assert True in held
        assert not agrees[[not h for h in held]].all()
        agrees = agrees[held]
    assert agrees.all() == consistent, agrees.double().mean(-1)


def test_a_minimiser_of_a_proper_loss_is_the_posterior():
    for name in ("ranked_probability_loss", "soft_target_loss"):
        found = minimisers(name, (), False).softmax(-1)
        expected = POSTERIOR.expand(4, -1, -1)
        torch.testing.assert_close(found, expected, rtol=0, atol=0.01)
    noisy = minimisers("forward_corrected_loss", (), False).softmax(-1)
    torch.testing.assert_close(noisy[0], POSTERIOR, rtol=0, atol=0.01)

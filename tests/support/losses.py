"""The table of losses. A row here is all that a new loss needs to be tested.

Worked values are `(logits, target, extras, options, loss)`. Those marked golden
have the asymmetric matrix `A`, truth 1 and class probabilities 1/2, 1/4, 1/8, 1/8:
a loss that reads `A` the wrong way round takes the column (1, 0, 3, 1) for the row
(1, 0, 3, 8) and gives another number.
"""

from math import e, exp, inf, log, nan

import label_losses
import textbook
from cases import Case, Loss

U = [[0.0, 1, 4, 5], [1, 0, 3, 8], [4, 3, 0, 2], [5, 8, 2, 0]]
A = [[0.0, 1, 4, 5], [1, 0, 3, 8], [4, 3, 0, 2], [5, 1, 2, 0]]
ZERO_ONE = [[0.0, 1, 1], [1, 0, 1], [1, 1, 0]]
HALVES = [log(1 / 2), log(1 / 4), log(1 / 8), log(1 / 8)]
EVEN = [0.0, 0.0, 0.0, 0.0]
ALL = ("labels", "probs", "each", "vector", "actions")
NO_NUMBER = (nan, inf)

LOSSES = (
    Loss(
        name="expected_cost_loss",
        textbook=textbook.expected_cost,
        options=({}, {"risk": 1.0}, {"risk": -0.5}),
        forms=ALL,
        by_hand=(
            (HALVES, 1, [A], {}, 1 / 2 + 3 / 8 + 8 / 8),  # golden
            (EVEN, 1, [U], {}, (1 + 0 + 3 + 8) / 4),
            (EVEN, [0, 0.5, 0, 0.5], [U], {}, (6 + 8 + 5 + 8) / 8),
            (EVEN, None, [[1.0, 0, 3, 8]], {}, 3.0),
            ([0.0, 0, 0], 1, [[[0.0, 5, 1], [2, 0, 1]]], {}, 1.0),
            ([0.0, 0], 0, [[[0.0, log(3)], [1, 0]]], {"risk": 1.0}, log(2)),
            ([0.0, 0], 0, [[[0.0, log(3)], [1, 0]]], {"risk": -1.0}, log(3 / 2)),
        ),
        bad_options=tuple({"risk": x} for x in NO_NUMBER),
        vanishes=True,
    ),
    Loss(
        name="log_cost_loss",
        textbook=textbook.log_cost,
        forms=ALL,
        by_hand=(
            (HALVES, 1, [A], {}, log(2) + 11 * log(8 / 7)),  # golden
            ([0.0, 0, 0], 2, [ZERO_ONE], {}, 2 * log(3 / 2)),
            ([0.0, 0], [0.5, 0.5], [[[0.0, 5], [1, 0]]], {}, 3 * log(2)),
        ),
        log_divergent=True,
        vanishes=True,
    ),
    Loss(
        name="cost_regularized_loss",
        textbook=textbook.cost_regularized,
        options=({}, {"base": "log_cost"}, {"strength": 10.0}),
        by_hand=(
            (HALVES, 1, [A], {}, log(4) + 1.875),  # golden
            (HALVES, 1, [A], {"strength": 0.0}, log(4)),
            (
                HALVES,
                1,
                [A],
                {"base": "log_cost", "strength": 2.0},
                log(2) + 11 * log(8 / 7) + 3.75,
            ),
        ),
        bad_options=(
            {"base": "hinge"},
            {"strength": -1.0},
            *({"strength": x} for x in NO_NUMBER),
        ),
        log_divergent=True,
        vanishes=True,
    ),
    Loss(
        name="softmax_margin_loss",
        textbook=textbook.softmax_margin,
        by_hand=(
            (HALVES, 1, [A], {}, log(2 * e + 1 + (e**3 + e**8) / 2)),  # golden
            ([0.0, 0], 0, [[[0, log(3)], [1, 0]]], {}, log(4)),
            # A diagonal that is not 0 counts as the price of being right.
            ([0.0, 0], 0, [[[2, 2 + log(3)], [1, 0]]], {}, log(4)),
        ),
        log_divergent=True,
        vanishes=True,
    ),
    Loss(
        name="cost_hinge_loss",
        textbook=textbook.cost_hinge,
        by_hand=(
            (HALVES, 1, [A], {}, 8 - log(8) + log(4)),  # golden
            ([2.0, 0, 0], 0, [ZERO_ONE], {}, 0.0),
            ([0.0, 0], [0.25, 0.75], [[[0.0, 5], [1, 0]]], {}, 5 / 4 + 3 / 4),
        ),
        kinked=True,
        log_divergent=True,
    ),
    Loss(
        name="soft_target_loss",
        textbook=textbook.soft_target,
        takes=(),
        options=({}, {"divergence": "kl"}),
        forms=("probs",),
        by_hand=(
            (HALVES, [0.5, 0.25, 0.125, 0.125], [], {}, 1.75 * log(2)),
            (HALVES, [0.5, 0.25, 0.125, 0.125], [], {"divergence": "kl"}, 0.0),
            ([0.0, 0, 0], [0.5, 0.5, 0], [], {"divergence": "kl"}, log(3 / 2)),
            (HALVES, [0.0, 1, 0, 0], [], {}, log(4)),
        ),
        bad_options=({"divergence": "js"},),
        log_divergent=True,
        vanishes=True,
    ),
    Loss(
        name="forward_corrected_loss",
        textbook=textbook.forward_corrected,
        takes=("transition",),
        forms=("labels", "probs"),
        by_hand=(
            # Seen as 1: 3/4 of the ones and 1/2 of the zeros. Golden: the row
            # of the observed label would give 3/4 * 1/4 + 1/4 * 3/4.
            ([log(3), 0.0], 1, [[[0.5, 0.5], [0.25, 0.75]]], {}, log(16 / 9)),
            ([0.0, 0], 0, [[[1.0, 0], [0, 1]]], {}, log(2)),
        ),
    ),
    Loss(
        name="energy_cost_loss",
        textbook=textbook.energy_cost,
        by_hand=(
            # A p = (11, 15, 24, 24)/8, so p A p / 2 = (5.5 + 3.75 + 3 + 3)/16.
            (HALVES, 1, [A], {}, 1.875 - 15.25 / 16),  # golden
            ([0.0, 0, 0], 1, [ZERO_ONE], {}, 2 / 3 - 1 / 3),
        ),
        vanishes=True,
    ),
    Loss(
        name="ranked_probability_loss",
        textbook=textbook.ranked_probability,
        takes=(),
        forms=("labels", "probs"),
        by_hand=(
            (HALVES, 0, [], {}, (4**2 + 2**2 + 1**2) / 64),
            (HALVES, 3, [], {}, (4**2 + 6**2 + 7**2) / 64),
            (HALVES, [0.5, 0.25, 0.125, 0.125], [], {}, 0.0),
        ),
        vanishes=True,
    ),
    Loss(
        name="cost_regression_loss",
        textbook=textbook.cost_regression,
        options=({}, {"one_sided": True}, {"one_sided": True, "smooth": False}),
        forms=ALL,
        by_hand=(
            ([2.0, 1, 1, 1], 1, [A], {}, 1 + 1 + 4 + 49),  # golden
            (
                [2.0, 1, 1, 1],
                1,
                [A],
                {"one_sided": True, "smooth": False},
                0 + 1 + 2 + 7,
            ),
            (
                [0.0, 0, 1],
                0,
                [[[0.0, 0, 1], [1, 0, 1], [1, 1, 0]]],
                {"one_sided": True},
                3 * log(2),
            ),
            # Both cheapest decisions are over-estimated: both count.
            (
                [1.0, 2, 5],
                0,
                [[[0.0, 0, 1], [1, 0, 1], [1, 1, 0]]],
                {"one_sided": True, "smooth": False},
                3.0,
            ),
        ),
        bad_options=({"smooth": False},),
        shift_invariant=False,
        kinked=True,
    ),
    Loss(
        name="sum_to_zero_loss",
        textbook=textbook.sum_to_zero,
        options=({"phi": "exp"}, {"phi": "softplus"}, {"phi": "hinge"}),
        required=("phi",),
        forms=ALL,
        by_hand=(
            ([1.0, -1, 1, -1], 1, [A], {"phi": "exp"}, 4 * e + 8 / e),  # golden
            ([1.0, -1, 1, -1], 1, [A], {"phi": "hinge"}, 4 * (1 / 3 + 1)),
            (EVEN, 1, [A], {"phi": "softplus"}, 12 * log(2)),
            # The tangent at 30: e^30 (1 + 20).
            ([50.0, -50], 1, [[[0.0, 1], [1, 0]]], {"phi": "exp"}, 21 * exp(30)),
        ),
        bad_options=({"phi": "square"},),
        kinked=True,
    ),
    Loss(
        name="soft_decision_cost_loss",
        textbook=textbook.soft_decision_cost,
        options=({"temperature": 0.5}, {"temperature": 5.0}),
        required=("temperature",),
        forms=("labels", "probs", "each", "actions"),
        by_hand=(
            # p A = (1.375, 1, 3, 4.75), golden.
            (
                HALVES,
                1,
                [A],
                {"temperature": 1.0},
                (exp(-1.375) + 3 * exp(-3) + 8 * exp(-4.75))
                / (exp(-1.375) + exp(-1) + exp(-3) + exp(-4.75)),
            ),
            ([0.0, 0], 0, [[[0.0, 1, 0.5], [1, 0, 0.5]]], {"temperature": 0.1}, 0.5),
        ),
        bad_options=tuple({"temperature": x} for x in (0.0, -1.0, *NO_NUMBER)),
        scores_are_of_decisions=False,
    ),
    Loss(
        name="sinkhorn_loss",
        textbook=textbook.sinkhorn,
        options=(
            {"epsilon": 8.0, "iterations": 30},
            {"epsilon": 8.0, "iterations": 30, "debias": False},
        ),
        required=("epsilon",),
        forms=("probs",),
        by_hand=(
            (HALVES, [0.0, 1, 0, 0], [A], {"epsilon": 0.5, "debias": False}, 1.875),
            (HALVES, [0.5, 0.25, 0.125, 0.125], [U], {"epsilon": 4.0}, 0.0),
        ),
        bad_options=(
            *({"epsilon": x} for x in (0.0, -1.0, *NO_NUMBER)),
            {"epsilon": 1.0, "iterations": 0},
        ),
    ),
    Loss(
        name="generalized_wasserstein_dice_loss",
        textbook=textbook.generalized_wasserstein_dice,
        options=({}, {"background": None}, {"background": 1}),
        forms=("labels", "probs"),
        by_hand=(
            # W = 1.875/8 and a = 1/8: TP = 49/512, W = 120/512. Golden.
            ([HALVES], [1], [A], {}, 120 / (98 + 120)),
            ([HALVES], [1], [A], {"background": None}, 120 / (784 + 120)),
            # The second example adds W = 3/8 and a (1 - W) = 1/2 * 5/8.
            ([HALVES, HALVES], [1, 2], [A], {}, (120 + 192) / (98 + 320 + 120 + 192)),
        ),
        bad_options=({"background": 3}, {"background": -1}),
        per_sample=False,
        vanishes=True,
        zero_diagonal=True,
    ),
    Loss(
        name="focal_loss",
        textbook=textbook.focal,
        takes=(),
        options=({}, {"gamma": 0.0}, {"gamma": 0.5}),
        forms=("labels", "probs"),
        by_hand=(
            ([0.0, 0], 0, [], {"gamma": 0.0}, log(2)),
            ([0.0, 0], 1, [], {}, log(2) / 4),
            ([0.0, 0, 0], 2, [], {"gamma": 1.0}, 2 / 3 * log(3)),
        ),
        bad_options=tuple({"gamma": x} for x in (-1.0, *NO_NUMBER)),
        log_divergent=True,
        vanishes=True,
    ),
    Loss(
        name="logit_adjusted_loss",
        textbook=textbook.logit_adjusted,
        takes=("prior",),
        options=({}, {"temperature": 0.5}),
        forms=("labels", "probs"),
        by_hand=(
            # Scores that ignore the prior are right only as often as it says.
            ([0.0, 0, 0], 2, [[0.5, 0.25, 0.25]], {}, log(4)),
            ([0.0, 0, 0], 2, [[8.0, 4, 4]], {}, log(4)),
            (HALVES, 1, [[0.125, 0.25, 0.5, 0.5]], {}, log(4)),
            (HALVES, 1, [[0.9, 0.8, 0.7, 0.6]], {"temperature": 0.0}, log(4)),
        ),
        bad_options=tuple({"temperature": x} for x in (-1.0, *NO_NUMBER)),
        log_divergent=True,
        vanishes=True,
    ),
    *label_losses.ROWS,
)

PER_SAMPLE = tuple(loss for loss in LOSSES if loss.per_sample)
CASES = tuple(
    Case(loss, options, form)
    for loss in LOSSES
    for options in loss.options
    for form in loss.forms
)
SAMPLE_CASES = tuple(case for case in CASES if case.loss.per_sample)

"""The table of losses per example: the rows of `rows/`, a file for each of the core's.

A row is all that a new loss needs to be tested. Worked values are `(logits, target,
extras, options, loss)`. Those marked golden have the asymmetric matrix `A`, truth 1 and
class probabilities 1/2, 1/4, 1/8, 1/8: a loss that reads `A` the wrong way round takes
the column (1, 0, 3, 1) for the row (1, 0, 3, 8) and gives another number.
"""

from cases import Case
from rows import (
    cost,
    decision_scores,
    imbalance,
    margin,
    noise_robust,
    per_label,
    scoring_rules,
    soft_targets,
    transport,
)
from rows.shared import A as A
from rows.shared import U as U

LOSSES = (
    *cost.ROWS,
    *margin.ROWS,
    *decision_scores.ROWS,
    *scoring_rules.ROWS,
    *soft_targets.ROWS,
    *transport.ROWS,
    *imbalance.ROWS,
    *noise_robust.ROWS,
    *per_label.ROWS,
)

PER_SAMPLE = tuple(loss for loss in LOSSES if loss.per_sample)
CASES = tuple(
    Case(loss, options, form)
    for loss in LOSSES
    for options in loss.options
    for form in loss.forms
)
SAMPLE_CASES = tuple(case for case in CASES if case.loss.per_sample)

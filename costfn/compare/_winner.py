"""The winner, tuned and trained once more on all examples."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ._cell import Prepared, training_of
from ._decide import Decider
from ._errors import InputError
from ._folds import inner_splits
from ._learners import Fit, Learner, Setting
from ._plan import Plan
from ._summary import Row
from ._tuning import choices


@dataclass(frozen=True)
class Winner:
    """A model with its rule, trained on all examples.

    Attributes:
        loss: Name of the loss that it was trained with.
        learner: The kind of model.
        setting: What was chosen on inner folds.
        fit: The model.
        decider: The rule.
        steps: The steps that make features ready for the model.
        data: What it was trained on.
    """

    loss: str
    learner: Learner
    setting: Setting
    fit: Fit
    decider: Decider
    steps: Any
    data: Prepared


def trained(ready: Plan, row: Row) -> Winner:
    """The row's loss, model and rule on all examples.

    Raises:
        InputError: If its training failed.
    """
    candidate, learner = next(
        pair for pair in ready.candidates if pair[0].name == row.loss
    )
    data, seed = ready.data, ready.settings.seed
    training, steps = training_of(data, np.arange(len(data.labels)), seed)
    divisions = list(
        inner_splits(training.labels, learner.inner_folds, seed, data.groups)
    )
    choice = next(
        one
        for one in choices(candidate, learner, training, divisions)
        if (one.decider.rule, one.by) == (row.decision, row.chosen_by)
    )
    fit = learner.fit(training.task(candidate), choice.setting)
    if fit.failed:
        raise InputError(f"training {row.name} on all examples must not diverge")
    return Winner(row.loss, learner, choice.setting, fit, choice.decider, steps, data)

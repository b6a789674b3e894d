"""What scikit-learn does with the same data: rows to compare the losses with."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV, TunedThresholdClassifierCV
from torch import Tensor

from ._candidate import Candidate, Rule
from ._candidates import cross_entropy_of
from ._learners import Estimator, Fit, Learner, Setting, Task

LOGISTIC_REGRESSION = "logistic_regression"
GRADIENT_BOOSTING = "gradient_boosting"
TUNED_THRESHOLD = "tuned_threshold"
REFERENCES = (LOGISTIC_REGRESSION, GRADIENT_BOOSTING, TUNED_THRESHOLD)
"""Names of the reference rows."""


def _logistic_regression() -> GridSearchCV:
    return GridSearchCV(
        LogisticRegression(max_iter=2000),
        {"C": [0.01, 0.1, 1.0, 10.0, 100.0]},
        scoring="neg_log_loss",
        cv=3,
    )


def _gradient_boosting() -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(random_state=0)


class _TunedThreshold(Learner):
    """Logistic regression with the threshold of the smallest cost on inner folds."""

    name = TUNED_THRESHOLD
    inner_folds = 1
    any_loss = False
    words = f"{TUNED_THRESHOLD}: TunedThresholdClassifierCV of logistic regression"

    def __init__(self, cost: NDArray[np.float64]) -> None:
        self.cost = cost

    def path(self, task: Task) -> Iterator[tuple[Setting, Fit]]:
        yield {}, self.fit(task, {})

    def fit(self, task: Task, setting: Setting) -> Fit:
        scorer = make_scorer(_gain, cost=self.cost)
        model = TunedThresholdClassifierCV(
            LogisticRegression(max_iter=2000), scoring=scorer, cv=5, random_state=0
        )
        model.fit(task.features.numpy(), task.labels)
        return Fit(_Decided(model, task.classes), False, True, model)


def _gain(
    truth: NDArray[np.int64], decided: NDArray[np.int64], cost: NDArray[np.float64]
) -> float:
    return -float(cost[truth, decided].mean())


class _Decided:
    """Its decisions as outputs: 1 for what it decides, else 0."""

    def __init__(self, model: Any, classes: int) -> None:
        self.model, self.classes = model, classes

    def __call__(self, features: Tensor) -> Tensor:
        decided = torch.as_tensor(self.model.predict(features.numpy()))
        return torch.nn.functional.one_hot(decided, self.classes).double()


def reference(name: str, cost: NDArray[np.float64]) -> tuple[Candidate, Learner] | None:
    """A reference row by its name; None where it does not suit the costs.

    Args:
        name: One of `REFERENCES`.
        cost: The costs, shape `(K, D)`.
    """
    if name == TUNED_THRESHOLD:
        if cost.shape != (2, 2):
            return None
        return cross_entropy_of(name, ("argmax",)), _TunedThreshold(cost)
    rules: tuple[Rule, ...] = ("argmax", "minimum_cost")
    factory = _gradient_boosting
    if name == LOGISTIC_REGRESSION:
        return cross_entropy_of(name, rules), Estimator(_logistic_regression, name)
    return cross_entropy_of(name, rules), Estimator(factory, name)

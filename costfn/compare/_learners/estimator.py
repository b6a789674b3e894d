"""Any classifier of scikit-learn's interface with probabilities."""

from collections.abc import Callable, Iterator
from inspect import signature
from typing import Any

import numpy as np
from torch import Tensor

from .boosting import log_probs
from .learner import Fit, Learner, Setting, Task


class Estimator(Learner):
    """A classifier with `fit` and `predict_proba`, as it is: nothing is tuned.

    Args:
        factory: Function without arguments to a new classifier.
        name: Its name in tables.
    """

    inner_folds = 1
    any_loss = False

    def __init__(self, factory: Callable[[], Any], name: str) -> None:
        self.factory, self.name = factory, name
        self.words = f"{name}: as its factory makes it, nothing tuned"

    def path(self, task: Task) -> Iterator[tuple[Setting, Fit]]:
        yield {}, self.fit(task, {})

    def fit(self, task: Task, setting: Setting) -> Fit:
        model = self.factory()
        features = task.features.numpy()
        options: dict[str, Any] = {}
        if not np.all(task.weight == task.weight[0]):
            if "sample_weight" not in signature(model.fit).parameters:
                raise TypeError(
                    f"{self.name} must take sample_weight in fit, for losses or data "
                    "with weights; leave out the weighted losses and --weight"
                )
            options["sample_weight"] = task.weight
        model.fit(features, task.labels, **options)
        return Fit(_Predict(model, task.classes), False, True, model)


class _Predict:
    def __init__(self, model: Any, classes: int) -> None:
        self.model, self.classes = model, classes

    def __call__(self, features: Tensor) -> Tensor:
        probs = self.model.predict_proba(features.numpy())
        return log_probs(probs, self.model.classes_, self.classes)

"""Gradient-boosted trees, trained with cross entropy."""

import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from sklearn.ensemble import HistGradientBoostingClassifier
from torch import Tensor

from .learner import Fit, Learner, Setting, Task

LEAVES = (7, 31)
TREES = (25, 50, 100, 200)
LEARNING_RATE = 0.1


class Boosting(Learner):
    """LightGBM where it is installed, else scikit-learn's histogram trees."""

    name = "boosting"
    inner_folds = 1
    any_loss = False

    def __init__(self) -> None:
        self.lightgbm = find_spec("lightgbm") is not None
        library = "LightGBM" if self.lightgbm else "scikit-learn's histogram trees"
        self.words = (
            f"boosting: {library}, cross entropy, learning rate {LEARNING_RATE}, "
            f"{' or '.join(map(str, LEAVES))} leaves, "
            f"{', '.join(map(str, TREES))} trees"
        )

    def path(self, task: Task) -> Iterator[tuple[Setting, Fit]]:
        for leaves in LEAVES:
            model = self._train(task, leaves, max(TREES))
            for trees in TREES:
                setting = {"leaves": leaves, "trees": trees}
                yield setting, self._fit(model, task.classes, trees)

    def fit(self, task: Task, setting: Setting) -> Fit:
        trees = int(setting["trees"])
        model = self._train(task, int(setting["leaves"]), trees)
        return self._fit(model, task.classes, trees)

    def _train(self, task: Task, leaves: int, trees: int) -> Any:
        options: dict[str, Any] = {
            "learning_rate": LEARNING_RATE,
            "random_state": task.seed,
        }
        model: Any
        if self.lightgbm:
            from lightgbm import LGBMClassifier

            model = LGBMClassifier(
                n_estimators=trees, num_leaves=leaves, n_jobs=1, verbose=-1, **options
            )
        else:
            model = HistGradientBoostingClassifier(
                max_iter=trees, max_leaf_nodes=leaves, early_stopping=False, **options
            )
        features = task.features.numpy()
        return model.fit(features, task.labels, sample_weight=task.weight)

    def _fit(self, model: Any, classes: int, trees: int) -> Fit:
        # How many trees is the choice of the inner fold, so that all have converged.
        return Fit(_Predict(model, classes, trees), False, True, model)


class _Predict:
    """Logarithms of the probabilities after so many trees."""

    def __init__(self, model: Any, classes: int, trees: int) -> None:
        self.model, self.classes, self.trees = model, classes, trees

    def __call__(self, features: Tensor) -> Tensor:
        x = features.numpy()
        with warnings.catch_warnings():
            # LightGBM names the columns itself, and then misses the names.
            warnings.simplefilter("ignore", UserWarning)
            if hasattr(self.model, "booster_"):
                probs = self.model.predict_proba(x, num_iteration=self.trees)
            else:
                stages = enumerate(self.model.staged_predict_proba(x), 1)
                probs = next(p for step, p in stages if step >= self._steps())
        return log_probs(probs, self.model.classes_, self.classes)

    def _steps(self) -> int:
        return min(self.trees, int(self.model.n_iter_))


def log_probs(probs: Any, present: Any, classes: int) -> Tensor:
    """Logarithms of probabilities for all classes, also those that were not trained."""
    whole = np.full((len(probs), classes), 0.0)
    whole[:, np.asarray(present, dtype=int)] = probs
    smallest = np.finfo(np.float64).tiny
    return torch.from_numpy(np.log(np.maximum(whole, smallest)))

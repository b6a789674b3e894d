"""A linear model, trained to its optimum."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from torch import Tensor
from torch.nn.functional import cross_entropy

from .learner import ALL, Fit, Learner, Rows, Setting, Task

PENALTIES = (100.0, 10.0, 1.0, 0.1, 0.01)
GAP = 1e-4
"""The largest gap to the optimum, relative to it, that counts as converged."""
RESTARTS = 4


class Linear(Learner):
    """A linear model with an L2 penalty, trained by L-BFGS on all examples at once.

    The penalty `strength / (2 n)` times the squared weights is that of multinomial
    logistic regression in scikit-learn at `C = 1 / strength`. Biases are free.
    """

    name = "linear"
    inner_folds = 3
    any_loss = True
    words = (
        "linear: L-BFGS from 0 until the estimated gap to the optimum is below "
        f"{GAP:.2%}, for a loss that is not convex also from the solution of cross "
        "entropy, of which the lower one is taken; L2 penalty strength / (2n), "
        "strength one of "
        f"{', '.join(f'{p:g}' for p in PENALTIES)}, that of scikit-learn's C = 1 / "
        "strength"
    )

    def path(self, task: Task) -> Iterator[tuple[Setting, Fit]]:
        start = probable = None
        for strength in PENALTIES:
            found = _optimum(task, task.loss, strength, start)
            if not task.convex:
                # From 0 such a loss may end where it always decides the same.
                probable = _optimum(task, _cross_entropy(task), strength, probable)[1]
                other = _optimum(task, task.loss, strength, probable)
                found = min(found, other, key=lambda one: one[0])
            start = found[1] if np.isfinite(found[0]) else None
            yield {"penalty": strength}, _fit(task, found)

    def fit(self, task: Task, setting: Setting) -> Fit:
        if task.convex:
            found = _optimum(task, task.loss, setting["penalty"], None)
            return _fit(task, found)
        return next(fit for at, fit in self.path(task) if at == setting)


Weights = NDArray[np.float64]
Optimum = tuple[float, Weights, bool]
"""Value of the objective, weights with the bias last, whether it converged."""


def _cross_entropy(task: Task) -> Callable[[Tensor, Rows], Tensor]:
    """The log loss of the classes, on the first outputs."""
    labels = torch.as_tensor(task.labels)

    def loss(outputs: Tensor, rows: Rows) -> Tensor:
        return cross_entropy(outputs[:, : task.classes], labels[rows])

    return loss


def _optimum(
    task: Task,
    loss: Callable[[Tensor, Rows], Tensor],
    strength: float,
    start: Weights | None,
) -> Optimum:
    features = task.features
    columns, outputs = features.shape[1], task.outputs
    penalty = strength / len(features)

    def objective(flat: Weights) -> tuple[float, Weights]:
        weights = torch.from_numpy(flat.reshape(columns + 1, outputs))
        scores = torch.addmm(weights[-1], features, weights[:-1]).requires_grad_()
        value = loss(scores, ALL)
        (of_scores,) = torch.autograd.grad(value, scores)
        gradient = torch.cat(
            [
                features.T @ of_scores + penalty * weights[:-1],
                of_scores.sum(0, keepdim=True),
            ]
        )
        total = value.detach() + penalty / 2 * weights[:-1].square().sum()
        return float(total), gradient.numpy().ravel()

    flat = np.zeros((columns + 1) * outputs) if start is None else start.ravel()
    before, converged = np.inf, False
    # Near a kink a line search may fail; a fresh start from there often goes on.
    for _ in range(RESTARTS):
        found = minimize(
            objective,
            flat,
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": 500, "maxcor": 20, "ftol": 1e-11, "gtol": 1e-7},
        )
        value = float(found.fun)
        if not np.isfinite(value) or not np.isfinite(found.x).all():
            return np.inf, flat.reshape(columns + 1, outputs), False
        flat = found.x
        converged = min(_gap(found), (before - value) / max(value, 1e-9)) <= GAP
        if converged:
            break
        before = value
    return value, flat.reshape(columns + 1, outputs), converged


def _gap(found: Any) -> float:
    """An estimate of how far the objective is above its optimum, relative to it.

    Half the gradient times the step that Newton's method would take, with the inverse
    of the second derivatives as L-BFGS knows them.
    """
    decrement = 0.5 * float(found.jac @ (found.hess_inv @ found.jac))
    return abs(decrement) / max(abs(float(found.fun)), 1e-9)


def _fit(task: Task, found: Optimum) -> Fit:
    value, weights, converged = found
    return Fit(_Predict(weights), not np.isfinite(value), converged, weights)


class _Predict:
    """Outputs of a linear model; a class, so that it can go to another process."""

    def __init__(self, weights: Weights) -> None:
        self.weights = torch.from_numpy(weights)

    def __call__(self, features: Tensor) -> Tensor:
        return torch.addmm(self.weights[-1], features, self.weights[:-1])

"""What a model is to the comparison: something that a loss trains."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

Setting = Mapping[str, float]
"""Values of the hyper-parameters that are tuned, by name."""
Rows = Tensor | slice
"""Which examples of a task: their numbers, or all."""
ALL = slice(None)


@dataclass(frozen=True)
class Task:
    """What is to be learned.

    Attributes:
        features: The training examples, float64, shape `(examples, columns)`.
        labels: Their classes, int64, shape `(examples,)`.
        classes: Number of classes.
        outputs: Number of outputs of the model.
        loss: Function of the outputs of some examples, and which, to the mean loss.
        weight: How much each example counts in the loss, `(examples,)`, for models
            that know cross entropy only.
        convex: Whether the loss is convex in the outputs.
        seed: Seed of the initial weights.
    """

    features: Tensor
    labels: NDArray[np.int64]
    classes: int
    outputs: int
    loss: Callable[[Tensor, Rows], Tensor]
    weight: NDArray[np.float64]
    convex: bool
    seed: int


@dataclass(frozen=True)
class Fit:
    """A trained model.

    Attributes:
        predict: Function of features `(examples, columns)` to outputs
            `(examples, outputs)`.
        failed: Whether the objective or a weight is not finite.
        converged: Whether more training would hardly lower the objective.
        state: What the model consists of, to be kept.
    """

    predict: Callable[[Tensor], Tensor]
    failed: bool
    converged: bool
    state: Any


class Learner(ABC):
    """A kind of model with a path of settings.

    Attributes:
        name: Its name in tables.
        words: How it is trained and tuned, in words.
        inner_folds: On how many inner folds its settings are tried; 1 for a quarter
            of the examples put aside.
        any_loss: Whether it can train any loss; else cross entropy with weights only.
    """

    name: str
    words: str
    inner_folds: int
    any_loss: bool

    @abstractmethod
    def path(self, task: Task) -> Iterator[tuple[Setting, Fit]]:
        """A model for each setting, in an order that lets each start from the last."""

    @abstractmethod
    def fit(self, task: Task, setting: Setting) -> Fit:
        """The model of one setting."""

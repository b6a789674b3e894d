"""The losses that wrong labels mislead less, as modules."""

from torch import Tensor

import costfn
from costfn import Reduction
from costfn.front_end import ArrayLike

from .._foundation.base import LossModule
from .._foundation.habits import IgnoreIndex, habits_of_examples
from .._foundation.per_example import per_example

__all__ = [
    "GeneralizedCrossEntropyLoss",
    "PolyLoss",
    "SymmetricCrossEntropyLoss",
]


class GeneralizedCrossEntropyLoss(LossModule):
    """Module of `costfn.generalized_cross_entropy_loss`, which says what `q` is."""

    def __init__(
        self,
        *,
        q: float | Tensor = 0.7,
        weight: Tensor | ArrayLike | None = None,
        ignore_index: IgnoreIndex = -100,
        label_smoothing: float = 0.0,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            costfn.generalized_cross_entropy_loss,
            per_example,
            options={"q": q},
            habits=habits_of_examples(weight, ignore_index, label_smoothing, reduction),
        )


class SymmetricCrossEntropyLoss(LossModule):
    """Module of `costfn.symmetric_cross_entropy_loss`, with its options."""

    def __init__(
        self,
        *,
        alpha: float | Tensor = 0.1,
        beta: float | Tensor = 1.0,
        log_zero: float | Tensor = -4.0,
        weight: Tensor | ArrayLike | None = None,
        ignore_index: IgnoreIndex = -100,
        label_smoothing: float = 0.0,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            costfn.symmetric_cross_entropy_loss,
            per_example,
            options={"alpha": alpha, "beta": beta, "log_zero": log_zero},
            habits=habits_of_examples(weight, ignore_index, label_smoothing, reduction),
        )


class PolyLoss(LossModule):
    """Module of `costfn.poly_loss`, which documents the options."""

    def __init__(
        self,
        *,
        epsilon: float | Tensor = 1.0,
        weight: Tensor | ArrayLike | None = None,
        ignore_index: IgnoreIndex = -100,
        label_smoothing: float = 0.0,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            costfn.poly_loss,
            per_example,
            options={"epsilon": epsilon},
            habits=habits_of_examples(weight, ignore_index, label_smoothing, reduction),
        )

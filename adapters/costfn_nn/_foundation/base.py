"""The class that all modules of losses are of."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

from .held import as_text, held, hold, shown


class LossModule(nn.Module):
    """A function of `costfn` with its options, behind the habits of `torch.nn`.

    The module of a loss has a typed signature and passes on what it was given:

    - `loss`: the function;
    - `evaluate`: how it is called, `per_example`, `per_label` or `counted`. It takes
      the function, its options, the batch, and the habits by name;
    - `options`: the function's own, by the names that they have there;
    - `habits`: what the function does not know: class weights, labels to ignore, label
      smoothing, the reduction of losses per example.
    """

    def __init__(
        self,
        loss: Callable[..., Tensor],
        evaluate: Callable[..., Tensor],
        *,
        options: Mapping[str, object],
        habits: Mapping[str, object],
    ) -> None:
        # `nn.Module` has another metaclass than ABC, so abstract methods stop nobody.
        if type(self) is LossModule:
            raise TypeError(
                "LossModule must be the base of a module with a signature of its own, "
                "such as costfn_nn.FocalLoss, got LossModule itself, which is abstract"
            )
        super().__init__()
        self._loss, self._evaluate = loss, evaluate
        self._options, self._habits = tuple(options), tuple(habits)
        for name, value in (*habits.items(), *options.items()):
            if value is None and name in ("weight", "pos_weight", "class_weight"):
                self.register_buffer(name, None)  # as torch has it: a place for one
            else:
                hold(self, name, value)

    def forward(
        self,
        logits: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        where: Tensor | None = None,
    ) -> Tensor:
        """Loss of a batch: a scalar, or as `reduction` and `average` say.

        `sample_weight` and `where` (what to keep) have an entry for each example or
        pixel, the shape of labels, or one for each entry of axis 0; where there are
        several labels, also one for each of them.
        """
        options = {name: held(self, name) for name in self._options}
        habits: dict[str, Any] = {name: held(self, name) for name in self._habits}
        return self._evaluate(
            self._loss,
            options,
            logits,
            target,
            sample_weight=sample_weight,
            where=where,
            **habits,
        )

    def extra_repr(self) -> str:
        """The options, but those that are not set, as None is their default."""
        parameters = inspect.signature(type(self)).parameters
        unset = {name for name, p in parameters.items() if p.default is None}
        options = shown(self)
        return as_text(
            {n: x for n, x in options.items() if n not in unset or x != repr(None)}
        )

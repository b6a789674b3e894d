"""One forward and backward pass, which has all that closed forms need.

The model runs under `vmap`, which tells the axis of the samples in every tensor. The
backward pass is an ordinary one of all samples at once. It stops at the outputs of the
layers that hold the parameters: from there gradients have closed forms.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor

from .._foundation.math import upcast
from ._chunk_size import chunk_size
from ._closed_forms import inner_products, squared_norms
from ._factors import ParameterUse
from ._gradient_problem import GradientProblem, as_tuple
from ._gradients import flat, streamed
from ._known_losses import returns_one_loss_per_sample
from ._layer_gradients import gradients, squared_lengths
from ._options import Inputs, Params, Targets
from ._parameter_watch import LayerUse, ParameterWatch, UnseenUseError
from ._trees import tensors, unmarked
from ._vmap import RefusedError

Result = TypeVar("Result")


class Pass:
    """A pass over some samples. It knows their gradients without forming them.

    Attributes:
        size: Number of samples.
        losses: The loss of each sample, with its graph if `keep` was true.
        parameters: The parameters in that graph.
        total: The sum of the gradients, if it was asked for.
        uses: For each parameter its uses by layers that have closed forms.
        copies: For each other parameter the gradients by a copy for each sample.
    """

    def __init__(
        self,
        problem: GradientProblem,
        x: Inputs,
        y: Targets,
        *,
        total: bool = False,
        keep: bool = False,
    ) -> None:
        self.parameters = _leaves_of(problem.parameters)
        stand_ins = _leaves_of(problem.parameters)
        watch = ParameterWatch(stand_ins, self.parameters)
        self.size = len(next(tensors((x, y))))
        device = next(iter(stand_ins.values())).device
        zero = torch.zeros(self.size, device=device)

        # Such a loss runs on the whole batch after the model, which is faster.
        loss_of_batch = returns_one_loss_per_sample(problem.loss)

        def of_one(given: tuple[Inputs, Params, Tensor], y: Targets) -> Any:
            watch.start(*given[1:])
            with watch:
                prediction = problem.predict(stand_ins, given[0])
            return prediction if loss_of_batch else problem.sample_loss(prediction, y)

        with torch.enable_grad():
            copies = {
                n: p.expand(self.size, *p.shape) for n, p in self.parameters.items()
            }
            found = problem.map_samples(of_one, (x, copies, zero), y)
            if loss_of_batch:
                found = problem.loss(found.flatten(0, 1), *unmarked(as_tuple(y)))
                found = found.reshape(self.size, -1).sum(1)
            self.losses: Tensor = found
            copies = {n: copies[n] for n in watch.copied}
            ends = [
                *(use.output for use in watch.uses),
                *copies.values(),
                *stand_ins.values(),
                *(self.parameters.values() if total else ()),
            ]
            slopes = iter(_gradients(self.losses.sum(), ends, keep))
        cotangents = [next(slopes) for _ in watch.uses]
        self.copies = {n: g for n in copies if (g := next(slopes)) is not None}
        if any(next(slopes) is not None for _ in stand_ins):
            raise UnseenUseError(
                "a parameter is used in a call that cannot be followed"
            )
        self.total = _or_zeros(self.parameters, slopes) if total else {}
        self.uses: dict[str, list[ParameterUse]] = {}
        for use, cotangent in zip(watch.uses, cotangents, strict=True):
            if cotangent is not None:
                self._note(use, cotangent)

    def _note(self, use: LayerUse, cotangent: Tensor) -> None:
        if use.input._version != use.version:
            raise UnseenUseError("the input of a layer is written to after its call")
        input = use.input.detach().movedim(use.axis, 0)
        cotangent = cotangent.movedim(use.output_axis, 0)
        for name, is_bias in ((use.weight, False), (use.bias, True)):
            if name is not None:
                found = ParameterUse(use.layer, is_bias, input, cotangent)
                self.uses.setdefault(name, []).append(found)

    def squares(self) -> dict[str, Tensor]:
        """The squared norm of each sample's gradient, by name of the parameter."""
        return {name: self._square(name, p) for name, p in self.parameters.items()}

    def _square(self, name: str, parameter: Tensor) -> Tensor:
        if name in self.copies:
            return squared_lengths(self.gradients_of_copied(name))
        if name in self.uses:
            return squared_norms(self.uses[name])
        zeros: Tensor = upcast(parameter.detach()).abs().new_zeros(self.size)
        return zeros

    def inner_products(self, directions: Sequence[Params]) -> Tensor:
        """Inner products of each sample's gradient with directions."""
        found = self.losses.detach().new_zeros(self.size, len(directions))
        found = upcast(found)
        for name in self.parameters:
            vectors = torch.stack([d[name] for d in directions])
            if name in self.uses:
                found = found + inner_products(self.uses[name], vectors)
            if name in self.copies:
                rows, vectors = flat({"": self.copies[name]}), flat({"": vectors})
                found = found + upcast(rows) @ upcast(vectors).mT
        return found

    def weighted(self, weights: Tensor) -> Params:
        """The weighted sum of the gradients; the graph must have been kept."""
        values = list(self.parameters.values())
        with torch.enable_grad():
            found = _gradients(self.losses @ weights.to(self.losses.dtype), values)
        return _or_zeros(self.parameters, found)

    def gradients_of_copied(self, name: str) -> Tensor:
        """The gradients by a parameter in `copies`, `(N, *shape)`."""
        found = upcast(self.copies[name])
        return found + gradients(self.uses[name]) if name in self.uses else found


def _leaves_of(parameters: Params) -> Params:
    """New leaves of a graph with these values.

    They require gradients, because some modules take a faster path without derivatives
    if their parameters do not.
    """
    return {n: p.detach().requires_grad_() for n, p in parameters.items()}


def _gradients(
    value: Tensor, ends: Sequence[Any], keep: bool = False
) -> tuple[Tensor | None, ...]:
    """Gradients by tensors and by places in the graph."""
    if not value.requires_grad:
        return (None,) * len(ends)
    found: tuple[Tensor | None, ...] = torch.autograd.grad(
        value, ends, allow_unused=True, retain_graph=keep
    )
    return found


def _or_zeros(parameters: Params, found: Iterable[Tensor | None]) -> Params:
    pairs = zip(parameters.items(), found, strict=True)
    return {
        n: torch.zeros_like(p) if g is None else g.to_dense() for (n, p), g in pairs
    }


def map_passes(
    problem: GradientProblem,
    of_pass: Callable[[slice, Pass], Result],
    of_gradients: Callable[[slice, Params], Result],
    *,
    total: bool = False,
    keep: bool = False,
) -> list[Result]:
    """Results for all chunks, from a pass over each or from its formed gradients.

    Gradients are formed if a parameter is used where a pass cannot follow it, or if
    `vmap` cannot run a function with a copy of the parameter for each sample.

    Args:
        problem: The problem.
        of_pass: The result from the slice of a chunk and the pass over it.
        of_gradients: The same result from the gradients of its samples.
        total: Whether passes must have the sum of the gradients.
        keep: Whether passes must keep their graph.
    """
    with torch.no_grad():
        if not (problem.mode.without_vmap or problem.mode.own_backward):
            try:
                return [
                    of_pass(rows, Pass(problem, x, y, total=total, keep=keep))
                    for rows, x, y in problem.chunks(chunk_size(problem))
                ]
            except (RefusedError, torch.OutOfMemoryError):
                raise
            except RuntimeError:
                pass
        return [of_gradients(rows, part) for rows, part in streamed(problem)]

"""One pass over some samples, after which each sample's gradient can be asked about.

The model runs under `vmap`, so that it is known which axis holds the samples, and the
backward pass is an ordinary one, of all samples at once. It stops at what the layers
gave: from there on gradients have closed forms.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.autograd.graph import GradientEdge, get_gradient_edge

from .._foundation.math import upcast
from ._closed_forms import Seen, along, gradients, squared_lengths, squared_norms
from ._functional import Inputs, Params, RefusedError, Targets
from ._gradients import flat, streamed
from ._problem import Problem, as_tuple
from ._trees import plain, tensors
from ._trial import gives_each_loss
from ._uses import UnseenUseError, Use, Watch

_NUMBERS = 2**24  # held at a time on a CPU; on an accelerator more
_BEYOND = 64  # numbers that a model holds for each number of its input, about

Result = TypeVar("Result")


class Pass:
    """The gradients of some samples, not formed.

    Attributes:
        size: Number of samples.
        losses: Of the samples, with their graph if it was to be kept.
        parameters: The parameters in that graph.
        total: The sum of the gradients, if it was asked for.
    """

    def __init__(
        self,
        made: Problem,
        x: Inputs,
        y: Targets,
        *,
        total: bool = False,
        keep: bool = False,
    ) -> None:
        self.parameters = _leaves_of(made.parameters)
        stand_ins = _leaves_of(made.parameters)
        watch = Watch(stand_ins, self.parameters)
        self.size = len(next(tensors((x, y))))
        device = next(iter(stand_ins.values())).device
        zero = torch.zeros(self.size, device=device)

        apart = gives_each_loss(made.loss)

        def of_one(given: tuple[Inputs, Params, Tensor], y: Targets) -> Any:
            watch.start(*given[1:])
            with watch:
                prediction = made.predict(stand_ins, given[0])
            return prediction if apart else made.judge(prediction, y)

        with torch.enable_grad():
            copies = {
                n: p.expand(self.size, *p.shape) for n, p in self.parameters.items()
            }
            found = made.over_samples(of_one, (x, copies, zero), y)
            if apart:
                found = made.loss(found.flatten(0, 1), *plain(as_tuple(y)))
                found = found.reshape(self.size, -1).sum(1)
            self.losses: Tensor = found
            copies = {n: copies[n] for n in watch.elsewhere}
            ends = [
                *(use.output for use in watch.uses),
                *map(get_gradient_edge, copies.values()),
                *map(get_gradient_edge, stand_ins.values()),
                *map(get_gradient_edge, self.parameters.values() if total else ()),
            ]
            slopes = iter(_gradients(self.losses.sum(), ends, keep))
        cotangents = [next(slopes) for _ in watch.uses]
        self.copies = {n: g for n in copies if (g := next(slopes)) is not None}
        if any(next(slopes) is not None for _ in stand_ins):
            raise UnseenUseError("a parameter is used where this cannot be seen")
        self.total = _or_zeros(self.parameters, slopes) if total else {}
        self.seen: dict[str, list[Seen]] = {}
        for use, cotangent in zip(watch.uses, cotangents, strict=True):
            if cotangent is not None:
                self._note(use, cotangent)

    def _note(self, use: Use, cotangent: Tensor) -> None:
        if use.input._version != use.version:
            raise UnseenUseError("the input of a layer is written to after its call")
        input = use.input.detach().movedim(use.axis, 0)
        cotangent = cotangent.movedim(use.output_axis, 0)
        for name, is_bias in ((use.weight, False), (use.bias, True)):
            if name is not None:
                seen = Seen(use.layer, is_bias, input, cotangent)
                self.seen.setdefault(name, []).append(seen)

    def squares(self) -> dict[str, Tensor]:
        """The squared norm of each sample's gradient, by name of the parameter."""
        return {name: self._square(name, p) for name, p in self.parameters.items()}

    def _square(self, name: str, parameter: Tensor) -> Tensor:
        if name in self.copies:
            return squared_lengths(self.formed(name))
        if name in self.seen:
            return squared_norms(self.seen[name])
        zeros: Tensor = upcast(parameter.detach()).abs().new_zeros(self.size)
        return zeros

    def along(self, directions: Sequence[Params]) -> Tensor:
        """Inner products of each sample's gradient, `(samples, directions)`."""
        found = self.losses.detach().new_zeros(self.size, len(directions))
        found = upcast(found)
        for name in self.parameters:
            vectors = torch.stack([d[name] for d in directions])
            if name in self.seen:
                found = found + along(self.seen[name], vectors)
            if name in self.copies:
                rows, vectors = flat({"": self.copies[name]}), flat({"": vectors})
                found = found + upcast(rows) @ upcast(vectors).mT
        return found

    def weighted(self, weights: Tensor) -> Params:
        """The weighted sum of the gradients, by the graph that was kept."""
        values = [get_gradient_edge(p) for p in self.parameters.values()]
        with torch.enable_grad():
            found = _gradients(self.losses @ weights.to(self.losses.dtype), values)
        return _or_zeros(self.parameters, found)

    def formed(self, name: str) -> Tensor:
        """The gradients by a parameter of which copies were used, `(N, *shape)`."""
        found = upcast(self.copies[name])
        return found + gradients(self.seen[name]) if name in self.seen else found


def _leaves_of(parameters: Params) -> Params:
    """Values apart. They require gradients: modules ask, to choose another way."""
    return {n: p.detach().requires_grad_() for n, p in parameters.items()}


def _gradients(
    value: Tensor, ends: Sequence[GradientEdge], keep: bool = False
) -> tuple[Tensor | None, ...]:
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


def over_passes(
    made: Problem,
    of_pass: Callable[[slice, Pass], Result],
    of_gradients: Callable[[slice, Params], Result],
    *,
    total: bool = False,
    keep: bool = False,
) -> list[Result]:
    """What is asked of a pass over each chunk, or of the gradients, formed.

    They are formed where a model has uses of parameters that are not seen, or
    functions that `vmap` can run with one parameter for all samples alone.
    """
    with torch.no_grad():
        if not (made.way.looped or made.way.backward):
            try:
                return [
                    of_pass(rows, Pass(made, x, y, total=total, keep=keep))
                    for rows, x, y in made.chunks(_chunk(made))
                ]
            except (RefusedError, torch.OutOfMemoryError):
                raise
            except RuntimeError:
                pass
        return [of_gradients(rows, part) for rows, part in streamed(made)]


def _chunk(made: Problem) -> int:
    """Samples at a time, by about what one of them needs."""
    first = next(tensors((made.x, made.y)))
    # Convolutions keep the positions of an image in every channel.
    numbers = first[0].numel() * _BEYOND * (2 if first.ndim > 2 else 1)
    if not first.is_floating_point():
        # A number for each of the vocabulary at each place.
        widest = max(max(p.shape, default=1) for p in made.parameters.values())
        numbers = max(numbers, first[0].numel() * widest)
    budget = _NUMBERS if first.device.type == "cpu" else 16 * _NUMBERS
    return max(1, budget // max(1, numbers))

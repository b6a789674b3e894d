"""Records the calls that use parameters in an ordinary training step.

The calls of torch's functions are recorded, so a weight may be tied or used outside its
module. Tensors that are computed from parameters alone, such as `weight.t()`, count as
parameters in later calls.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from ._options import Params
from ._substitute_calls import (
    normalized,
    not_repeatable,
    repeatable,
    scale_and_shift,
    without_mixing,
)
from ._trees import flatten, tensors


@dataclass(frozen=True)
class SampleAxis:
    """The axis of a tensor that holds the samples.

    Attributes:
        dim: The axis.
        entries: How many entries each sample has on it, such as the frames of a film.
        interleaved: Whether the entries of one sample are apart: first entry of all
            samples, second entry of all samples, and so on.
    """

    dim: int
    entries: int = 1
    interleaved: bool = False

    def samples_first(self, value: Tensor) -> Tensor:
        """The tensor with samples on a new first axis."""
        size = value.shape[self.dim] // self.entries
        both = (self.entries, size) if self.interleaved else (size, self.entries)
        before, after = value.shape[: self.dim], value.shape[self.dim + 1 :]
        parts = value.reshape(*before, *both, *after)
        return parts.movedim(self.dim + self.interleaved, 0)

    def restored(self, rows: Tensor) -> Tensor:
        """The tensor in its own layout again; the inverse of `samples_first`."""
        parts = rows.movedim(0, self.dim + self.interleaved)
        before, after = parts.shape[: self.dim], parts.shape[self.dim + 2 :]
        return parts.reshape(*before, -1, *after)


@dataclass
class RecordedCall:
    """A call that uses parameters.

    Attributes:
        key: The function, its parameters, and the number of earlier such calls.
        func: The function, in a form that can be called again later.
        leaves: The tensors among the arguments, in order.
        rebuild: Makes the arguments from such tensors.
        sources: For each tensor how it comes from parameters; None if it does not.
        names: Names of the parameters.
        outputs: The tensors that the call returned.
        autocast: Device and dtype of the autocast around the call, if any.
        cotangents: Gradients by the outputs, filled in by the backward pass.
    """

    key: str
    func: Callable[..., Any]
    leaves: list[Tensor]
    rebuild: Callable[[list[Tensor]], Any]
    sources: list["ParameterSource | None"]
    names: frozenset[str]
    outputs: list[Tensor]
    autocast: tuple[str, torch.dtype] | None
    cotangents: dict[int, Tensor] = field(default_factory=dict)

    def outputs_at(self, params: Params, leaves: list[Tensor]) -> list[Tensor]:
        """The outputs for other parameters and tensors."""
        pairs = zip(self.sources, leaves, strict=True)
        args, kwargs = self.rebuild([s.at(params) if s else v for s, v in pairs])
        if self.autocast is None:
            return _floating(self.func(*args, **kwargs))
        with torch.autocast(*self.autocast):
            return _floating(self.func(*args, **kwargs))


@dataclass(frozen=True)
class ParameterSource:
    """How a tensor is computed from parameters: `at` computes it for other values."""

    label: str
    names: frozenset[str]
    at: Callable[[Params], Tensor]


class CallRecorder(TorchFunctionMode):
    """Passes calls that use parameters to `on_call`, while `listening`.

    Attributes:
        derived: Keys of calls that see parameters only. Their results count as
            parameters too, and they are not passed on.
        on_call: Called with each other call.
        listening: Whether a forward pass is running.
        dry_run: Whether to replace calls that draw random numbers or mix samples.
    """

    def __init__(
        self,
        parameters: Params,
        on_call: Callable[[RecordedCall], None],
        *,
        dry_run: bool = False,
    ) -> None:
        super().__init__()
        self.dry_run = dry_run
        self.derived: set[str] = set()
        self.on_call = on_call
        self.listening = False
        self._own = {
            id(p): ParameterSource(name, frozenset([name]), _getter(name))
            for name, p in parameters.items()
        }
        self._sources = dict(self._own)
        self._seen: Counter[str] = Counter()
        self._kept: list[Tensor] = []

    def begin(self) -> None:
        """To be called before a forward pass."""
        self._sources, self._kept = dict(self._own), []
        self._seen.clear()
        self.listening = True

    def end(self) -> None:
        """To be called after a forward pass."""
        self.listening = False
        self._sources, self._kept = dict(self._own), []

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if not self.listening or not torch.is_grad_enabled():
            return func(*args, **kwargs)
        if self.dry_run:
            func, args, kwargs = without_mixing(func, args, kwargs)
        if not any(id(t) in self._sources for t in tensors((args, kwargs))):
            return func(*args, **kwargs)
        before = _random_state()
        out = func(*args, **kwargs)
        outputs = _floating(out)
        if any(t.requires_grad for t in outputs):
            drawn = not torch.equal(before, _random_state())
            if func is functional.batch_norm:
                func, args, kwargs = scale_and_shift, normalized(*args, **kwargs), {}
            self._take(func, (args, kwargs), outputs, drawn)
        return out

    def _take(self, func: Any, given: Any, outputs: list[Tensor], drawn: bool) -> None:
        leaves, joined = flatten(given)
        sources = [self._sources.get(id(leaf)) for leaf in leaves]
        held = [source for source in sources if source]
        label = f"{func.__name__}({', '.join(s.label for s in held)})"
        key = f"{label}#{self._seen[label]}"
        self._seen[label] += 1
        names = frozenset().union(*(source.names for source in held))
        fixed = [leaf.detach() for leaf in leaves]
        autocast = _autocast(outputs[0].device.type)
        call = RecordedCall(key, func, fixed, joined, sources, names, outputs, autocast)
        if key in self.derived:
            for place, output in enumerate(outputs):
                source = ParameterSource(
                    f"{key}[{place}]", names, _output_of(call, place)
                )
                self._sources[id(output)] = source
            # Sources are found by `id`, which another tensor gets if this one is freed.
            self._kept += outputs
        elif drawn:
            self.on_call(replace(call, func=not_repeatable))
        else:
            self.on_call(replace(call, func=repeatable(func)))


def _autocast(device: str) -> tuple[str, torch.dtype] | None:
    if not torch.is_autocast_enabled(device):
        return None
    return device, torch.get_autocast_dtype(device)


def _floating(tree: Any) -> list[Tensor]:
    return [t for t in tensors(tree) if t.is_floating_point() or t.is_complex()]


def _random_state() -> Tensor:
    states = [torch.get_rng_state()]
    cuda: Any = torch.cuda
    if cuda.is_initialized():
        states.append(torch.cuda.get_rng_state())
    return torch.cat(states)


def _getter(name: str) -> Callable[[Params], Tensor]:
    return lambda params: params[name]


def _output_of(call: RecordedCall, place: int) -> Callable[[Params], Tensor]:
    return lambda params: call.outputs_at(params, call.leaves)[place]

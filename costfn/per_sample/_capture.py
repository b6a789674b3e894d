"""Calls that use parameters, as an ordinary training step makes them.

A call is seen on its way through torch's functions, so that a weight may be tied, or
used outside of its module. What is made of parameters alone, as `weight.t()`, stands
for them in later calls.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from ._functional import Params
from ._stand_ins import again, normalized, row_by_row, scaled, unknown
from ._trees import split, tensors


@dataclass(frozen=True)
class Axis:
    """Where samples are in a tensor.

    Attributes:
        place: The axis.
        times: Entries of each sample on it, as the frames of a film.
        apart: Whether the entries of one sample are not side by side.
    """

    place: int
    times: int = 1
    apart: bool = False

    def rows(self, value: Tensor) -> Tensor:
        """The tensor with samples on a new first axis."""
        size = value.shape[self.place] // self.times
        both = (self.times, size) if self.apart else (size, self.times)
        before, after = value.shape[: self.place], value.shape[self.place + 1 :]
        parts = value.reshape(*before, *both, *after)
        return parts.movedim(self.place + self.apart, 0)

    def joined(self, rows: Tensor) -> Tensor:
        """The tensor from its samples on a first axis."""
        parts = rows.movedim(0, self.place + self.apart)
        before, after = parts.shape[: self.place], parts.shape[self.place + 2 :]
        return parts.reshape(*before, -1, *after)


@dataclass
class Call:
    """A call that uses parameters.

    Attributes:
        key: What is called with which parameters, and the how manieth time.
        func: What is called.
        leaves: Tensors among the arguments, in order.
        joined: From such tensors to the arguments.
        slots: For each tensor how it is made of parameters, or None.
        names: Of the parameters.
        outputs: Tensors that it gave.
        precision: Device and dtype of an autocast that it is under, if any.
        cotangents: Gradients by the outputs, as they come.
    """

    key: str
    func: Callable[..., Any]
    leaves: list[Tensor]
    joined: Callable[[list[Tensor]], Any]
    slots: list["Slot | None"]
    names: frozenset[str]
    outputs: list[Tensor]
    precision: tuple[str, torch.dtype] | None
    cotangents: dict[int, Tensor] = field(default_factory=dict)

    def outputs_at(self, params: Params, leaves: list[Tensor]) -> list[Tensor]:
        """What it gives for other parameters and tensors."""
        pairs = zip(self.slots, leaves, strict=True)
        args, kwargs = self.joined([s.at(params) if s else v for s, v in pairs])
        if self.precision is None:
            return _floating(self.func(*args, **kwargs))
        with torch.autocast(*self.precision):
            return _floating(self.func(*args, **kwargs))


@dataclass(frozen=True)
class Slot:
    """How a tensor is made of parameters."""

    label: str
    names: frozenset[str]
    at: Callable[[Params], Tensor]


class Capture(TorchFunctionMode):
    """Sees calls that use parameters while `listening`, and hands them on.

    Attributes:
        derived: Keys of calls that see no sample, and whose results are parameters too.
        note: Takes each other call.
        listening: Whether a forward pass is under way.
        trying: Whether nothing may be drawn, nor any sample seen by another.
    """

    def __init__(
        self,
        parameters: Params,
        note: Callable[[Call], None],
        *,
        trying: bool = False,
    ) -> None:
        super().__init__()
        self.trying = trying
        self.derived: set[str] = set()
        self.note = note
        self.listening = False
        self._own = {
            id(p): Slot(name, frozenset([name]), _getter(name))
            for name, p in parameters.items()
        }
        self._slots = dict(self._own)
        self._seen: Counter[str] = Counter()
        self._kept: list[Tensor] = []

    def begin(self) -> None:
        """A forward pass begins."""
        self._slots, self._kept = dict(self._own), []
        self._seen.clear()
        self.listening = True

    def end(self) -> None:
        """It ends."""
        self.listening = False
        self._slots, self._kept = dict(self._own), []

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if not self.listening or not torch.is_grad_enabled():
            return func(*args, **kwargs)
        if self.trying:
            func, args, kwargs = row_by_row(func, args, kwargs)
        if not any(id(t) in self._slots for t in tensors((args, kwargs))):
            return func(*args, **kwargs)
        before = _random_state()
        out = func(*args, **kwargs)
        outputs = _floating(out)
        if any(t.requires_grad for t in outputs):
            drawn = not torch.equal(before, _random_state())
            if func is functional.batch_norm:
                func, args, kwargs = scaled, normalized(*args, **kwargs), {}
            self._take(func, (args, kwargs), outputs, drawn)
        return out

    def _take(self, func: Any, given: Any, outputs: list[Tensor], drawn: bool) -> None:
        leaves, joined = split(given)
        slots = [self._slots.get(id(leaf)) for leaf in leaves]
        held = [slot for slot in slots if slot]
        label = f"{func.__name__}({', '.join(s.label for s in held)})"
        key = f"{label}#{self._seen[label]}"
        self._seen[label] += 1
        names = frozenset().union(*(slot.names for slot in held))
        fixed = [leaf.detach() for leaf in leaves]
        precision = _autocast(outputs[0].device.type)
        call = Call(key, func, fixed, joined, slots, names, outputs, precision)
        if key in self.derived:
            for place, output in enumerate(outputs):
                at = _maker(call, place)
                self._slots[id(output)] = Slot(f"{key}[{place}]", names, at)
            # While it lives no other tensor has its id.
            self._kept += outputs
        elif drawn:
            self.note(replace(call, func=unknown))
        else:
            self.note(replace(call, func=again(func)))


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


def _maker(call: Call, place: int) -> Callable[[Params], Tensor]:
    return lambda params: call.outputs_at(params, call.leaves)[place]

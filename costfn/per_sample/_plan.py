"""Where the samples are in the tensors of a model, found by batches of 2 and of 3."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from ._capture import Axis, Call, Capture
from ._functional import Params
from ._model import left_as_found
from ._stand_ins import unknown
from ._trees import each, tensors

_SIZES = 2, 3
_DEPTH = 9  # calls on parameters alone, one after the other


@dataclass(frozen=True)
class Part:
    """Where samples are in one call.

    Attributes:
        inputs: For each tensor among the arguments, or None if it has no samples.
        outputs: For each tensor that it gives.
    """

    inputs: list[Axis | None]
    outputs: list[Axis]


@dataclass
class Plan:
    """Where samples are in all calls that use parameters.

    Attributes:
        parts: By key of the call.
        derived: Keys of the calls that see no samples.
        unclear: Names of parameters of which it cannot be told.
    """

    parts: dict[str, Part]
    derived: set[str]
    unclear: set[str]


def plan_of(model: nn.Module, parameters: Params, args: Any, kwargs: Any) -> Plan:
    """Runs the model on a few of the samples, and leaves it as it was."""
    size = batch_size((args, kwargs))
    derived: set[str] = set()
    for _ in range(_DEPTH):
        few, more = (
            _calls(model, parameters, _some((args, kwargs), size, n), derived)
            for n in _SIZES
        )
        new = {
            key
            for key, call in few.items()
            if key in more and not _changes(call, more[key])
        }
        if not new:
            break
        derived |= new
    plan = Plan({}, derived, set())
    for key, call in few.items():
        part = _part(call, more[key]) if key in more else None
        if part is None:
            plan.unclear |= call.names
        else:
            plan.parts[key] = part
    return plan


def batch_size(given: Any) -> int:
    """The number of samples: the length of the first tensor."""
    return next((len(t) for t in tensors(given) if t.ndim), 1)


def _some(given: Any, size: int, number: int) -> Any:
    rows = torch.arange(number) % size

    def of_samples(t: Tensor) -> Tensor:
        return t[rows.to(t.device)] if t.ndim and len(t) == size else t

    return each(of_samples, given)


def _calls(
    model: nn.Module, parameters: Params, given: Any, derived: set[str]
) -> dict[str, Call]:
    found: dict[str, Call] = {}

    def note(call: Call) -> None:
        found[call.key] = call

    capture = Capture(parameters, note, trying=True)
    capture.derived = derived
    args, kwargs = given
    buffers = {name: b.clone() for name, b in model.named_buffers()}
    devices = {p.device for p in parameters.values() if p.device.type == "cuda"}
    with (
        torch.random.fork_rng(list(devices)),
        torch.enable_grad(),
        left_as_found(model),
        capture,
    ):
        capture.begin()
        functional_call(model, buffers, args, kwargs)
        capture.end()
    return found


def _changes(few: Call, more: Call) -> bool:
    """Whether any tensor has another shape with more samples."""
    pairs = zip([*few.leaves, *few.outputs], [*more.leaves, *more.outputs], strict=True)
    return any(a.shape != b.shape for a, b in pairs)


def _part(few: Call, more: Call) -> Part | None:
    try:
        inputs = [_axis(*p) for p in zip(few.leaves, more.leaves, strict=True)]
        found = [_axis(*p) for p in zip(few.outputs, more.outputs, strict=True)]
    except ValueError:
        return None
    outputs = [axis for axis in found if axis is not None]
    if len(outputs) < len(found) or few.func is not more.func or few.func is unknown:
        return None
    folded = next((a for a in inputs if a is not None and a.times > 1), None)
    if folded is None and any(axis.times > 1 for axis in outputs):
        return None
    return Part(inputs, [_same_order(a, folded) for a in outputs])


def _same_order(axis: Axis, folded: Axis | None) -> Axis:
    if folded is None or axis.times == 1:
        return axis
    return Axis(axis.place, axis.times, folded.apart)


def _axis(few: Tensor, more: Tensor) -> Axis | None:
    """The axis that grows with the number of samples; ValueError if it is not clear."""
    if few.shape == more.shape:
        return None
    a, b = _SIZES
    if few.ndim != more.ndim:
        raise ValueError
    pairs = enumerate(zip(few.shape, more.shape, strict=True))
    grown = [(place, m, n) for place, (m, n) in pairs if m != n]
    if len(grown) != 1 or grown[0][1] * b != grown[0][2] * a or grown[0][1] % a:
        raise ValueError
    place, length, _ = grown[0]
    times = length // a
    if times == 1:
        return Axis(place)
    for apart in (False, True):
        axis = Axis(place, times, apart)
        if _near(axis.rows(few), axis.rows(more)[:a]):
            return axis
    raise ValueError


def _near(some: Tensor, others: Tensor) -> bool:
    if not some.is_floating_point():
        return torch.equal(some, others)
    return torch.allclose(some, others, rtol=1e-3, atol=1e-5)

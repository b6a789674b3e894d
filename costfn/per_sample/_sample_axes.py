"""Finds the axis of the samples in every tensor that a model computes.

The model runs on 2 samples and on 3. The axis that grows holds the samples. Calls that
do not change with the number of samples see parameters only. The random numbers and the
modules are left as they were.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from ._call_recorder import CallRecorder, RecordedCall, SampleAxis
from ._model import left_as_found
from ._options import Params
from ._substitute_calls import not_repeatable
from ._trees import map_tensors, tensors

_SIZES = 2, 3
_DEPTH = 9  # the longest chain of calls on parameters alone that is followed


@dataclass(frozen=True)
class CallAxes:
    """The axes of samples in one call.

    Attributes:
        inputs: For each tensor among the arguments; None if it has no samples.
        outputs: For each tensor that the call returns.
    """

    inputs: list[SampleAxis | None]
    outputs: list[SampleAxis]


@dataclass
class SampleAxes:
    """The axes of samples in all calls that use parameters.

    Attributes:
        calls: The axes by key of the call.
        derived: Keys of the calls that see parameters only.
        unclear: Names of parameters in calls whose axes could not be found.
    """

    calls: dict[str, CallAxes]
    derived: set[str]
    unclear: set[str]


def find_sample_axes(
    model: nn.Module, parameters: Params, args: Any, kwargs: Any
) -> SampleAxes:
    """Runs the model on a few of the samples, and leaves it unchanged."""
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
    axes = SampleAxes({}, derived, set())
    for key, call in few.items():
        part = _part(call, more[key]) if key in more else None
        if part is None:
            axes.unclear |= call.names
        else:
            axes.calls[key] = part
    return axes


def batch_size(given: Any) -> int:
    """The number of samples: the length of the first tensor with an axis."""
    return next((len(t) for t in tensors(given) if t.ndim), 1)


def _some(given: Any, size: int, number: int) -> Any:
    rows = torch.arange(number) % size

    def of_samples(t: Tensor) -> Tensor:
        return t[rows.to(t.device)] if t.ndim and len(t) == size else t

    return map_tensors(of_samples, given)


def _calls(
    model: nn.Module, parameters: Params, given: Any, derived: set[str]
) -> dict[str, RecordedCall]:
    found: dict[str, RecordedCall] = {}

    def note(call: RecordedCall) -> None:
        found[call.key] = call

    recorder = CallRecorder(parameters, note, dry_run=True)
    recorder.derived = derived
    args, kwargs = given
    buffers = {name: b.clone() for name, b in model.named_buffers()}
    devices = {p.device for p in parameters.values() if p.device.type == "cuda"}
    with (
        torch.random.fork_rng(list(devices)),
        torch.enable_grad(),
        left_as_found(model),
        recorder,
    ):
        recorder.begin()
        functional_call(model, buffers, args, kwargs)
        recorder.end()
    return found


def _changes(few: RecordedCall, more: RecordedCall) -> bool:
    """Whether any tensor has another shape if there are more samples."""
    pairs = zip([*few.leaves, *few.outputs], [*more.leaves, *more.outputs], strict=True)
    return any(a.shape != b.shape for a, b in pairs)


def _part(few: RecordedCall, more: RecordedCall) -> CallAxes | None:
    try:
        inputs = [_axis(*p) for p in zip(few.leaves, more.leaves, strict=True)]
        found = [_axis(*p) for p in zip(few.outputs, more.outputs, strict=True)]
    except ValueError:
        return None
    outputs = [axis for axis in found if axis is not None]
    if (
        len(outputs) < len(found)
        or few.func is not more.func
        or few.func is not_repeatable
    ):
        return None
    folded = next((a for a in inputs if a is not None and a.entries > 1), None)
    if folded is None and any(axis.entries > 1 for axis in outputs):
        return None
    return CallAxes(inputs, [_same_order(a, folded) for a in outputs])


def _same_order(axis: SampleAxis, folded: SampleAxis | None) -> SampleAxis:
    if folded is None or axis.entries == 1:
        return axis
    return SampleAxis(axis.dim, axis.entries, folded.interleaved)


def _axis(few: Tensor, more: Tensor) -> SampleAxis | None:
    """The axis that grows with the number of samples, or None if there is none.

    Raises:
        ValueError: If it is not clear which axis it is.
    """
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
        return SampleAxis(place)
    for apart in (False, True):
        axis = SampleAxis(place, times, apart)
        if _near(axis.samples_first(few), axis.samples_first(more)[:a]):
            return axis
    raise ValueError


def _near(some: Tensor, others: Tensor) -> bool:
    if not some.is_floating_point():
        return torch.equal(some, others)
    return torch.allclose(some, others, rtol=1e-3, atol=1e-5)

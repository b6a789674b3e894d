"""What each sample contributes to the gradient in one training step.

It is computed from the recorded calls and the cotangents of their outputs: by closed
forms if all calls of a parameter have them, or else by derivatives of each call.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.func import jvp, vjp, vmap

from .._foundation.math import upcast
from ._call_recorder import RecordedCall, SampleAxis
from ._closed_forms import inner_products, squared_norms
from ._factors import ParameterUse
from ._layer_calls import FixedPadding, Layer, read
from ._layer_gradients import squared_lengths
from ._options import Params
from ._sample_axes import SampleAxes

_NUMBERS = 2**24  # how many numbers of gradients to form at a time


class StepContributions:
    """The contributions of the samples in one pass.

    Attributes:
        calls: The calls that have a cotangent.
        axes: The axes of samples in them.
        parameters: The values of the parameters.
        size: Number of samples.
    """

    def __init__(
        self,
        calls: Sequence[RecordedCall],
        axes: SampleAxes,
        parameters: Params,
        size: int,
    ) -> None:
        self.calls, self.axes, self.size = calls, axes, size
        self.parameters = parameters

    def squared_norms(self, names: set[str]) -> Tensor:
        """The squared length of each sample's contribution, over some parameters."""
        total = torch.zeros(self.size, dtype=torch.float64)
        for name in sorted(names):
            own = [call for call in self.calls if name in call.names]
            if own:
                total += _squared_norm(name, own, self.axes, self.parameters)
        return total

    def inner_products(self, direction: Params) -> Tensor:
        """The inner product of each sample's contribution with a direction."""
        total = torch.zeros(self.size, dtype=torch.float64)
        rest: set[str] = set()
        for name, vector in direction.items():
            own = [call for call in self.calls if name in call.names]
            uses = _closed_form_uses(name, own, self.axes)
            if uses is None:
                rest.add(name)
            elif uses:
                total += (
                    inner_products(uses, vector.unsqueeze(0)).squeeze(1).double().cpu()
                )
        return total + self._by_derivatives({n: direction[n] for n in sorted(rest)})

    def _by_derivatives(self, direction: Params) -> Tensor:
        total = torch.zeros(self.size, dtype=torch.float64)
        for call in self.calls:
            at = {n: self.parameters[n] for n in call.names if n in direction}
            vector = {n: direction[n].to(p) for n, p in at.items()}
            if not at:
                continue

            def outputs(some: Params, call: RecordedCall = call) -> list[Tensor]:
                return call.outputs_at({**self.parameters, **some}, call.leaves)

            with FixedPadding():
                moved = jvp(outputs, (at,), (vector,))[1]
            for place, cotangent in call.cotangents.items():
                product = upcast(moved[place]) * upcast(cotangent)
                rows = self.axes.calls[call.key].outputs[place].samples_first(product)
                total += rows.flatten(1).sum(1).double().cpu()
        return total


def _squared_norm(
    name: str, calls: Sequence[RecordedCall], axes: SampleAxes, parameters: Params
) -> Tensor:
    uses = _closed_form_uses(name, calls, axes)
    if uses is None:
        return _from_gradients(name, calls, axes, parameters)
    return squared_norms(uses).double().cpu()


def _closed_form_uses(
    name: str, calls: Sequence[RecordedCall], axes: SampleAxes
) -> list[ParameterUse] | None:
    """The uses of a parameter; None if a use has no closed form."""
    found = []
    for call in calls:
        use = _call_use(name, call, axes)
        if use is None:
            return None
        layer, is_bias, place, samples = use
        input = samples.samples_first(call.leaves[place])
        cotangent = axes.calls[call.key].outputs[0].samples_first(call.cotangents[0])
        found.append(ParameterUse(layer, is_bias, input, cotangent))
    return found


class _CallUse(NamedTuple):
    """A parameter's use in a call that has a closed form."""

    layer: Layer
    is_bias: bool
    input: int
    samples: SampleAxis


def _call_use(name: str, call: RecordedCall, axes: SampleAxes) -> _CallUse | None:
    labels = [source.label if source else None for source in call.sources]
    if labels.count(name) != 1:
        return None
    args, kwargs = call.rebuild(call.leaves)
    layer_call = read(call.func, args, kwargs)
    if layer_call is None or layer_call.weight is None:
        return None
    place = [leaf is layer_call.input for leaf in call.leaves].index(True)
    samples = axes.calls[call.key].inputs[place]
    names = [
        next((b for a, b in zip(call.leaves, labels, strict=True) if a is t), None)
        for t in (layer_call.weight, layer_call.bias)
    ]
    if samples is None or name not in names:
        return None
    return _CallUse(layer_call.layer, names[1] == name, place, samples)


def _from_gradients(
    name: str, calls: Sequence[RecordedCall], axes: SampleAxes, parameters: Params
) -> Tensor:
    """Squared norms from the gradients by this parameter, which are formed."""
    rows: list[list[Tensor]] = []
    for call in calls:
        part = axes.calls[call.key]
        given = [
            a.samples_first(v)
            for a, v in zip(part.inputs, call.leaves, strict=True)
            if a
        ]
        whole = given == []
        rows.append(
            given
            + [
                _one_sample_each(part.outputs[i], c)
                if whole
                else part.outputs[i].samples_first(c)
                for i, c in call.cotangents.items()
            ]
        )

    def of_one(values: list[list[Tensor]]) -> Tensor:
        gradient = torch.zeros_like(parameters[name])
        for call, own in zip(calls, values, strict=True):
            gradient = gradient + _gradient_of_call(
                name, call, axes, parameters, iter(own)
            )
        return squared_lengths(upcast(gradient).unsqueeze(0)).squeeze(0)

    size = len(rows[0][0])
    numbers = size * parameters[name].numel() + sum(
        r.numel() for rs in rows for r in rs
    )
    found: Tensor = vmap(of_one, chunk_size=_chunk(rows[0], numbers))(rows)
    return found.double().cpu()


def _gradient_of_call(
    name: str,
    call: RecordedCall,
    axes: SampleAxes,
    parameters: Params,
    values: Iterator[Tensor],
) -> Tensor:
    """The gradient by one parameter through one call, for one sample."""
    inputs = axes.calls[call.key].inputs
    pairs = zip(inputs, call.leaves, strict=True)
    leaves = [next(values) if axis else leaf for axis, leaf in pairs]

    def outputs(value: Tensor) -> list[Tensor]:
        return call.outputs_at({**parameters, name: value}, leaves)

    found: Any = vjp(outputs, parameters[name])
    results, pull_back = found
    cotangents = [torch.zeros_like(t) for t in results]
    for place in call.cotangents:
        cotangents[place] = next(values).to(results[place].dtype)
    gradient: Tensor = pull_back(cotangents)[0]
    return gradient


def _one_sample_each(axis: SampleAxis, cotangent: Tensor) -> Tensor:
    """For each sample the whole cotangent, with 0 for the other samples."""
    rows = axis.samples_first(cotangent)
    only = torch.eye(len(rows), dtype=rows.dtype, device=rows.device)
    return torch.stack(
        [axis.restored(rows * o.reshape(-1, *[1] * (rows.ndim - 1))) for o in only]
    )


def _chunk(rows: Sequence[Tensor], numbers: int) -> int:
    size = len(rows[0])
    return max(1, min(size, _NUMBERS * size // max(1, numbers)))

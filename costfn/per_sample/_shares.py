"""What each sample contributes to a gradient, from the calls of one training step."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.func import jvp, vjp, vmap

from .._foundation.math import upcast
from ._capture import Axis, Call
from ._closed_forms import Seen, along, squared_lengths, squared_norms
from ._functional import Params
from ._plan import Plan
from ._uses import FixedPadding, Layer, read

_NUMBERS = 2**24  # of gradients at a time


class Shares:
    """The samples' parts in one pass.

    Attributes:
        calls: That have a cotangent.
        plan: Where samples are in them.
        parameters: Their values.
        size: Number of samples.
    """

    def __init__(
        self, calls: Sequence[Call], plan: Plan, parameters: Params, size: int
    ) -> None:
        self.calls, self.plan, self.size = calls, plan, size
        self.parameters = parameters

    def squared_norms(self, names: set[str]) -> Tensor:
        """The squared length of each sample's contribution, over some parameters."""
        total = torch.zeros(self.size, dtype=torch.float64)
        for name in sorted(names):
            own = [call for call in self.calls if name in call.names]
            if own:
                total += _squared_norm(name, own, self.plan, self.parameters)
        return total

    def along(self, direction: Params) -> Tensor:
        """The inner product of each sample's contribution with a direction."""
        total = torch.zeros(self.size, dtype=torch.float64)
        rest: set[str] = set()
        for name, vector in direction.items():
            own = [call for call in self.calls if name in call.names]
            seen = _seen(name, own, self.plan)
            if seen is None:
                rest.add(name)
            elif seen:
                total += along(seen, vector.unsqueeze(0)).squeeze(1).double().cpu()
        return total + self._by_derivatives({n: direction[n] for n in sorted(rest)})

    def _by_derivatives(self, direction: Params) -> Tensor:
        total = torch.zeros(self.size, dtype=torch.float64)
        for call in self.calls:
            at = {n: self.parameters[n] for n in call.names if n in direction}
            vector = {n: direction[n].to(p) for n, p in at.items()}
            if not at:
                continue

            def outputs(some: Params, call: Call = call) -> list[Tensor]:
                return call.outputs_at({**self.parameters, **some}, call.leaves)

            with FixedPadding():
                moved = jvp(outputs, (at,), (vector,))[1]
            for place, cotangent in call.cotangents.items():
                product = upcast(moved[place]) * upcast(cotangent)
                rows = self.plan.parts[call.key].outputs[place].rows(product)
                total += rows.flatten(1).sum(1).double().cpu()
        return total


def _squared_norm(
    name: str, calls: Sequence[Call], plan: Plan, parameters: Params
) -> Tensor:
    seen = _seen(name, calls, plan)
    if seen is None:
        return _formed(name, calls, plan, parameters)
    return squared_norms(seen).double().cpu()


def _seen(name: str, calls: Sequence[Call], plan: Plan) -> list[Seen] | None:
    """The uses of a parameter, if all of them have closed forms."""
    found = []
    for call in calls:
        known = _use(name, call, plan)
        if known is None:
            return None
        layer, is_bias, place, samples = known
        input = samples.rows(call.leaves[place])
        cotangent = plan.parts[call.key].outputs[0].rows(call.cotangents[0])
        found.append(Seen(layer, is_bias, input, cotangent))
    return found


class _Known(NamedTuple):
    """A call that has a closed form."""

    layer: Layer
    is_bias: bool
    input: int
    samples: Axis


def _use(name: str, call: Call, plan: Plan) -> _Known | None:
    labels = [slot.label if slot else None for slot in call.slots]
    if labels.count(name) != 1:
        return None
    args, kwargs = call.joined(call.leaves)
    said = read(call.func, args, kwargs)
    if said is None or said.weight is None:
        return None
    place = [leaf is said.input for leaf in call.leaves].index(True)
    samples = plan.parts[call.key].inputs[place]
    names = [
        next((b for a, b in zip(call.leaves, labels, strict=True) if a is t), None)
        for t in (said.weight, said.bias)
    ]
    if samples is None or name not in names:
        return None
    return _Known(said.layer, names[1] == name, place, samples)


def _formed(name: str, calls: Sequence[Call], plan: Plan, parameters: Params) -> Tensor:
    """By forming the gradient of each sample, of this one parameter."""
    rows: list[list[Tensor]] = []
    for call in calls:
        part = plan.parts[call.key]
        given = [a.rows(v) for a, v in zip(part.inputs, call.leaves, strict=True) if a]
        whole = given == []
        rows.append(
            given
            + [
                _apart(part.outputs[i], c) if whole else part.outputs[i].rows(c)
                for i, c in call.cotangents.items()
            ]
        )

    def of_one(values: list[list[Tensor]]) -> Tensor:
        gradient = torch.zeros_like(parameters[name])
        for call, own in zip(calls, values, strict=True):
            gradient = gradient + _pulled(name, call, plan, parameters, iter(own))
        return squared_lengths(upcast(gradient).unsqueeze(0)).squeeze(0)

    size = len(rows[0][0])
    numbers = size * parameters[name].numel() + sum(
        r.numel() for rs in rows for r in rs
    )
    found: Tensor = vmap(of_one, chunk_size=_chunk(rows[0], numbers))(rows)
    return found.double().cpu()


def _pulled(
    name: str, call: Call, plan: Plan, parameters: Params, values: Iterator[Tensor]
) -> Tensor:
    """The gradient by one parameter through one call, of one sample."""
    axes = plan.parts[call.key].inputs
    pairs = zip(axes, call.leaves, strict=True)
    leaves = [next(values) if axis else leaf for axis, leaf in pairs]

    def outputs(value: Tensor) -> list[Tensor]:
        return call.outputs_at({**parameters, name: value}, leaves)

    found: Any = vjp(outputs, parameters[name])
    made, pull = found
    cotangents = [torch.zeros_like(t) for t in made]
    for place in call.cotangents:
        cotangents[place] = next(values).to(made[place].dtype)
    gradient: Tensor = pull(cotangents)[0]
    return gradient


def _apart(axis: Axis, cotangent: Tensor) -> Tensor:
    """For each sample the whole cotangent, with 0 for all other samples."""
    rows = axis.rows(cotangent)
    only = torch.eye(len(rows), dtype=rows.dtype, device=rows.device)
    return torch.stack(
        [axis.joined(rows * o.reshape(-1, *[1] * (rows.ndim - 1))) for o in only]
    )


def _chunk(rows: Sequence[Tensor], numbers: int) -> int:
    size = len(rows[0])
    return max(1, min(size, _NUMBERS * size // max(1, numbers)))

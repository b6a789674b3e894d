"""Follows the parameters of a model through its calls of torch's functions.

Hooks on modules would not do: a weight may be used outside the module that holds it, as
tied embeddings are, or inside a function that computes several layers, as in attention.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import GradientEdge, get_gradient_edge
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from ._group_norm import group_norm_of_samples
from ._layer_calls import Layer, LayerCall, read
from ._mapped import axis_of_samples, is_mapped, unmapped
from ._options import Params


@dataclass(frozen=True)
class LayerUse:
    """One call of a layer's function, for all samples.

    Attributes:
        layer: The layer's function.
        weight: Name of the parameter that is its weight; None if no parameter is.
        bias: The same for the bias.
        input: The input of the layer, for all samples.
        version: The version counter of `input`, which shows later writes.
        axis: The axis of the samples in `input`.
        output: The output as a place in the graph.
        output_axis: The axis of the samples in the output.
    """

    layer: Layer
    weight: str | None
    bias: str | None
    input: Tensor
    version: int
    axis: int
    output: GradientEdge
    output_axis: int


class UnseenUseError(RuntimeError):
    """A parameter was used in a way that `ParameterWatch` cannot follow."""


class ParameterWatch(TorchFunctionMode):
    """Follows parameters through the calls of a model that runs under `vmap`.

    The model gets stand-ins for its parameters. When it calls a function with a
    stand-in, the stand-in is replaced. A layer with closed forms gets the parameter
    itself, and its input is recorded. Any other function gets a copy of the parameter
    for each sample, whose gradient is then that of the sample. So no stand-in is in the
    graph, unless a function was called that torch does not report.

    Attributes:
        uses: Calls of layers with closed forms, in order.
        copied: Names of the parameters of which copies were used.
    """

    def __init__(self, stand_ins: Params, parameters: Params) -> None:
        super().__init__()
        self.names = {id(p): name for name, p in stand_ins.items()}
        self.parameters = parameters
        self.copies: Params = {}
        self.zero = torch.zeros(())
        self.uses: list[LayerUse] = []
        self.copied: set[str] = set()

    def start(self, copies: Params, zero: Tensor) -> None:
        """Takes what each sample has of its own: copies of the parameters, and a 0."""
        self.copies, self.zero = copies, zero

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        held = [self.names[id(t)] for t in _tensors((args, kwargs)) if self._has(t)]
        if getattr(func, "__self__", None) is Tensor.requires_grad:
            # A tensor under `vmap` always says no; the tensor below it knows.
            return func(unmapped(args[0]))
        if func is Tensor.register_hook:
            raise UnseenUseError("a hook would get the gradients of all samples")
        if func is functional.embedding and read(func, args, kwargs) is None:
            raise UnseenUseError("an embedding writes to its weight, or counts rows")
        # Reading an attribute such as the shape is not a use, nor is a call without a
        # gradient.
        if not held or not torch.is_grad_enabled() or _is_attribute(func):
            return func(*args, **kwargs)
        call = self._read(func, args, kwargs, held)
        if call is None:
            self.copied |= set(held)
            return self._call(func, args, kwargs, self.copies)
        if call.kind == "group_norm":
            self.copied |= set(held)
            weight, bias = self._own(call.weight), self._own(call.bias)
            out = group_norm_of_samples(call, weight, bias, like=self.zero)
            return self._call(func, args, kwargs, self.copies) if out is None else out
        out = self._call(func, args, kwargs, self.parameters)
        if not is_mapped(out):
            # The input is the same for all samples, as position indices are, so `vmap`
            # did not map the call. Adding a 0 per sample makes it depend on the sample.
            own = call.input + self.zero.to(call.input.dtype)
            args, kwargs = _replaced((args, kwargs), {id(call.input): own})
            call.input = own
            out = self._call(func, args, kwargs, self.parameters)
        self.uses.append(self._use(call, out))
        return out

    def _has(self, value: Tensor) -> bool:
        return id(value) in self.names

    def _own(self, value: Tensor | None) -> Tensor | None:
        """The copy of a parameter that one sample has; other tensors are shared."""
        return self.copies[self.names[id(value)]] if id(value) in self.names else value

    def _read(
        self, func: Any, args: Any, kwargs: Any, held: list[str]
    ) -> LayerCall | None:
        call = read(func, args, kwargs)
        if call is None:
            return None
        places = [t for t in (call.weight, call.bias) if t is not None and self._has(t)]
        if len(places) != len(held) or any(t.is_complex() for t in places):
            return None
        # If the weight is computed per sample, the closed form does not hold.
        both = [t for t in (call.weight, call.bias) if t is not None]
        return None if any(map(is_mapped, both)) else call

    def _call(self, func: Any, args: Any, kwargs: Any, values: Params) -> Any:
        new = {place: values[name] for place, name in self.names.items()}
        args, kwargs = _replaced((args, kwargs), new)
        return func(*args, **kwargs)

    def _use(self, call: LayerCall, out: Tensor) -> LayerUse:
        input, output = unmapped(call.input), unmapped(out)
        return LayerUse(
            call.layer,
            None if call.weight is None else self.names.get(id(call.weight)),
            None if call.bias is None else self.names.get(id(call.bias)),
            input,
            input._version,
            axis_of_samples(call.input, input),
            get_gradient_edge(output),
            axis_of_samples(out, output),
        )


def _is_attribute(func: Any) -> bool:
    return getattr(func, "__name__", "") == "__get__"


def _tensors(value: Any) -> list[Tensor]:
    found: list[Tensor] = []
    _collect(value, found)
    return found


def _collect(value: Any, found: list[Tensor]) -> None:
    # Most arguments are numbers or None, and this runs for every call of a model.
    if isinstance(value, Tensor):
        found.append(value)
    elif isinstance(value, tuple | list):
        for entry in value:
            if entry is not None and type(entry) is not int:
                _collect(entry, found)
    elif isinstance(value, Mapping):
        _collect(list(value.values()), found)


def _replaced(value: Any, new: dict[int, Tensor]) -> Any:
    if isinstance(value, Tensor):
        return new.get(id(value), value)
    if isinstance(value, dict):
        return {key: _replaced(entry, new) for key, entry in value.items()}
    if isinstance(value, tuple | list) and _tensors(value):
        entries = [_replaced(entry, new) for entry in value]
        named = hasattr(value, "_fields")
        return type(value)(*entries) if named else type(value)(entries)
    return value

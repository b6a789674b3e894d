"""Where a model uses its parameters, and how: seen as it calls torch's functions.

Not by hooks on modules: a weight may be used outside the module that holds it, as tied
embeddings are, or inside a function that computes a whole layer, as attention does.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import GradientEdge, get_gradient_edge
from torch.func import debug_unwrap
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from ._functional import Params


@dataclass(frozen=True)
class Layer:
    """What a layer does.

    Attributes:
        kind: Its name.
        options: What it was told beside its tensors, by name.
        weight_shape: Shape of the weight.
    """

    kind: str
    options: dict[str, Any]
    weight_shape: torch.Size


@dataclass(frozen=True)
class Use:
    """One call of a layer's function, for all samples.

    Attributes:
        layer: What was called.
        weight: Name of the parameter that is its weight, if one is followed.
        bias: The same for the bias.
        input: What the layer took, as a batch with the samples on axis `axis`.
        version: How often that had been written to.
        axis: The axis of the samples in `input`.
        output: Where in the graph its output is.
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
    """A parameter was used in a way that `Watch` does not follow."""


class Call:
    """What a call of a layer's function says."""

    def __init__(
        self,
        kind: str,
        input: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        **options: Any,
    ) -> None:
        self.kind, self.input, self.weight, self.bias = kind, input, weight, bias
        self.options = options

    @property
    def layer(self) -> Layer:
        """What is called."""
        shape = torch.Size() if self.weight is None else self.weight.shape
        return Layer(self.kind, self.options, shape)


def _linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Call:
    return Call("linear", input, weight, bias)


def _matmul(input: Tensor, other: Tensor) -> Call | None:
    # Of the product of two parameters neither is the input.
    fits = other.ndim == 2 and input.ndim > 0
    return Call("product", input, other, None) if fits else None


def _addmm(
    input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1, alpha: float = 1
) -> Call | None:
    fits = beta == 1 and alpha == 1 and input.ndim == 1 and mat1.ndim == 2
    return Call("product", mat1, mat2, input) if fits else None


def _convolution(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Call:
    options = {
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
        "groups": groups,
    }
    return Call("convolution", input, weight, bias, **options)


def _embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Call | None:
    if scale_grad_by_freq or max_norm is not None:
        return None
    return Call("embedding", input, weight, None, padding_idx=padding_idx)


def _layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Call:
    shape = tuple(normalized_shape)
    return Call("layer_norm", input, weight, bias, normalized_shape=shape, eps=eps)


def _group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Call:
    return Call("group_norm", input, weight, bias, num_groups=num_groups, eps=eps)


_READERS: dict[Callable[..., Any], Callable[..., Call | None]] = {
    functional.linear: _linear,
    functional.conv1d: _convolution,
    functional.conv2d: _convolution,
    functional.conv3d: _convolution,
    functional.embedding: _embedding,
    functional.layer_norm: _layer_norm,
    functional.group_norm: _group_norm,
    torch.addmm: _addmm,
    torch.matmul: _matmul,
    torch.mm: _matmul,
    Tensor.matmul: _matmul,
    Tensor.__matmul__: _matmul,
    Tensor.mm: _matmul,
}


def read(func: Any, args: Any, kwargs: Any) -> Call | None:
    """What a call says, if it is one of a layer that has closed forms."""
    reader = _READERS.get(func)
    return None if reader is None else reader(*args, **kwargs)


class FixedPadding(TorchFunctionMode):
    """Keeps the padding row of embeddings from moving in forward derivatives.

    Its gradient is 0 by `padding_idx`, which torch heeds in the backward pass alone.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        rows = func(*args, **kwargs)
        call = read(func, args, kwargs) if func is functional.embedding else None
        if call is None or call.weight is None or call.options["padding_idx"] is None:
            return rows
        padding = call.input == call.options["padding_idx"] % len(call.weight)
        return torch.where(padding.unsqueeze(-1), rows.detach(), rows)


class Watch(TorchFunctionMode):
    """Follows parameters through the calls of a model that runs under `vmap`.

    The model is given stand-ins. A layer that is known gets the parameter in the
    place of its stand-in, and its input is kept; any other function gets a copy for
    each sample, whose gradient is that of the sample. So no stand-in is left in the
    graph, unless it was used in a way that is not seen here.

    Attributes:
        uses: Calls of known layers, in order.
        elsewhere: Names of parameters of which copies were used.
    """

    def __init__(self, stand_ins: Params, parameters: Params) -> None:
        super().__init__()
        self.names = {id(p): name for name, p in stand_ins.items()}
        self.parameters = parameters
        self.copies: Params = {}
        self.zero = torch.zeros(())
        self.uses: list[Use] = []
        self.elsewhere: set[str] = set()

    def start(self, copies: Params, zero: Tensor) -> None:
        """Takes what there is of each sample: copies of the parameters, and a 0."""
        self.copies, self.zero = copies, zero

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        held = [self.names[id(t)] for t in _tensors((args, kwargs)) if self._has(t)]
        if getattr(func, "__self__", None) is Tensor.requires_grad:
            # Of a tensor of `vmap` it says no, whatever there is below.
            return func(_unmapped(args[0]))
        if func is Tensor.register_hook:
            raise UnseenUseError("a hook would be given the gradients of all samples")
        if func is functional.embedding and _embedding(*args, **kwargs) is None:
            raise UnseenUseError("an embedding writes to its weight, or counts rows")
        # An attribute, as the shape, is no use, nor is what has no gradient.
        if not held or not torch.is_grad_enabled() or _is_attribute(func):
            return func(*args, **kwargs)
        call = self._read(func, args, kwargs, held)
        if call is None:
            self.elsewhere |= set(held)
            return self._call(func, args, kwargs, self.copies)
        out = self._call(func, args, kwargs, self.parameters)
        if not _is_mapped(out):
            # All samples share it, as positions are: each gets an input of its own.
            own = call.input + self.zero.to(call.input.dtype)
            args, kwargs = _replaced((args, kwargs), {id(call.input): own})
            call.input = own
            out = self._call(func, args, kwargs, self.parameters)
        self.uses.append(self._use(call, out))
        return out

    def _has(self, value: Tensor) -> bool:
        return id(value) in self.names

    def _read(self, func: Any, args: Any, kwargs: Any, held: list[str]) -> Call | None:
        call = read(func, args, kwargs)
        if call is None:
            return None
        places = [t for t in (call.weight, call.bias) if t is not None and self._has(t)]
        if len(places) != len(held) or any(t.is_complex() for t in places):
            return None
        # A weight that was computed for each sample makes the output by itself.
        others = [t for t in (call.weight, call.bias) if t is not None]
        return None if any(map(_is_mapped, others)) else call

    def _call(self, func: Any, args: Any, kwargs: Any, values: Params) -> Any:
        new = {place: values[name] for place, name in self.names.items()}
        args, kwargs = _replaced((args, kwargs), new)
        return func(*args, **kwargs)

    def _use(self, call: Call, out: Tensor) -> Use:
        given, gave = _unmapped(call.input), _unmapped(out)
        return Use(
            call.layer,
            None if call.weight is None else self.names.get(id(call.weight)),
            None if call.bias is None else self.names.get(id(call.bias)),
            given,
            given._version,
            _axis_of_samples(call.input, given),
            get_gradient_edge(gave),
            _axis_of_samples(out, gave),
        )


def _is_attribute(func: Any) -> bool:
    return getattr(func, "__name__", "") == "__get__"


def _unmapped(value: Tensor) -> Tensor:
    return debug_unwrap(value, recurse=False)


def _is_mapped(value: Tensor) -> bool:
    return _unmapped(value) is not value


def _axis_of_samples(one: Tensor, every: Tensor) -> int:
    """Which axis `vmap` hides; axes that are alike in all are the same axis."""
    shapes = list(zip(every.shape, every.stride(), strict=True))
    wanted = list(zip(one.shape, one.stride(), strict=True))
    return next(
        i for i in range(every.ndim) if [*shapes[:i], *shapes[i + 1 :]] == wanted
    )


def _tensors(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, tuple | list):
        return [tensor for entry in value for tensor in _tensors(entry)]
    return []


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

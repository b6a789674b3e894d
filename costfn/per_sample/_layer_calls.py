"""The layers that have closed forms, recognised by the torch function they call."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode


@dataclass(frozen=True)
class Layer:
    """A layer's function without its tensors.

    Attributes:
        kind: Its name here, such as `"linear"`.
        options: Its arguments that are not tensors, such as the stride, by name.
        weight_shape: The shape of its weight.
    """

    kind: str
    options: dict[str, Any]
    weight_shape: torch.Size


class LayerCall:
    """The arguments of a call of a layer's function, by what they mean."""

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
        """The layer's function without its tensors."""
        shape = torch.Size() if self.weight is None else self.weight.shape
        return Layer(self.kind, self.options, shape)


def _linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> LayerCall:
    return LayerCall("linear", input, weight, bias)


def _matmul(input: Tensor, other: Tensor) -> LayerCall | None:
    # The second factor must be a matrix, such as a weight.
    fits = other.ndim == 2 and input.ndim > 0
    return LayerCall("product", input, other, None) if fits else None


def _addmm(
    input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1, alpha: float = 1
) -> LayerCall | None:
    fits = beta == 1 and alpha == 1 and input.ndim == 1 and mat1.ndim == 2
    return LayerCall("product", mat1, mat2, input) if fits else None


def _convolution(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> LayerCall:
    options = {
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
        "groups": groups,
    }
    return LayerCall("convolution", input, weight, bias, **options)


def _embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> LayerCall | None:
    if scale_grad_by_freq or max_norm is not None:
        return None
    return LayerCall("embedding", input, weight, None, padding_idx=padding_idx)


def _layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> LayerCall:
    shape = tuple(normalized_shape)
    return LayerCall("layer_norm", input, weight, bias, normalized_shape=shape, eps=eps)


def _group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> LayerCall:
    return LayerCall("group_norm", input, weight, bias, num_groups=num_groups, eps=eps)


_READERS: dict[Callable[..., Any], Callable[..., LayerCall | None]] = {
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


def read(func: Any, args: Any, kwargs: Any) -> LayerCall | None:
    """The call of a layer that has closed forms; None if it is another call."""
    reader = _READERS.get(func)
    return None if reader is None else reader(*args, **kwargs)


class FixedPadding(TorchFunctionMode):
    """Makes forward derivatives by the padding row of embeddings 0.

    Torch sets the gradient of the row `padding_idx` to 0 in the backward pass only.
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

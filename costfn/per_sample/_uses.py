"""Where a model uses its parameters, and how: seen as it calls torch's functions.

Not by hooks on modules: a weight may be used outside the module that holds it, as tied
embeddings are, or inside a function that computes a whole layer, as attention does.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from ._functional import Params


@dataclass(frozen=True)
class Use:
    """One call of a layer's function.

    Attributes:
        kind: Name of the layer.
        input: What the layer took.
        options: The rest of its arguments, by name.
        weight: Name of the parameter that is its weight, if one is followed.
        bias: The same for the bias.
        weight_shape: Shape of the weight.
        output: The shape and dtype of what it gave.
    """

    kind: str
    input: Tensor
    options: dict[str, Any]
    weight: str | None
    bias: str | None
    weight_shape: torch.Size
    output: tuple[torch.Size, torch.dtype]


Call = tuple[str, Tensor, Tensor | None, Tensor | None, dict[str, Any]]


def _linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Call:
    return "linear", input, weight, bias, {}


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
    return "convolution", input, weight, bias, options


def _embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Call:
    kind = "unknown" if scale_grad_by_freq or max_norm is not None else "embedding"
    return kind, input, weight, None, {"padding_idx": padding_idx}


def _layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Call:
    options = {"normalized_shape": tuple(normalized_shape), "eps": eps}
    return "layer_norm", input, weight, bias, options


def _group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Call:
    options = {"num_groups": num_groups, "eps": eps}
    return "group_norm", input, weight, bias, options


_READERS: dict[Callable[..., Any], Callable[..., Call]] = {
    functional.linear: _linear,
    functional.conv1d: _convolution,
    functional.conv2d: _convolution,
    functional.conv3d: _convolution,
    functional.embedding: _embedding,
    functional.layer_norm: _layer_norm,
    functional.group_norm: _group_norm,
}


class _Watch(TorchFunctionMode):
    """Sees every call of torch's functions, and the parameters among its arguments."""

    def __init__(self, parameters: Params) -> None:
        super().__init__()
        self.names = {id(p): name for name, p in parameters.items()}

    def name(self, value: Any) -> str | None:
        return self.names.get(id(value))


class Survey(_Watch):
    """Notes all uses of the parameters.

    Attributes:
        uses: Calls of known layers, in order.
        elsewhere: Names of parameters that were used in another way.
    """

    def __init__(self, parameters: Params) -> None:
        super().__init__(parameters)
        self.uses: list[Use] = []
        self.elsewhere: set[str] = set()

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        given = [self.name(value) for value in _tensors([args, kwargs])]
        found = {name for name in given if name is not None}
        # What has no gradient, as a shape or a detached copy, is no use.
        if not found or not any(t.requires_grad for t in _tensors(out)):
            return out
        use = self._read(func, args, kwargs, out)
        if use is None:
            self.elsewhere |= found
            return out
        held = [name for name in (use.weight, use.bias) if name is not None]
        if len(held) != len([name for name in given if name is not None]):
            self.elsewhere |= found
        self.uses.append(use)
        return out

    def _read(self, func: Any, args: Any, kwargs: Any, out: Any) -> Use | None:
        reader = _READERS.get(func)
        if reader is None:
            return None
        kind, input, weight, bias, options = reader(*args, **kwargs)
        if kind == "unknown":
            return None
        shape = torch.Size() if weight is None else weight.shape
        output = out.shape, out.dtype
        names = self.name(weight), self.name(bias)
        return Use(kind, input, options, *names, shape, output)


class Perturb(_Watch):
    """Adds a perturbation to the output of each layer whose weight or bias is followed.

    The gradient by it is the cotangent of the output.

    Attributes:
        inputs: What the layers took, in order.
    """

    def __init__(self, parameters: Params, perturbations: Sequence[Tensor]) -> None:
        super().__init__(parameters)
        self.perturbations = iter(perturbations)
        self.inputs: list[Tensor] = []

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        reader = _READERS.get(func)
        # As in the survey: what is called without gradients is no use.
        if reader is None or not torch.is_grad_enabled():
            return out
        _, input, weight, bias, _ = reader(*args, **kwargs)
        if self.name(weight) is None and self.name(bias) is None:
            return out
        self.inputs.append(input)
        return out + next(self.perturbations)


class FixedPadding(TorchFunctionMode):
    """Keeps the padding row of embeddings from moving in forward derivatives.

    Its gradient is 0 by `padding_idx`, which torch heeds in the backward pass alone.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        rows = func(*args, **kwargs)
        if func is not functional.embedding:
            return rows
        _, index, weight, _, options = _embedding(*args, **kwargs)
        if weight is None or options["padding_idx"] is None:
            return rows
        padding = index == options["padding_idx"] % len(weight)
        return torch.where(padding.unsqueeze(-1), rows.detach(), rows)


def _tensors(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, tuple | list):
        return [tensor for entry in value for tensor in _tensors(entry)]
    return []

"""Calls in the place of others: to make them again, or without chance and mixing."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

_DROPOUTS = {
    torch.dropout,
    functional.dropout,
    functional.dropout1d,
    functional.dropout2d,
    functional.dropout3d,
    functional.alpha_dropout,
    functional.feature_alpha_dropout,
}
# In place, but of no matter what was there.
_SUMS: dict[Any, Any] = {
    Tensor.add_: torch.add,
    Tensor.__iadd__: torch.add,
    Tensor.sub_: torch.sub,
    Tensor.__isub__: torch.sub,
}


def again(func: Any) -> Any:
    """What gives the same gradients later, when a call in place has lost its input."""
    name: str = func.__name__
    # Such as __imul__, and not such as __invert__.
    own = name.startswith("__i") and name.replace("__i", "__", 1) in dir(Tensor)
    if own or (name.endswith("_") and not name.endswith("__")):
        return _SUMS.get(func, unknown)
    return func


def unknown(*_: Any, **__: Any) -> Any:
    """Stands for a call that cannot be made again."""
    raise NotImplementedError


def row_by_row(func: Any, args: Any, kwargs: Any) -> tuple[Any, Any, Any]:
    """A call as it is without dropout, and without batch statistics."""
    if func in _DROPOUTS:
        return _same, args, kwargs
    if func is functional.batch_norm:
        return scaled, _unnormalized(*args, **kwargs), {}
    if func is functional.scaled_dot_product_attention:
        return func, *_undropped(*args, **kwargs)
    return func, args, kwargs


def _same(input: Tensor, *_: Any, **__: Any) -> Tensor:
    return input


def _unnormalized(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    *_: Any,
    **__: Any,
) -> tuple[Any, ...]:
    return input, weight, bias


def _undropped(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    *rest: Any,
    **options: Any,
) -> tuple[Any, Any]:
    return (query, key, value, attn_mask, 0.0, *rest), options


def normalized(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> tuple[Any, ...]:
    """A batch norm as a scale and a shift of what it has normalised."""
    with torch.no_grad():
        kept = (None, None) if training else (running_mean, running_var)
        found = functional.batch_norm(input, *kept, training=training, eps=eps)
    return found, weight, bias


def scaled(input: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    """A scale and a shift of each channel."""
    shape = (1, -1, *[1] * (input.ndim - 2))
    found = input if weight is None else input * weight.reshape(shape)
    return found if bias is None else found + bias.reshape(shape)

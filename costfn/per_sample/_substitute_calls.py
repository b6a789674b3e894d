"""Replacements for calls: repeatable ones, and ones that do not mix samples."""

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
# A sum can be repeated without the value that an in-place call has overwritten: its
# gradient does not depend on it.
_SUMS: dict[Any, Any] = {
    Tensor.add_: torch.add,
    Tensor.__iadd__: torch.add,
    Tensor.sub_: torch.sub,
    Tensor.__isub__: torch.sub,
}


def repeatable(func: Any) -> Any:
    """A function with the same gradients that can be called again later.

    An in-place call has overwritten its input by then, so most cannot be repeated.
    """
    name: str = func.__name__
    # __imul__ is in place, since there is a __mul__; __invert__ is not.
    own = name.startswith("__i") and name.replace("__i", "__", 1) in dir(Tensor)
    if own or (name.endswith("_") and not name.endswith("__")):
        return _SUMS.get(func, not_repeatable)
    return func


def not_repeatable(*_: Any, **__: Any) -> Any:
    """Stands for a function that cannot be called again."""
    raise NotImplementedError


def without_mixing(func: Any, args: Any, kwargs: Any) -> tuple[Any, Any, Any]:
    """The call without dropout and without batch statistics."""
    if func in _DROPOUTS:
        return _same, args, kwargs
    if func is functional.batch_norm:
        return scale_and_shift, _unnormalized(*args, **kwargs), {}
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
    """The arguments of `scale_and_shift` that do what this batch norm did.

    The normalised values are constants: a contribution is what goes through a sample's
    own row.
    """
    with torch.no_grad():
        kept = (None, None) if training else (running_mean, running_var)
        found = functional.batch_norm(input, *kept, training=training, eps=eps)
    return found, weight, bias


def scale_and_shift(
    input: Tensor, weight: Tensor | None, bias: Tensor | None
) -> Tensor:
    """Scales and shifts each channel."""
    shape = (1, -1, *[1] * (input.ndim - 2))
    found = input if weight is None else input * weight.reshape(shape)
    return found if bias is None else found + bias.reshape(shape)

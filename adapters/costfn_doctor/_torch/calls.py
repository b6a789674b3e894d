"""What a call does to the tensors it is given."""

from typing import Any

import torch
from torch import Tensor

from .._method.trace import Array
from .operations import SELECTS, is_wrapped, tensors_in

LARGEST = 200_000
"""Entries of a result that are recorded."""


def numbers(tensors: list[Tensor]) -> list[Array]:
    """Copies of the numbers in tensors, none for those too large or complex."""
    found = []
    for tensor in tensors:
        plain = torch.func.debug_unwrap(tensor, recurse=True).detach()
        if plain.numel() > LARGEST or plain.is_complex():
            plain = torch.zeros(0)
        found.append(plain.cpu().double().numpy().copy())
    return found


def version(args: Any) -> int | None:
    """Count of the writes into the first argument, where it has one."""
    if args and isinstance(args[0], Tensor) and not is_wrapped(args[0]):
        return None if args[0].is_inference() else int(args[0]._version)
    return None


def pointer(tensor: Tensor) -> int:
    """Address of the memory of a tensor, 0 inside a transform."""
    return 0 if is_wrapped(tensor) else tensor.untyped_storage().data_ptr()


def selects(name: str, args: tuple[Any, ...]) -> bool:
    """Whether an operation throws values away, by where or by a mask."""
    if name.removesuffix("_") in SELECTS:
        return True
    return name in ("__getitem__", "__setitem__") and bool(
        [t for t in tensors_in(args[1:2]) if t.dtype == torch.bool]
    )


def aligned(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The first two operands, the one with more axes in the shape of the other."""
    a, b, *rest = args
    if a.dim() > b.dim():
        return (a.reshape(b.shape), b, *rest)
    return (a, b.reshape(a.shape), *rest)

"""What a single call does with the tensors that it is given."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .._method.source import Location
from .._method.thresholds import LARGEST_RECORDED
from .._method.trace import Array, Op
from .operations import SELECTS, is_wrapped, tensors_in


@dataclass(frozen=True)
class Call:
    """One call with its arguments and its result, for rules about single calls."""

    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    result: Any
    op: Op

    @property
    def at(self) -> Location | None:
        """Line of the call."""
        return self.op.at


def numbers(tensors: list[Tensor]) -> list[Array]:
    """Copies of the numbers in tensors; empty for those too large or complex."""
    found = []
    for tensor in tensors:
        plain = torch.func.debug_unwrap(tensor, recurse=True).detach()
        if plain.numel() > LARGEST_RECORDED or plain.is_complex():
            plain = torch.zeros(0)
        found.append(plain.cpu().double().numpy().copy())
    return found


def version(args: Any) -> int | None:
    """Number of writes into the first argument so far, where torch counts them."""
    if args and isinstance(args[0], Tensor) and not is_wrapped(args[0]):
        return None if args[0].is_inference() else int(args[0]._version)
    return None


def pointer(tensor: Tensor) -> int:
    """Address of the memory of a tensor, 0 inside a transform."""
    return 0 if is_wrapped(tensor) else tensor.untyped_storage().data_ptr()


def discards(name: str, args: tuple[Any, ...]) -> bool:
    """Whether a call throws values away, by `where` or by a mask."""
    if name.removesuffix("_") in SELECTS:
        return True
    return name in ("__getitem__", "__setitem__") and bool(
        [t for t in tensors_in(args[1:2]) if t.dtype == torch.bool]
    )


def aligned(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments, with the first two in the shape of the one with fewer axes."""
    a, b, *rest = args
    if a.dim() > b.dim():
        return (a.reshape(b.shape), b, *rest)
    return (a, b.reshape(a.shape), *rest)

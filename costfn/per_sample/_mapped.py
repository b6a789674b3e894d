"""The tensors of all samples below those that a function sees under `vmap`."""

from torch import Tensor
from torch.func import debug_unwrap


def unmapped(value: Tensor) -> Tensor:
    """The tensor of all samples below a tensor of `vmap`."""
    return debug_unwrap(value, recurse=False)


def is_mapped(value: Tensor) -> bool:
    """Whether a tensor differs between the samples."""
    return unmapped(value) is not value


def axis_of_samples(one: Tensor, every: Tensor) -> int:
    """The axis that `vmap` hides, found by comparing shapes and strides.

    If two axes have the same length and stride, either of them is right.
    """
    axes = list(zip(every.shape, every.stride(), strict=True))
    visible = list(zip(one.shape, one.stride(), strict=True))
    return next(i for i in range(every.ndim) if [*axes[:i], *axes[i + 1 :]] == visible)

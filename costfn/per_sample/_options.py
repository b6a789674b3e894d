"""The types of the arguments of `costfn.per_sample`, and the options in common."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, TypedDict, get_args

import torch
from torch import Tensor, nn

from .._foundation import check
from ._vmap import RefusedError

Params = dict[str, Tensor]
Model = nn.Module | Callable[..., Any]
Loss = Callable[..., Tensor]
Inputs = Any
Targets = Any
Selection = Mapping[str, Tensor] | Iterable[str] | str
Randomness = Literal["error", "same", "different"]


class Options(TypedDict, total=False):
    """The options of every function of `costfn.per_sample`; see `gradients`."""

    parameters: Selection | None
    values: Mapping[str, Tensor] | None
    chunk_size: int | None
    batched: bool
    randomness: Randomness
    sample_dims: int


def check_options(chunk_size: int | None, randomness: Randomness, dims: int) -> None:
    """Checks the options in common, and that gradients can be computed here."""
    check.one_of("randomness", randomness, get_args(Randomness))
    for name, value in (("chunk_size", chunk_size), ("sample_dims", dims)):
        if value is not None and value < 1:
            raise ValueError(f"{name} must be 1 or more, got {value}")
    if torch.is_inference_mode_enabled():
        raise RefusedError(
            "per_sample must be called outside torch.inference_mode(), where tensors "
            "have no derivatives; torch.no_grad() is allowed"
        )

"""What the functions of this room take, and how `vmap` is called."""

import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, TypedDict, get_args

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from .._foundation import check

Params = dict[str, Tensor]
Model = nn.Module | Callable[..., Any]
Loss = Callable[..., Tensor]
Inputs = Any
Targets = Any
Selection = Mapping[str, Tensor] | Iterable[str] | str
Randomness = Literal["error", "same", "different"]


class Options(TypedDict, total=False):
    """What every function of the room takes; see `gradients`."""

    parameters: Selection | None
    values: Mapping[str, Tensor] | None
    chunk_size: int | None
    batched: bool
    randomness: Randomness
    sample_dims: int


class SlowWarning(UserWarning):
    """The model is run one sample at a time, and why."""


class RefusedError(RuntimeError):
    """What is refused for itself, and not because `vmap` cannot do it."""


def check_options(chunk_size: int | None, randomness: Randomness, dims: int) -> None:
    """Checks the options that every function shares."""
    check.one_of("randomness", randomness, get_args(Randomness))
    for name, value in (("chunk_size", chunk_size), ("sample_dims", dims)):
        if value is not None and value < 1:
            raise ValueError(f"{name} must be 1 or more, got {value}")
    if torch.is_inference_mode_enabled():
        raise RefusedError(
            "per_sample must be called outside torch.inference_mode(), in which there "
            "are no derivatives; torch.no_grad() does no harm"
        )


def warn(text: str, category: type[Warning] = UserWarning) -> None:
    """Warns at the user's line, from however deep inside this room or torch."""
    level = 1
    inside = (__package__, "torch", "contextlib")
    while sys._getframe(level).f_globals["__name__"].startswith(inside):
        level += 1
    warnings.warn(text, category, stacklevel=level + 1)


RANDOM = (
    "model must draw nothing at random here, as dropout does in training mode; call "
    "model.eval(), or pass randomness='different', or 'same' for one mask for all"
)
_SHARED = (
    "model must not write one sample's values into a tensor that all samples share: "
    "write x = x + y for x += y; for nn.RNN and nn.GRU, whose default initial state is "
    "such a tensor, pass the state, h = x.new_zeros(layers, len(x), hidden)"
)
_VALUES = (
    "model must not decide by the values of one sample (if, .item(), boolean indices); "
    "use torch.where; of transformers, load causal models with "
    "attn_implementation='eager', and give others a mask of four axes, "
    "attention_mask=mask.bool()[:, None, None, :].expand(-1, 1, length, -1)"
)
_CHECKPOINTS = (
    "model must not compute parts of itself again in the backward pass; "
    "call gradient_checkpointing_disable(), or model.eval()"
)
_FUNCTION = (
    "model must not hold an autograd.Function that vmap cannot map: give it "
    "setup_context, and generate_vmap_rule = True"
)
_PACKED = (
    "model must not pack sequences, or choose shapes by the values of a sample; run "
    "the LSTM on padded sequences, and take the output at the last step of each"
)
_SPARSE = "model must have no sparse embedding: nn.Embedding(sparse=False)"
_HINTS = {
    "called random operation while in randomness error": RANDOM,
    "doesn't match the broadcast shape": _SHARED,
    "inplace arithmetic": _SHARED,
    "vmap: inplace": _SHARED,
    "data-dependent": _VALUES,
    ".item()": _VALUES,
    "saved tensor hooks": _CHECKPOINTS,
    "checkpoint": _CHECKPOINTS,
    "setup_context": _FUNCTION,
    "generate_vmap_rule": _FUNCTION,
    "_nested_tensor": (
        "model must not make nested tensors: build nn.TransformerEncoder with "
        "enable_nested_tensor=False"
    ),
    "data pointer": _PACKED,
    "stack expects each tensor to be equal size": _PACKED,
    "embedding_renorm": "model must have no embedding with max_norm",
    "SparseCPU": _SPARSE,
    "SparseCUDA": _SPARSE,
}


def hint(error: BaseException) -> str:
    """What is to be changed in a model that `vmap` cannot run, or an empty text."""
    text = str(error)
    return next((words for part, words in _HINTS.items() if part in text), "")


@contextmanager
def one_sample_at_a_time() -> Iterator[None]:
    """For calls of `vmap`: errors in our words, and no slow attention kernel.

    The fused attention of the CPU has no batching rule and would loop over samples.
    """
    if torch.compiler.is_compiling():
        yield
        return
    try:
        with warnings.catch_warnings(), sdpa_kernel(SDPBackend.MATH):
            warnings.filterwarnings("ignore", "There is a performance drop")
            yield
    except RuntimeError as error:
        words = hint(error)
        if not words:
            raise
        kind = RefusedError if words == RANDOM else RuntimeError
        raise kind(f"{words}. From torch: {error}") from error

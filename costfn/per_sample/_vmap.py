"""How `vmap` is called, and what to change in a model that `vmap` cannot run."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel


class SlowWarning(UserWarning):
    """The model runs one sample at a time; the message says why."""


class RefusedError(RuntimeError):
    """A request is refused whether or not `vmap` can run it: a loop would not help."""


def warn(text: str, category: type[Warning] = UserWarning) -> None:
    """Warns at the user's line, which called this package."""
    level = 1
    inside = (__package__, "torch", "contextlib")
    while sys._getframe(level).f_globals["__name__"].startswith(inside):
        level += 1
    warnings.warn(text, category, stacklevel=level + 1)


RANDOM = (
    "model must not draw random numbers, as dropout does in training mode; call "
    "model.eval(), or pass randomness='different', or 'same' for one mask for all"
)
_SHARED = (
    "model must not write one sample's values into a tensor that all samples share: "
    "write x = x + y instead of x += y; the default initial state of nn.RNN and nn.GRU "
    "is such a tensor, so pass a state, h = x.new_zeros(layers, len(x), hidden)"
)
_VALUES = (
    "model must not branch on the values of a sample (if, .item(), boolean indices); "
    "use torch.where; from transformers, load causal models with "
    "attn_implementation='eager', and give other models a mask with four axes, "
    "attention_mask=mask.bool()[:, None, None, :].expand(-1, 1, length, -1)"
)
_CHECKPOINTS = (
    "model must not use gradient checkpointing; call "
    "gradient_checkpointing_disable(), or model.eval()"
)
_FUNCTION = (
    "model must not use an autograd.Function that vmap cannot run: give it "
    "setup_context and generate_vmap_rule = True"
)
_PACKED = (
    "model must not pack sequences, or choose shapes by the values of a sample; run "
    "the LSTM on padded sequences, and take the output at the last step of each one"
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
    """What to change in a model that `vmap` cannot run, or an empty text."""
    text = str(error)
    return next((words for part, words in _HINTS.items() if part in text), "")


@contextmanager
def vmap_context() -> Iterator[None]:
    """A context for calls of `vmap`: it explains errors and avoids slow attention.

    The fused attention kernel on a CPU has no batching rule, so `vmap` would loop.
    """
    if torch.compiler.is_compiling():
        yield
        return
    with explained(), warnings.catch_warnings(), sdpa_kernel(SDPBackend.MATH):
        warnings.filterwarnings("ignore", "There is a performance drop")
        yield


@contextmanager
def explained() -> Iterator[None]:
    """A context that adds to an error what to change in the model, if it is known."""
    try:
        yield
    except RuntimeError as error:
        words = hint(error)
        if not words:
            raise
        kind = RefusedError if words == RANDOM else RuntimeError
        raise kind(f"{words}. From torch: {error}") from error

"""Predictions and targets for `costfn doctor`, from a few words or by trying."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from .objects import SpecificationError

KINDS = "logits, real, probs, logprob"
GUESSES = (
    ("logits:8x5", "labels:5"),
    ("logits:12", "binary"),
    ("logits:8x4", "binary"),
    ("logits:8x1", "binary"),
    ("real:8x4", "real"),
    ("probs:12", "binary"),
    ("probs:8x4", "binary"),
    ("logits:8x5", "probs"),
    ("logprob:8x5", "labels:5"),
    ("logits:2x3x6x6", "labels:3"),
    ("logits:2x1x6x6", "binary"),
    ("real:8x6", "labels:3:8"),
    ("real:8", "none"),
)


def _shape(words: str, whole: str) -> tuple[int, ...]:
    try:
        shape = tuple(int(size) for size in words.split("x"))
    except ValueError:
        shape = (0,)
    if min(shape) < 1:
        raise SpecificationError(f"a shape must be sizes such as 8x5, got {whole}")
    return shape


def prediction_of(words: str) -> Tensor:
    """A prediction from a shape and its kind, such as `8x5` or `probs:8x5`."""
    kind, _, shape = words.rpartition(":")
    if kind not in ("", "logits", "real", "probs", "logprob"):
        raise SpecificationError(f"a prediction must be {KINDS}, got {words}")
    values = torch.randn(_shape(shape, words), generator=_generator(0))
    if kind == "probs":
        return values.sigmoid() * 0.96 + 0.02
    return values.log_softmax(min(1, values.dim() - 1)) if kind == "logprob" else values


def target_of(words: str, prediction: Tensor) -> Tensor | None:
    """A target such as `labels:5`, `binary`, `probs`, `real`, each with a shape."""
    kind, _, rest = words.partition(":")
    generator = _generator(1)
    if kind == "none":
        return None
    if kind == "labels":
        count, _, shape = rest.partition(":")
        axes = prediction.shape[:1] + prediction.shape[2:]
        size = _shape(shape, words) if shape else tuple(axes)
        return torch.randint(_shape(count, words)[0], size, generator=generator)
    size = _shape(rest, words) if rest else tuple(prediction.shape)
    if kind == "binary":
        return torch.randint(2, size, generator=generator).float()
    if kind in ("probs", "real"):
        values = torch.randn(size, generator=generator)
        return values if kind == "real" else values.softmax(min(1, len(size) - 1))
    raise SpecificationError(
        f"a target must be labels:CLASSES, binary, probs, real or none, got {words}"
    )


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def examples(
    loss: Callable[..., Any], prediction: str | None, target: str | None
) -> tuple[str, str, Tensor, Tensor | None]:
    """Words and tensors of an example; the doctor guesses what is not given."""
    if prediction is not None and target is not None:
        p = prediction_of(prediction)
        return prediction, target, p, target_of(target, p)
    first: Exception | None = None
    for one, other in _candidates(prediction, target):
        p = prediction_of(one)
        t = target_of(other, p)
        try:
            value = loss(*((p,) if t is None else (p.clone(), t.clone())))
        except Exception as error:
            first = first or error
            continue
        if isinstance(value, Tensor) and not bool(torch.isfinite(value).all()):
            continue
        return one, other, p, t
    raise SpecificationError(
        "no example fits this loss; describe one by --prediction 8x5 --target "
        f"labels:5. With {GUESSES[0][0]} and {GUESSES[0][1]} it said: {first}"
    )


def _candidates(
    prediction: str | None, target: str | None
) -> Iterator[tuple[str, str]]:
    for one, other in GUESSES:
        yield prediction or one, target or other

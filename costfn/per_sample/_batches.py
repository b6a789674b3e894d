"""Samples given as a pair of inputs and targets, or as a loader of batches."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch.utils.data import RandomSampler

from ._trees import flatten, tensors

Samples = tuple[Any, Any] | Iterable[Any]


def batches(name: str, samples: Samples, target: str | None) -> Iterator[Any]:
    """Pairs of inputs and targets, one for each batch.

    Args:
        name: The name of the argument, for error messages.
        samples: A pair, a dictionary, or an iterable of batches of this kind.
        target: The entry of a dictionary that is the target; None if all entries are
            inputs.
    """
    if isinstance(samples, Mapping) or (
        isinstance(samples, tuple) and len(samples) == 2
    ):
        yield _pair(name, samples, target)
        return
    for batch in samples:
        yield _pair(name, batch, target)


def check_order(name: str, samples: Samples) -> None:
    """Checks that a loader gives the same batches every time."""
    if isinstance(getattr(samples, "sampler", None), RandomSampler):
        raise ValueError(
            f"{name} must not shuffle, or an index would name no sample; build it with "
            "shuffle=False"
        )
    if isinstance(samples, Iterator):
        raise TypeError(
            f"{name} must be iterable more than once, as a list or a DataLoader is, "
            f"got {type(samples).__name__}"
        )


def all_at_once(name: str, samples: Samples, target: str | None) -> tuple[Any, Any]:
    """All batches as one."""
    every = list(batches(name, samples, target))
    if len(every) == 1:
        x, y = every[0]
        return x, y
    columns = zip(*map(tensors, every), strict=True)
    x, y = flatten(every[0])[1]([torch.cat(column) for column in columns])
    return x, y


def _pair(name: str, batch: Any, target: str | None) -> tuple[Any, Any]:
    if isinstance(batch, Mapping):
        if target is None:
            return dict(batch), None
        if target not in batch:
            raise ValueError(
                f"target must be an entry of the batches, got {target!r}; "
                f"they have {sorted(batch)}"
            )
        return {k: v for k, v in batch.items() if k != target}, batch[target]
    if not isinstance(batch, tuple | list) or len(batch) != 2:
        raise TypeError(
            f"{name} must give pairs of inputs and targets, or dictionaries, "
            f"got {type(batch).__name__}"
        )
    x, y = (tuple(v) if isinstance(v, list) else v for v in batch)
    return x, y

"""The option `sample_dims`: tokens of a text or pixels of an image as samples."""

from collections.abc import Callable
from math import prod
from typing import Any

import torch
from torch import Tensor

from ._options import Params
from ._trees import map_tensors, tensors


def places_as_samples(
    call: Callable[..., Any], x: Any, y: Any, dims: int, batched: bool
) -> tuple[Callable[..., Any], Any, Any, tuple[int, ...]]:
    """A model of single places, such as tokens, with their targets and their shape.

    Its input is the index of a sample and of a place in it. The model still sees whole
    samples, and each of them once even if several of its places are asked for.
    """
    shapes = {t.shape[:dims] for t in tensors(y)}
    shape = tuple(next(iter(shapes), ()))
    if len(shapes) != 1 or len(shape) < dims:
        raise ValueError(
            f"y must have {dims} axes of samples, the same in every target, for "
            f"sample_dims={dims}, got the shapes {sorted(map(tuple, shapes))}"
        )
    if not batched:
        raise ValueError("batched must be True where sample_dims is above 1")
    places = prod(shape[1:])
    device = next(tensors(y)).device
    every = torch.arange(prod(shape), device=device)
    where = {"sample": every // places, "place": every % places}

    def of_places(params: Params, where: dict[str, Tensor]) -> Any:
        sample, place = where["sample"], where["place"]
        if len(sample) > 1:
            sample, turn = torch.unique(sample, return_inverse=True)
            place = turn * places + place
        rows = map_tensors(lambda t: t.index_select(0, sample), x)
        return map_tensors(lambda t: _chosen(t, shape, place), call(params, rows))

    flat = map_tensors(lambda t: t.flatten(0, dims - 1), y)
    return of_places, where, flat, shape


def _chosen(value: Tensor, shape: tuple[int, ...], place: Tensor) -> Any:
    """The prediction at some places; None if it has no axes of places."""
    if value.shape[1 : len(shape)] != shape[1:]:
        return None
    return value.flatten(0, len(shape) - 1).index_select(0, place)

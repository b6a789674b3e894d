"""Samples within samples: the tokens of a text, the pixels of an image."""

from collections.abc import Callable
from math import prod
from typing import Any

import torch
from torch import Tensor

from ._functional import Params
from ._trees import each, tensors


def by_position(
    call: Callable[..., Any], x: Any, y: Any, dims: int, batched: bool
) -> tuple[Callable[..., Any], Any, Any, tuple[int, ...]]:
    """The model as one of places in the samples, with their targets and their shape.

    An input is then the number of a sample and of a place in it. The model sees whole
    samples, each once where it is given several places of one.
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
        rows = each(lambda t: t.index_select(0, sample), x)
        return each(lambda t: _chosen(t, shape, place), call(params, rows))

    flat = each(lambda t: t.flatten(0, dims - 1), y)
    return of_places, where, flat, shape


def _chosen(value: Tensor, shape: tuple[int, ...], place: Tensor) -> Any:
    """The places of a prediction; what has no such axes is of no single place."""
    if value.shape[1 : len(shape)] != shape[1:]:
        return None
    return value.flatten(0, len(shape) - 1).index_select(0, place)

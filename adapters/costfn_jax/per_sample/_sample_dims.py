"""The option `sample_dims`: tokens of a text or pixels of an image as samples."""

from math import prod
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from ._gradient_problem import Model, has_samples, some


def places_as_samples(
    model: Model, x: Any, y: Any, dims: int
) -> tuple[Model, Any, Any, tuple[int, ...]]:
    """A model of single places, such as tokens, with their targets and their shape.

    Its input is the index of a sample and of a place in it. The model still sees whole
    samples.
    """
    shapes = {a.shape[:dims] for a in jax.tree.leaves(y) if has_samples(a)}
    shape = tuple(next(iter(shapes), ()))
    if len(shapes) != 1 or len(shape) < dims:
        raise ValueError(
            f"y must have {dims} axes of samples, the same in every target, for "
            f"sample_dims={dims}, got the shapes {sorted(map(tuple, shapes))}"
        )
    places = prod(shape[1:])
    every = jnp.arange(prod(shape))
    where = {"sample": every // places, "place": every % places}

    def of_places(parameters: Any, where: dict[str, Array]) -> Any:
        found = model(parameters, some(x, where["sample"]))

        def chosen(value: Array) -> Any:
            if value.shape[1 : len(shape)] != shape[1:]:
                return None  # it has no axes of places
            rows = value.reshape(len(value), places, *value.shape[len(shape) :])
            return rows[jnp.arange(len(rows)), where["place"]]

        return jax.tree.map(chosen, found)

    def flat(value: Any) -> Any:
        return value.reshape(-1, *value.shape[dims:]) if has_samples(value) else value

    return of_places, where, jax.tree.map(flat, y), shape

"""Mirror of `costfn.per_sample`: a model is a function of parameters and a batch.

Parameters are any tree of arrays, as those of Flax. Every function may be put under
`jax.jit` with the model, the loss and the options fixed. `jit` fuses norms into the
gradients, so that they need no closed forms here to save memory.
"""

from collections.abc import Callable, Sequence
from math import sqrt
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

__all__ = [
    "Clipped",
    "NoiseScale",
    "clip",
    "contribution_norms",
    "contributions",
    "cosine_to_mean",
    "gradient_noise_scale",
    "gradient_norms",
    "gradient_signal_to_noise",
    "gradients",
    "influence",
    "linearize",
    "pairwise_similarity",
    "projections",
    "variance",
]

Model = Callable[[Any, Any], Any]
Loss = Callable[..., Array]


class NoiseScale(NamedTuple):
    """Mirror of `costfn.per_sample.NoiseScale`."""

    scale: Array
    trace: Array
    squared_norm: Array


class Clipped(NamedTuple):
    """Mirror of `costfn.per_sample.Clipped`."""

    total: Any
    norms: Array


class _Problem(NamedTuple):
    """One number per sample as a function of the parameters."""

    model: Model
    loss: Loss
    x: Any
    y: Any
    parameters: Any
    size: int
    chunk_size: int | None

    def value(self, parameters: Any, x: Any, y: Any) -> Array:
        prediction = self.model(parameters, _alone(x))
        return self.loss(prediction, *_alone(_targets(y))).sum()

    def map(self, function: Callable[[Any, Any], Any], chunk: int | None = None) -> Any:
        """The function of each sample's input and target, a chunk at a time."""
        chunk = self.chunk_size or chunk
        if chunk is None or chunk >= self.size:
            return jax.vmap(function)(self.x, self.y)
        return jax.lax.map(lambda s: function(*s), (self.x, self.y), batch_size=chunk)

    def gradients(self) -> Any:
        return self.map(lambda x, y: jax.grad(self.value)(self.parameters, x, y))

    def losses(self, parameters: Any) -> Array:
        found: Array = self.map(lambda x, y: self.value(parameters, x, y))
        return found

    def norms(self) -> Array:
        def of_one(x: Any, y: Any) -> Array:
            return _square(jax.grad(self.value)(self.parameters, x, y))

        return jnp.sqrt(self.map(of_one))

    def mean(self) -> Any:
        return jax.grad(lambda p: self.losses(p).mean())(self.parameters)

    def along(self, direction: Any) -> Array:
        found: Array = jax.jvp(self.losses, (self.parameters,), (direction,))[1]
        return found


def _targets(y: Any) -> tuple[Any, ...]:
    return () if y is None else y if isinstance(y, tuple) else (y,)


def _alone(values: Any) -> Any:
    return jax.tree.map(lambda a: a[None], values)


def _square(tree: Any) -> Array:
    return jnp.sum(jnp.stack([jnp.sum(jnp.square(a)) for a in jax.tree.leaves(tree)]))


def _flat(gradients: Any, size: int) -> Array:
    return jnp.concatenate(
        [g.reshape(size, -1) for g in jax.tree.leaves(gradients)], axis=1
    )


def _ratio(numerator: Array, denominator: Array) -> Array:
    none = denominator == 0
    return jnp.where(none, 0.0, numerator / jnp.where(none, 1.0, denominator))


def _problem(
    model: Model, loss: Loss, x: Any, y: Any, parameters: Any, chunk_size: int | None
) -> _Problem:
    sizes = sorted({len(a) for a in jax.tree.leaves((x, y))})
    if len(sizes) != 1 or sizes == [0]:
        raise ValueError(
            "x and y must hold the same number of samples, 1 or more, on axis 0, "
            f"got {sizes}"
        )
    if chunk_size is not None and chunk_size < 1:
        raise ValueError(f"chunk_size must be 1 or more, got {chunk_size}")
    return _Problem(model, loss, x, y, parameters, sizes[0], chunk_size)


def _several(made: _Problem) -> _Problem:
    if made.size < 2:
        raise ValueError(f"x must hold 2 samples or more, got {made.size}")
    return made


def gradients(
    model: Model,
    loss: Loss,
    x: Any,
    y: Any,
    *,
    parameters: Any,
    chunk_size: int | None = None,
) -> Any:
    """Mirror of `costfn.per_sample.gradients`."""
    return _problem(model, loss, x, y, parameters, chunk_size).gradients()


def gradient_norms(
    model: Model,
    loss: Loss,
    x: Any,
    y: Any,
    *,
    parameters: Any,
    chunk_size: int | None = None,
) -> Array:
    """Mirror of `costfn.per_sample.gradient_norms`, in total."""
    return _problem(model, loss, x, y, parameters, chunk_size).norms()


def linearize(
    model: Model, batch_loss: Loss, x: Any, y: Any, *, parameters: Any
) -> tuple[Loss, Array]:
    """Mirror of `costfn.per_sample.linearize`."""

    def of_predictions(z: Array) -> Array:
        value = batch_loss(z, *_targets(y))
        if value.ndim:
            raise ValueError(
                "batch_loss must return one number for the batch, got the shape "
                f"{value.shape}; reduce it: "
                "lambda z, y: costfn_jax.reduce(loss(z, y))"
            )
        return value

    return _inner, jax.grad(of_predictions)(model(parameters, x))


def _inner(prediction: Array, cotangent: Array) -> Array:
    return jnp.sum(prediction * cotangent)


def contributions(
    model: Model,
    batch_loss: Loss,
    x: Any,
    y: Any,
    *,
    parameters: Any,
    chunk_size: int | None = None,
) -> Any:
    """Mirror of `costfn.per_sample.contributions`."""
    loss, target = linearize(model, batch_loss, x, y, parameters=parameters)
    return _problem(model, loss, x, target, parameters, chunk_size).gradients()


def contribution_norms(
    model: Model,
    batch_loss: Loss,
    x: Any,
    y: Any,
    *,
    parameters: Any,
    chunk_size: int | None = None,
) -> Array:
    """Mirror of `costfn.per_sample.contribution_norms`, in total."""
    loss, target = linearize(model, batch_loss, x, y, parameters=parameters)
    return _problem(model, loss, x, target, parameters, chunk_size).norms()


def projections(
    model: Model,
    loss: Loss,
    x: Any,
    y: Any,
    directions: Any = None,
    *,
    parameters: Any,
    dim: int | None = None,
    seed: int = 0,
    chunk_size: int | None = None,
) -> Array:
    """Mirror of `costfn.per_sample.projections`, but for other random signs.

    A tree of directions has the shapes of the parameters: one direction.
    """
    if (directions is None) == (dim is None):
        raise ValueError(
            "directions must be given, or dim for random ones, and not both, got "
            f"{'neither' if dim is None else 'both'}"
        )
    made = _problem(model, loss, x, y, parameters, chunk_size)
    if dim is None:
        return made.along(directions)

    def of_one(x: Any, y: Any) -> Array:
        leaves = jax.tree.leaves(jax.grad(made.value)(parameters, x, y))
        keys = jax.random.split(jax.random.key(seed), len(leaves))
        parts = [
            g.reshape(-1) @ jax.random.rademacher(key, (g.size, dim), g.dtype)
            for key, g in zip(keys, leaves, strict=True)
        ]
        return jnp.sum(jnp.stack(parts), axis=0) / sqrt(dim)

    found: Array = made.map(of_one)
    return found


def cosine_to_mean(
    model: Model,
    loss: Loss,
    x: Any,
    y: Any,
    *,
    parameters: Any,
    chunk_size: int | None = None,
) -> Array:
    """Mirror of `costfn.per_sample.cosine_to_mean`."""
    made = _problem(model, loss, x, y, parameters, chunk_size)
    mean = made.mean()
    return _ratio(made.along(mean), made.norms() * jnp.sqrt(_square(mean)))


def gradient_noise_scale(
    model: Model,
    loss: Loss,
    x: Any,
    y: Any,
    *,
    parameters: Any,
    chunk_size: int | None = None,
) -> NoiseScale:
    """Mirror of `costfn.per_sample.gradient_noise_scale`."""
    made = _several(_problem(model, loss, x, y, parameters, chunk_size))
    square_of_mean = _square(made.mean())
    mean_square = jnp.mean(jnp.square(made.norms()))
    trace = (mean_square - square_of_mean) * (made.size / (made.size - 1))
    square = square_of_mean - trace / made.size
    scale = jnp.where(square > 0, trace / jnp.where(square > 0, square, 1.0), jnp.inf)
    return NoiseScale(scale, trace, square)


def variance(
    model: Model,
    loss: Loss,
    x: Any,
    y: Any,
    *,
    parameters: Any,
    chunk_size: int | None = None,
) -> Any:
    """Mirror of `costfn.per_sample.variance`, over gradients that are all there."""
    made = _several(_problem(model, loss, x, y, parameters, chunk_size))
    return jax.tree.map(lambda g: jnp.var(g, axis=0, ddof=1), made.gradients())


def gradient_signal_to_noise(
    model: Model,
    loss: Loss,
    x: Any,
    y: Any,
    *,
    parameters: Any,
    chunk_size: int | None = None,
) -> Any:
    """Mirror of `costfn.per_sample.gradient_signal_to_noise`, over all gradients."""
    made = _several(_problem(model, loss, x, y, parameters, chunk_size))

    def of_leaf(g: Array) -> Array:
        mean, spread = jnp.mean(g, axis=0), jnp.var(g, axis=0, ddof=1)
        return jnp.where(mean == 0, 0.0, jnp.square(mean) / spread)

    return jax.tree.map(of_leaf, made.gradients())


def pairwise_similarity(
    model: Model,
    loss: Loss,
    x: Any,
    y: Any,
    *,
    parameters: Any,
    normalize: bool = True,
    chunk_size: int | None = None,
) -> Array:
    """Mirror of `costfn.per_sample.pairwise_similarity`, over all gradients."""
    made = _problem(model, loss, x, y, parameters, chunk_size)
    rows = _flat(made.gradients(), made.size)
    products = rows @ rows.T
    lengths = jnp.sqrt(jnp.diagonal(products))
    return _ratio(products, lengths[:, None] * lengths) if normalize else products


def influence(
    model: Model,
    loss: Loss,
    x: Any,
    y: Any,
    x_validation: Any,
    y_validation: Any,
    *,
    checkpoints: Sequence[Any],
    validation_loss: Loss | None = None,
    learning_rates: float | Sequence[float] = 1.0,
    chunk_size: int | None = None,
) -> Array:
    """Mirror of `costfn.per_sample.influence`; the parameters are one checkpoint."""
    rates = (
        [learning_rates] * len(checkpoints)
        if isinstance(learning_rates, int | float)
        else list(learning_rates)
    )
    if not rates or len(rates) != len(checkpoints):
        raise ValueError(
            "checkpoints must be 1 or more, with one learning rate for each, got "
            f"{len(checkpoints)} and {len(rates)}"
        )
    scores = []
    for rate, parameters in zip(rates, checkpoints, strict=True):
        made = _problem(model, loss, x, y, parameters, chunk_size)
        if validation_loss is None:
            other = _problem(
                model, loss, x_validation, y_validation, parameters, chunk_size
            )
            direction = other.mean()
        else:
            of_batch = validation_loss

            def whole(p: Any, of_batch: Loss = of_batch) -> Array:
                return of_batch(model(p, x_validation), *_targets(y_validation))

            direction = jax.grad(whole)(parameters)
        scores.append(rate * made.along(direction))
    return jnp.sum(jnp.stack(scores), axis=0)


def clip(
    model: Model,
    loss: Loss,
    x: Any,
    y: Any,
    max_norm: float,
    *,
    parameters: Any,
    chunk_size: int | None = None,
) -> Clipped:
    """Mirror of `costfn.per_sample.clip`."""
    if not max_norm > 0:
        raise ValueError(f"max_norm must be above 0 and finite, got {max_norm}")
    made = _problem(model, loss, x, y, parameters, chunk_size)
    norms = made.norms()
    factors = max_norm / jnp.maximum(norms, max_norm)
    total = jax.grad(lambda p: jnp.sum(made.losses(p) * factors))(parameters)
    return Clipped(total, norms)

"""Predictions and targets to try: ordinary ones, ideal ones, and edges."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from .trace import Array

RIGHT = 6.0  # logit of a right prediction, which is not all that sure
Kind = Literal["logits", "logprob", "prob", "real"]


def guess_kind(prediction: Array) -> Kind:
    """What the numbers of a prediction look like."""
    if prediction.size < 2 or not np.isfinite(prediction).all():
        return "real"
    low, high = prediction.min(), prediction.max()
    if low >= 0 and high <= 1 and low < high:
        return "prob"
    if high <= 0 and simplex_axis(np.exp(prediction)) is not None:
        return "logprob"
    return "real"


def some_rows(count: int, wanted: int) -> Array:
    """Rows from all over a batch, which may be ordered by class.

    In pairs of neighbours, of which losses of pairs are made.
    """
    number = np.arange(wanted)
    return number // 2 * 2 * count // wanted // 2 * 2 + number % 2


def simplex_axis(values: Array, *, start: int = 0) -> int | None:
    """Axis along which non-negative values sum to one; the class axis first."""
    axes = [axis for axis in (1, values.ndim - 1, 0) if start <= axis < values.ndim]
    for axis in axes:
        inside = values.shape[axis] > 1 and values.min() >= 0
        if inside and np.allclose(values.sum(axis), 1, atol=1e-3):
            return axis
    return None


def is_binary(target: Any) -> bool:
    """Whether a target holds zeros and ones, and both."""
    return (
        isinstance(target, np.ndarray)
        and target.size > 1
        and bool(np.isin(target, (0, 1)).all())
        and 0 < float(target.mean()) < 1
    )


def is_real(target: Any) -> bool:
    """Whether a target is an array of floating-point numbers."""
    return isinstance(target, np.ndarray) and target.dtype.kind == "f"


def class_axis(prediction: Array, target: Any) -> int | None:
    """Axis of the classes, where the target holds class indices."""
    if not isinstance(target, np.ndarray) or target.dtype.kind not in "iu":
        return None
    if prediction.ndim != target.ndim + 1 or not target.size:
        return None
    for axis in (1, prediction.ndim - 1):
        if axis < prediction.ndim:
            rest = prediction.shape[:axis] + prediction.shape[axis + 1 :]
            inside = target.min() >= 0 and target.max() < prediction.shape[axis]
            if rest == target.shape and inside:
                return axis
    return None


def one_hot(target: Array, classes: int, axis: int) -> Array:
    """Class indices as zeros and ones along an axis."""
    return np.moveaxis(np.eye(classes)[target], -1, axis)


@dataclass(frozen=True)
class Inputs:
    """The prediction and target given, and what may stand in their place."""

    prediction: Array
    target: Any
    kind: Kind
    told: bool
    ideal: Array | None = None

    @property
    def spread(self) -> float:
        """Standard deviation of the prediction, or 1 if it has none."""
        return float(self.prediction.std()) or 1.0

    def sample(self, k: int) -> Array:
        """Another prediction like the one given.

        Even ones mix entries across the batch and add noise; odd ones keep each
        row together, which may be a box or a rotation, and add little noise.
        """
        rng = np.random.default_rng(77 + k)
        p = self.prediction
        if p.ndim and p.shape[0] > 1:
            p = p[rng.permutation(len(p))] if k % 2 else rng.permuted(p, axis=0)
        noise = rng.normal(size=p.shape)
        size = 0.1 if k % 2 else 0.7
        if self.kind == "prob":
            inside = np.clip(p, 0.02, 0.98)
            moved = 1 / (1 + (1 - inside) / inside * np.exp(-size * noise))
            axis = simplex_axis(self.prediction)
            rows = 1 if axis is None else moved.sum(axis, keepdims=True)
            return np.asarray(moved / rows)
        if self.kind == "logprob":
            axis = simplex_axis(np.exp(self.prediction)) or -1
            moved = p + size * noise
            return np.asarray(moved - np.log(np.exp(moved).sum(axis, keepdims=True)))
        if self.prediction.size > 3 and self.prediction.min() > 0:
            return np.asarray(p * np.exp(0.5 * size * noise))
        mean = self.prediction.mean()
        near = mean + np.sqrt(1 - size**2) * (p - mean)
        return np.asarray(near + size * self.spread * noise)

    def right_and_wrong(self) -> tuple[Array, Array] | None:
        """Directions of a right and a wrong prediction, if the target shows them.

        Logits are of size one, to be scaled; probabilities are between 0.02 and
        0.98; for regression they are the target and values far from it.
        """
        p, t = self.prediction, self.target
        axis = class_axis(p, t)
        if self.ideal is not None:
            right, wrong = self.ideal, 2 * p.mean() - self.ideal
            return right, wrong if self.kind != "prob" else 1 - right
        if axis is not None:
            if not self.classifies:
                return None
            classes = p.shape[axis]
            right = one_hot(t, classes, axis)
            wrong = one_hot((t + 1) % classes, classes, axis)
        elif isinstance(t, np.ndarray) and is_binary(t) and t.shape == p.shape:
            right, wrong = t.astype(float), 1.0 - t
        elif is_real(t) and t.shape == p.shape:
            rng = np.random.default_rng(5)
            signs = rng.choice([-1.0, 1.0], size=t.shape)
            return t.astype(float), t + 3 * (t.std() + 0.1) * signs
        else:
            return None
        if self.kind == "prob":
            return right * 0.96 + 0.02, wrong * 0.96 + 0.02
        return 2 * right - 1, 2 * wrong - 1

    @property
    def classifies(self) -> bool:
        """Whether the target holds classes of these predictions, most of them."""
        t, p = self.target, self.prediction
        axis = class_axis(p, t)
        if axis is not None:
            return bool(2 * (t.max() + 1) > p.shape[axis])
        return is_binary(t) and t.shape == p.shape

    def other_targets(self) -> Iterator[Array]:
        """Targets shuffled, then targets with other values."""
        t = self.target
        for seed in range(3):
            yield np.random.default_rng(seed).permutation(t.ravel()).reshape(t.shape)
        for seed in range(3):
            rng = np.random.default_rng(seed)
            if t.dtype.kind == "b":
                yield rng.random(t.shape) < 0.5
            elif t.dtype.kind in "iu":
                yield rng.integers(t.min(), t.max() + 1, t.shape).astype(t.dtype)
            elif is_binary(t):
                yield rng.integers(0, 2, t.shape).astype(t.dtype)
            else:
                yield (t * rng.uniform(0.5, 1.5, t.shape)).astype(t.dtype)

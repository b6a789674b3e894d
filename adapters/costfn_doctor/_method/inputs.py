"""Predictions and targets to try: ordinary ones, perfect ones, other ones."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from .thresholds import (
    FEW_ENTRIES,
    FEWEST_CLASSES_USED,
    FEWEST_ENTRIES,
    FEWEST_ROWS,
    LARGE_NOISE,
    LEAST_TARGET_SPREAD,
    OTHER_TARGETS,
    POSITIVE_NOISE,
    PROB_MARGIN,
    ROWS,
    ROWS_SUM_TO_ONE,
    SMALL_NOISE,
    TARGET_FACTORS,
    WRONG_BY,
)
from .trace import Array

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

    Neighbours are taken in pairs, because some losses compare them in pairs.
    """
    number = np.arange(wanted)
    return number // 2 * 2 * count // wanted // 2 * 2 + number % 2


def samples_wanted(count: int, size: int, *, most_entries: float = math.inf) -> int:
    """How many samples of a batch to examine: enough of them, and enough entries."""
    each = size // count
    enough = max(FEWEST_ROWS, min(ROWS, most_entries // each), FEWEST_ENTRIES // each)
    return min(count, int(enough))


def simplex_axis(values: Array, *, start: int = 0) -> int | None:
    """Axis along which non-negative values sum to one; the class axis first."""
    axes = [axis for axis in (1, values.ndim - 1, 0) if start <= axis < values.ndim]
    for axis in axes:
        inside = values.shape[axis] > 1 and values.min() >= 0
        if inside and np.allclose(values.sum(axis), 1, atol=ROWS_SUM_TO_ONE):
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


def is_positive(prediction: Array) -> bool:
    """Whether all entries are positive, and too many for that to be chance."""
    return prediction.size > FEW_ENTRIES and bool(prediction.min() > 0)


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
    """The prediction and the target that were given, and others like them.

    Attributes:
        prediction: As it was given.
        target: As it was given; an array, or whatever the loss takes.
        kind: What the prediction is.
        kind_given: The caller said so; otherwise it is a guess.
        ideal: A prediction that is perfect for the target, if the caller gave one.
    """

    prediction: Array
    target: Any
    kind: Kind
    kind_given: bool
    ideal: Array | None = None

    @property
    def spread(self) -> float:
        """Standard deviation of the prediction, or 1 if it has none."""
        return float(self.prediction.std()) or 1.0

    def sample(self, k: int) -> Array:
        """Another prediction like the one given.

        Even ones mix entries across the batch and add much noise: without it two
        samples of an accuracy would often be equal. Odd ones keep each row together
        and add little noise, because a row may be a box or a rotation.
        """
        rng = np.random.default_rng(77 + k)
        p = self.prediction
        if p.ndim and p.shape[0] > 1:
            p = p[rng.permutation(len(p))] if k % 2 else rng.permuted(p, axis=0)
        size = SMALL_NOISE if k % 2 else LARGE_NOISE
        noise = rng.normal(size=p.shape)
        if self.kind == "prob":
            # Noise on the logits keeps probabilities between 0 and 1.
            inside = np.clip(p, PROB_MARGIN, 1 - PROB_MARGIN)
            moved = 1 / (1 + (1 - inside) / inside * np.exp(-size * noise))
            axis = simplex_axis(self.prediction)
            rows = 1 if axis is None else moved.sum(axis, keepdims=True)
            return np.asarray(moved / rows)
        if self.kind == "logprob":
            axis = simplex_axis(np.exp(self.prediction)) or -1
            moved = p + size * noise
            return np.asarray(moved - np.log(np.exp(moved).sum(axis, keepdims=True)))
        if is_positive(self.prediction):
            return np.asarray(p * np.exp(POSITIVE_NOISE * size * noise))
        # The weights keep the standard deviation that the prediction has.
        mean = self.prediction.mean()
        near = mean + np.sqrt(1 - size**2) * (p - mean)
        return np.asarray(near + size * self.spread * noise)

    def right_and_wrong(self) -> tuple[Array, Array] | None:
        """A right and a wrong prediction, if the target shows which those are.

        Logits are -1 and 1, to be scaled. Probabilities keep a margin to 0 and 1.
        For regression they are the target and values far from it.
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
            far = WRONG_BY * (t.std() + LEAST_TARGET_SPREAD)
            return t.astype(float), t + far * signs
        else:
            return None
        if self.kind == "prob":
            inner = 1 - 2 * PROB_MARGIN
            return right * inner + PROB_MARGIN, wrong * inner + PROB_MARGIN
        return 2 * right - 1, 2 * wrong - 1

    @property
    def classifies(self) -> bool:
        """Whether the target holds classes of this prediction.

        Labels that use few of the columns belong to something else: groups of
        embeddings, for instance.
        """
        t, p = self.target, self.prediction
        axis = class_axis(p, t)
        if axis is not None:
            return bool(t.max() + 1 > FEWEST_CLASSES_USED * p.shape[axis])
        return is_binary(t) and t.shape == p.shape

    def other_targets(self) -> Iterator[Array]:
        """Shuffled targets first, then targets with other values."""
        t = self.target
        for seed in range(OTHER_TARGETS):
            yield np.random.default_rng(seed).permutation(t.ravel()).reshape(t.shape)
        for seed in range(OTHER_TARGETS):
            rng = np.random.default_rng(seed)
            if t.dtype.kind == "b":
                yield rng.random(t.shape) < 0.5
            elif t.dtype.kind in "iu":
                yield rng.integers(t.min(), t.max() + 1, t.shape).astype(t.dtype)
            elif is_binary(t):
                yield rng.integers(0, 2, t.shape).astype(t.dtype)
            else:
                yield (t * rng.uniform(*TARGET_FACTORS, t.shape)).astype(t.dtype)

"""Model and loss tried on a few samples, where their values can be seen."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from .._foundation import check
from ._problem import Problem, as_tuple, has_samples, some

_TOGETHER = 4  # samples with which the model is tried
_TRIED = 8  # and the loss, besides one sample of each of as many classes


def hidden(made: Problem) -> bool:
    """Whether values cannot be seen, as under `jit`."""
    given = jax.tree.leaves((made.x, made.y, made.parameters))
    return any(isinstance(leaf, jax.core.Tracer) for leaf in given)


def check_alone(made: Problem) -> None:
    """Refuses a model whose predictions depend on the other samples of the batch."""
    if hidden(made):
        return
    x = some(made.x, _spread(made.size, _TOGETHER))
    size = min(made.size, _TOGETHER)
    joint = made.model(made.parameters, x)
    for i in sorted({0, size - 1}):
        single = made.model(made.parameters, some(x, slice(i, i + 1)))
        pairs = zip(
            jax.tree_util.tree_leaves_with_path(joint),
            jax.tree.leaves(single),
            strict=True,
        )
        for (path, together), apart in pairs:
            difference = _difference(together[i : i + 1], apart)
            if difference:
                raise ValueError(
                    "model must treat each sample alone, got predictions"
                    f"{jax.tree_util.keystr(path)} that differ by {difference:.2g} of "
                    "the largest one if other samples are beside them: contributions "
                    "to a loss of the batch would not add up to its gradient"
                )


def _difference(together: Array, apart: Array) -> float:
    """How far they are apart for their size, or 0 if that may be rounding."""
    if not jnp.issubdtype(apart.dtype, jnp.inexact):
        return 0.0
    allowed = max(float(jnp.finfo(apart.dtype).eps) ** 0.5, 1e-6)
    ours, theirs = (np.asarray(v).astype(complex) for v in (together, apart))
    gap = np.where((ours == theirs) | (np.isnan(ours) & np.isnan(theirs)), 0, 1)
    gap = np.where(gap, abs(ours - theirs), 0.0)
    largest = np.max(np.where(np.isfinite(theirs), abs(theirs), 0.0), initial=0.0)
    furthest = np.max(np.nan_to_num(gap, nan=np.inf), initial=0.0)
    return float(furthest / largest) if furthest > allowed * largest > 0 else 0.0


def check_loss(made: Problem) -> None:
    """Checks that it is one loss for each sample, and that it has a gradient."""
    if hidden(made):
        return
    rows = _telling_rows(made)
    x, y = some((made.x, made.y), rows)
    few = made._replace(x=x, y=y, size=len(rows), chunk_size=None)
    z, targets = few.predictions(), as_tuple(y)
    value = made.loss(z, *targets)
    check.array("loss", value)
    if value.ndim and len(value) != few.size:
        raise ValueError(
            "loss must return one number, or one per sample, got the shape "
            f"{value.shape} for {few.size} samples"
        )
    if not value.ndim:
        of_each = few._replace(model=lambda _, z: z, x=z, parameters=())
        _check_sum(value, of_each.losses(()), y)
    check_gradient(made.loss, z, targets)


def _spread(size: int, number: int) -> Any:
    return np.unique(np.linspace(0, size - 1, min(size, number)).round().astype(int))


def _telling_rows(made: Problem) -> Any:
    """Samples from all over, and one of each of some classes."""
    rows = _spread(made.size, _TRIED)
    first = next(filter(has_samples, jax.tree.leaves(made.y)), None)
    if first is None or first.ndim != 1 or not jnp.issubdtype(first.dtype, jnp.integer):
        return rows
    _, places = np.unique(np.asarray(first), return_index=True)
    return np.union1d(rows, places[_spread(len(places), _TRIED)])


def _check_sum(value: Array, singles: Array, y: Any) -> None:
    seen, each = check.readable_values(value), check.readable_values(singles)
    if seen is None or each is None or not np.isfinite(seen):
        return
    precision = float(jnp.finfo(value.dtype).eps)
    if _adds_up(float(seen), each.astype(float), precision, y):
        return
    raise ValueError(
        "loss must be the mean or the sum of the losses of the samples, got "
        f"{seen.item():.6g} for {len(each)} samples together and, alone, "
        f"{[round(v, 4) for v in each.tolist()]}; if it is a loss of the batch, as "
        "F1 and MCC are, use costfn_jax.per_sample.contributions; if it is a weighted "
        "mean, return one loss per sample"
    )


def _adds_up(value: float, singles: Any, precision: float, y: Any) -> bool:
    """Whether it is their sum, their mean, or their mean over what is not ignored."""
    # A sample that is ignored has the mean of no losses, NaN, to itself.
    finite = singles[np.isfinite(singles)]
    if not len(finite):
        return False
    near = 1000 * precision * abs(finite).max()
    zeroed = np.where(np.isfinite(singles), singles, 0.0)
    means = [
        (zeroed * counts).sum() / counts.sum()
        for counts in _counts(y)
        if len(counts) == len(singles) and counts.sum() > 0
    ]
    return any(abs(value - v) <= near for v in (finite.mean(), finite.sum(), *means))


def _counts(y: Any) -> Iterator[Any]:
    """How many places of each sample count, by what may tell: ignored labels, masks."""
    for target in filter(has_samples, jax.tree.leaves(y)):
        seen = np.asarray(target)
        if seen.ndim < 2 or np.iscomplexobj(seen):
            continue
        # Of the next token, the first has no prediction.
        for places in (seen, seen[:, 1:]):
            rows = places.reshape(len(places), -1)
            if rows.dtype == bool or jnp.issubdtype(rows.dtype, jnp.floating):
                yield rows.astype(float).sum(1)
            else:
                for label in (-100, -1, 0):
                    yield (rows != label).sum(1)


def check_gradient(
    loss: Callable[..., Array], prediction: Any, targets: tuple[Any, ...]
) -> None:
    """Asks the doctor of a loss that gives no gradient: it may be one cut off.

    A gradient of 0 is an answer, as of a hinge beyond its margin: other predictions
    are tried. It is no answer if the loss is made of steps.
    """
    if not isinstance(prediction, Array) or check.readable_values(prediction) is None:
        return
    slope = jax.grad(lambda z: loss(z, *targets).sum())
    others = (prediction, -prediction, jnp.flip(prediction, 0))
    found = [check.readable_values(slope(z)) for z in others]
    if any(f is None or f.any() for f in found):
        return
    traced = jax.make_jaxpr(lambda z: loss(z, *targets))(prediction).jaxpr
    taken = [v for equation in traced.eqns for v in equation.invars]
    connected = any(v is traced.invars[0] for v in taken)
    ask_the_doctor(loss, prediction, targets, connected)


_SILENT = {"PRED_IGNORED", "TARGET_IGNORED", "NAN_SINGULAR"}


def ask_the_doctor(
    loss: Callable[..., Array],
    prediction: Array,
    targets: tuple[Any, ...],
    connected: bool = False,
) -> None:
    """Raises with the doctor's report, if the loss is broken.

    Of a loss that takes its predictions up, only for a cause that lies in its own
    lines: that nothing comes of these predictions and targets may be right.
    """
    # Imported where it is needed, which is seldom.
    from ..doctor import diagnose

    if len(targets) > 1:
        report = diagnose(lambda z, t: loss(z, *t), prediction, targets)
    else:
        report = diagnose(loss, prediction, targets[0] if targets else None)
    own = [f for f in report.findings if f.severity != "information"]
    if not connected or any(f.cause not in _SILENT for f in own):
        report.raise_if_broken()

"""A report on the gradients of all samples of a loader."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from .._foundation.options import ABOVE_ZERO, number
from ._gradient_problem import GradientProblem, Loss, Model, RunMode, squared_length
from ._prepare import prepare, prepare_linearized
from ._report import Group, Sample, Summary
from ._statistics import noise_scale

# The edges of the bins of norms: 20 bins for each factor of 10. Norms beyond the edges
# are counted in the first or the last bin.
_EDGES = 10.0 ** np.arange(-12.0, 8.0, 0.05)


def summary(
    model: Model,
    loss: Loss,
    loader: Iterable[Any],
    *,
    parameters: Any,
    validation: tuple[Any, Any] | None = None,
    validation_loss: Loss | None = None,
    target: str | None = None,
    top: int = 10,
    chunk_size: int | None = None,
) -> Summary:
    """Mirror of `costfn.per_sample.summary`, for one batch of `validation`.

    Batches hold arrays of JAX or NumPy. What is computed from a batch is compiled, so
    batches of the same size are fast; `summary` itself does not run under `jit`.
    """
    number("top", top, ABOVE_ZERO)
    _check_order(loader)
    mode = RunMode()

    def problem_of(x: Any, y: Any) -> GradientProblem:
        return prepare(model, loss, x, y, parameters, chunk_size, mode=mode)

    def problems() -> Iterator[GradientProblem]:
        for batch in loader:
            yield problem_of(*_pair(batch, target))

    direction = None
    if validation is not None and validation_loss is not None:
        whole = prepare_linearized(
            model,
            validation_loss,
            *_pair(validation, target),
            parameters=parameters,
            mode=mode,
        )
        direction = whole.total()
    elif validation is not None:
        direction = problem_of(*_pair(validation, target)).mean()
    measure, products = _Compiled(_measured), _Compiled(_products)
    tally, influence = _Tally(top), _Influence(top)
    for problem in problems():
        found = measure(problem, ())
        tally.add(problem, found)
        if direction is not None:
            influence.add(products(problem, direction), tally.classes[-1])
    if tally.samples < 2:
        raise ValueError(f"loader must hold 2 samples or more, got {tally.samples}")
    if direction is None:
        mean = jax.tree.map(lambda g: g / tally.samples, tally.sums)
        for problem, classes in zip(problems(), tally.classes, strict=True):
            influence.add(products(problem, mean), classes)
    return Summary(
        samples=tally.samples,
        total=_group(None, None, tally.total),
        groups=tuple(_group(*key, norms) for key, norms in tally.groups()),
        noise=noise_scale(
            jnp.asarray(tally.squares / tally.samples),
            squared_length(jax.tree.map(lambda g: g / tally.samples, tally.sums)),
            tally.samples,
        ),
        largest=tuple(tally.largest.samples),
        opposing=tuple(influence.lowest.samples),
        share_opposing=influence.negative / tally.samples,
        against="mean gradient" if validation is None else "validation batch",
        edges=_EDGES,
    )


def _check_order(loader: Any) -> None:
    """Checks that a loader gives the same batches every time."""
    if type(getattr(loader, "sampler", None)).__name__ == "RandomSampler":
        raise ValueError(
            "loader must not shuffle, or an index would name no sample; build it with "
            "shuffle=False"
        )
    if isinstance(loader, Iterator):
        raise TypeError(
            "loader must be iterable more than once, as a list or a DataLoader is, "
            f"got {type(loader).__name__}"
        )


def _pair(batch: Any, target: str | None) -> tuple[Any, Any]:
    batch = jax.tree.map(
        lambda a: jnp.asarray(a) if isinstance(a, np.ndarray) else a, batch
    )
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
            "loader must give pairs of inputs and targets, or dictionaries, "
            f"got {type(batch).__name__}"
        )
    x, y = (tuple(v) if isinstance(v, list) else v for v in batch)
    return x, y


class _Compiled:
    """A function of a problem and one more argument, compiled if the model allows."""

    def __init__(self, function: Any) -> None:
        self.function = function
        self.jitted: Any = None

    def __call__(self, problem: GradientProblem, more: Any) -> Any:
        if problem.mode.without_vmap:
            return self.function(problem, more)
        if self.jitted is None:
            function, model, loss = self.function, problem.model, problem.loss
            chunk_size = problem.chunk_size

            def call(parameters: Any, x: Any, y: Any, more: Any, size: int) -> Any:
                # A mode of its own: what fails here may run without `jit`.
                traced = GradientProblem(
                    model, loss, x, y, parameters, size, chunk_size, (size,), RunMode()
                )
                return function(traced, more)

            self.jitted = jax.jit(call, static_argnums=4)
        try:
            return self.jitted(
                problem.parameters, problem.x, problem.y, more, problem.size
            )
        except jax.errors.JaxRuntimeError:
            raise
        except Exception:
            # It looks at values, or takes what is no array.
            return self.function(problem, more)


class _Measured(NamedTuple):
    norms: Array
    total: Any
    predictions: Any


def _measured(problem: GradientProblem, _: Any) -> _Measured:
    predictions = problem.map(lambda x, _: problem.model(problem.parameters, x))
    return _Measured(problem.norms(), problem.total(), predictions)


def _products(problem: GradientProblem, direction: Any) -> Array:
    return problem.inner_product(direction)


class _Classes:
    """Labels and predicted classes of a batch, if it has any."""

    def __init__(self, problem: GradientProblem, predictions: Any) -> None:
        self.labels: Any = None
        self.size = problem.size
        target = problem.y[0] if isinstance(problem.y, tuple) else problem.y
        if target is None and isinstance(problem.x, dict):
            target = problem.x.get("labels")
        labels = None if target is None else np.asarray(target)
        if labels is None or labels.ndim != 1 or labels.dtype.kind not in "iu":
            return
        z = predictions.get("logits") if isinstance(predictions, Mapping) else None
        z = predictions if z is None else z
        if isinstance(z, Array) and z.ndim == 3 and z.shape[1] == 1 < z.shape[2]:
            self.labels, self.predicted = labels, np.asarray(z[:, 0].argmax(1))

    def of(self, place: int) -> tuple[int | None, int | None]:
        """Label and prediction of one sample."""
        if self.labels is None:
            return None, None
        return int(self.labels[place]), int(self.predicted[place])


class _Norms:
    """The number of samples in each bin of the norm, and the sum of the norms."""

    def __init__(self) -> None:
        self.counts = np.zeros(len(_EDGES) + 1, dtype=np.int64)
        self.sum = 0.0

    def add(self, norms: Any) -> None:
        self.counts += np.bincount(
            np.searchsorted(_EDGES, norms), minlength=len(self.counts)
        )
        self.sum += float(norms.sum())


class _Top:
    """The samples with the largest keys in all batches so far."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.found: list[tuple[float, Sample]] = []

    def add(self, keys: Any, scores: Any, first: int, classes: _Classes) -> None:
        for place in np.argsort(-keys, kind="stable")[: self.number].tolist():
            label, predicted = classes.of(place)
            sample = Sample(first + place, label, predicted, float(scores[place]))
            self.found.append((float(keys[place]), sample))
        self.found.sort(key=lambda pair: (-pair[0], pair[1].index))
        del self.found[self.number :]

    @property
    def samples(self) -> list[Sample]:
        return [sample for _, sample in self.found]


class _Tally:
    """Norms and sums over all batches so far."""

    def __init__(self, top: int) -> None:
        self.samples = 0
        self.sums: Any = None
        self.squares = 0.0
        self.total = _Norms()
        self.of_group: dict[tuple[int, bool], _Norms] = {}
        self.largest = _Top(top)
        self.classes: list[_Classes] = []

    def add(self, problem: GradientProblem, found: _Measured) -> None:
        norms = np.asarray(found.norms).astype(np.float64)
        classes = _Classes(problem, found.predictions)
        sums = found.total
        self.sums = (
            sums if self.sums is None else jax.tree.map(jnp.add, self.sums, sums)
        )
        self.squares += float(np.square(norms).sum())
        self.total.add(norms)
        self.largest.add(norms, norms, self.samples, classes)
        if classes.labels is not None:
            right = classes.predicted == classes.labels
            for label in np.unique(classes.labels).tolist():
                for correct in (True, False):
                    chosen = (classes.labels == label) & (right == correct)
                    if chosen.any():
                        group = self.of_group.setdefault((label, correct), _Norms())
                        group.add(norms[chosen])
        self.samples += problem.size
        self.classes.append(classes)

    def groups(self) -> list[tuple[tuple[int, bool], _Norms]]:
        """The groups by class, correct predictions first."""
        return sorted(self.of_group.items(), key=lambda g: (g[0][0], not g[0][1]))


class _Influence:
    """Influence over all batches so far."""

    def __init__(self, top: int) -> None:
        self.samples = self.negative = 0
        self.lowest = _Top(top)

    def add(self, products: Array, classes: _Classes) -> None:
        scores = np.asarray(products).astype(np.float64)
        self.negative += int((scores < 0).sum())
        self.lowest.add(-scores, scores, self.samples, classes)
        self.samples += len(scores)


def _group(label: int | None, correct: bool | None, norms: _Norms) -> Group:
    samples = int(norms.counts.sum())
    reached = norms.counts.cumsum()
    low, half, high = (
        _middle(int((reached < share * samples).sum())) for share in (0.1, 0.5, 0.9)
    )
    mean = norms.sum / samples
    return Group(label, correct, samples, mean, (low, half, high), norms.counts)


def _middle(place: int) -> float:
    """The geometric mean of a bin's edges; 0 below the first edge."""
    if place == 0:
        return 0.0
    return float((_EDGES[place - 1] * _EDGES[min(place, len(_EDGES) - 1)]) ** 0.5)

"""What is compared: every loss of the tables in situations from easy to extreme.

Numbers lie on a grid that the formats share, so that nothing is rounded on the way in
and one oracle serves several: 24 bits for float64 and float32, 8 for the halves.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

import batch_losses
import textbook_metrics
from cases import Case
from losses import CASES
from textbook import exact

Array = np.ndarray[Any, np.dtype[Any]]
CLASSES, EXAMPLES = 3, 4
PER_LABEL = ("marks", "memberships")  # whose sum over the labels is compared
# By row: ordinary, large, very large, nearly tied, saturated right, saturated wrong.
WIDTH = np.array([1 / 4, 1, 5 / 2, 1 / 64, 1 / 2, 1 / 2])
SITUATIONS = len(WIDTH)
GAP = 24.0


@dataclass(frozen=True, eq=False)
class Problem:
    """A loss with options and one kind of arguments, in several situations.

    The situations are the first axis of the logits, and of the other arguments that
    are not `shared`. A `batched` loss takes that axis as a batch; the others take one
    situation at a time.
    """

    name: str
    kind: str
    options: dict[str, Any]
    formula: Callable[..., Any]
    logits: Array
    target: Array | None
    extras: dict[str, Array]
    batched: bool = False
    shared: tuple[str, ...] = ()

    def __repr__(self) -> str:
        options = "-".join(f"{name}={value}" for name, value in self.options.items())
        return "-".join(filter(None, (self.name, options, self.kind)))

    def loss(self, namespace: Any) -> Callable[..., Any]:
        """The loss of one framework, of logits, target and extras."""
        function = getattr(namespace, self.name)

        def call(logits: Any, target: Any, *extras: Any) -> Any:
            extra = dict(zip(self.extras, extras, strict=True))
            losses = function(logits, target, **extra, **self.options)
            return losses.sum(-1) if self.kind in PER_LABEL else losses

        return call

    @property
    def direction(self) -> Array:
        """Of the second derivative: quarters from -1 to 1, exact in every dtype."""
        return generator(self, "direction").integers(-4, 5, self.logits.shape) / 4

    def rest(self, logits: Array, target: Array | None, *_: Array) -> Array:
        """Where the natural scale is measured: logits of 0, or a factor of e."""
        if self.kind == "values":
            return target + 1 if self.options["log_space"] else np.exp(1) * target
        return 0 * logits

    @property
    def in_axes(self) -> tuple[int | None, ...]:
        """Which arguments have an entry for each situation."""
        extras = (None if name in self.shared else 0 for name in self.extras)
        return (0, None if self.target is None else 0, *extras)

    @property
    def arguments(self) -> tuple[Array | None, ...]:
        """Logits, target and extras."""
        return (self.logits, self.target, *self.extras.values())

    def situations(self) -> Iterator[tuple[Any, ...]]:
        """The arguments of one situation after the other."""
        for i in range(len(self.logits)):
            pairs = zip(self.arguments, self.in_axes, strict=True)
            yield tuple(x if x is None or axis is None else x[i] for x, axis in pairs)


def on_grid(values: Array, bits: int) -> Array:
    """Rounded to so many significant bits, and to 0 far below 1."""
    mantissa, exponent = np.frexp(values)
    rounded = np.ldexp(np.round(np.ldexp(mantissa, bits)), exponent - bits)
    return np.where(abs(values) < 2.0**-10, 0.0, rounded)


def on_simplex(probs: Array, bits: int) -> Array:
    """Rows of multiples of a power of two whose sum is exactly 1."""
    unit = 2.0 ** (1 - bits)
    rounded = np.floor(probs / unit) * unit
    likeliest = np.eye(probs.shape[-1])[probs.argmax(-1)]
    return rounded + likeliest * (1 - rounded.sum(-1, keepdims=True))


def spread(logits: Array, right: Array, wrong: Array, bits: int) -> Array:
    """From near ties to saturation: the last two rows pushed right, and wrong."""
    push = np.zeros_like(logits)
    push[-2:] = right[-2], wrong[-1]
    width = WIDTH.reshape(-1, *(1,) * (logits.ndim - 1))
    return on_grid(width * logits + GAP * push, bits)


def generator(*of: object) -> np.random.Generator:
    """Random numbers, the same in every process."""
    return np.random.default_rng(list("-".join(map(repr, of)).encode()))


def of_table(case: Case, bits: int) -> Problem:
    """A row of `tests/support/losses.py`."""
    rng = generator(case)
    batched = case.loss.per_sample
    logits, target, extras = case.build(
        (SITUATIONS,) if batched else (SITUATIONS, EXAMPLES),
        CLASSES,
        rng.uniform,
        lambda high, shape: rng.integers(high, size=shape),
    )
    extras = tuple(
        on_grid(x, bits) if name == "cost" else on_simplex(x, bits)
        for name, x in zip(case.takes, extras, strict=True)
    )
    if case.form == "probs":
        target = on_simplex(target, bits)
    elif case.form == "memberships":
        target = on_grid(target, bits)
    best = extras[0].argmin(-1) if target is None else target
    best = best.argmax(-1) if case.form == "probs" else best
    if case.form in PER_LABEL:
        right = 2.0 * (target > 0.5) - 1
        wrong = -right
    else:
        right = np.eye(logits.shape[-1])[best]
        wrong = np.roll(right, 1, -1)

    def formula(z: Array, q: Array | None, *extras: Array) -> Any:
        if q is None:
            q, extras = exact(np.ones(1)), (extras[0][None],)
        elif case.form in ("labels", "each", "actions"):
            q = exact(np.eye(CLASSES)[q])
        return case.loss.textbook(z, q, *extras, **case.options)

    return Problem(
        case.loss.name,
        case.form,
        case.options,
        formula,
        spread(logits, right, wrong, bits),
        target,
        dict(zip(case.takes, extras, strict=True)),
        batched,
        () if case.form in ("each", "vector") else case.takes,
    )


def several_classes(rng: np.random.Generator, bits: int) -> tuple[Array, Array]:
    """Logits and labels of batches, one of them without the last class."""
    shape = (SITUATIONS, EXAMPLES)
    labels = rng.permuted(np.resize(np.arange(CLASSES), shape), axis=1)
    labels[1] %= CLASSES - 1
    right = np.eye(CLASSES)[labels]
    logits = rng.uniform(-8, 8, (*shape, CLASSES))
    return spread(logits, right, np.roll(right, 1, -1), bits), labels


def yes_or_no(
    rng: np.random.Generator, shape: tuple[int, ...], bits: int
) -> tuple[Array, Array]:
    """Scores and 0/1 targets of batches, one of them without a 0."""
    halves = np.arange(shape[0]).reshape(-1, *(1,) * (len(shape) - 1)) % 2
    truth = rng.permuted(halves + np.zeros((SITUATIONS, *shape), int), axis=1)
    truth[1] = 1
    logits = rng.uniform(-8, 8, truth.shape)
    return spread(logits, 2.0 * truth - 1, 1 - 2.0 * truth, bits), truth


def of_counts(case: batch_losses.Case, kind: str, bits: int) -> Problem:
    """A row of `tests/batch_losses.py`: with labels, probabilities, or another task."""
    rng = generator(case, kind)
    options, extras = case.options, {}
    if kind in ("labels", "probs"):
        logits, target = several_classes(rng, bits)
    else:
        options = {"task": kind} | options
        labels = () if kind == "binary" else (2,)
        logits, target = yes_or_no(rng, (EXAMPLES, *labels), bits)
    if kind == "probs":
        alpha = np.ones(CLASSES)
        target = on_simplex(rng.dirichlet(alpha, (SITUATIONS, EXAMPLES)), bits)
        weight = rng.uniform(0.1, 2, (SITUATIONS, EXAMPLES))
        extras["sample_weight"] = on_grid(weight, bits)
    if case.name in batch_losses.COSTS:
        cost = batch_losses.COST.numpy()
        extras["cost"] = batch_losses.BINARY_COST.numpy() if kind == "binary" else cost
    names, metric = list(extras), textbook_metrics.LOSSES[case.name]
    task = kind if "task" in options else "multiclass"

    def formula(z: Array, y: Array, *extras: Array) -> Any:
        extra = dict(zip(names, extras, strict=True))
        q = exact(np.eye(CLASSES)[y]) if kind == "labels" else exact(y)
        table = textbook_metrics.Table(z, q, extra.pop("sample_weight", None), task)
        return metric(table, **extra, **case.options)

    return Problem(
        case.name, kind, options, formula, logits, target, extras, shared=("cost",)
    )


def of_lovasz(classes: str | None, bits: int) -> Problem:
    """The two losses by sorting."""
    rng = generator("lovasz", classes)
    if classes is None:
        logits, target = yes_or_no(rng, (EXAMPLES,), bits)
        return Problem(
            "lovasz_hinge_loss",
            "labels",
            {},
            lambda z, y: textbook_metrics.lovasz_hinge(z, exact(y)),
            logits / 4,
            target,
            {},
        )
    logits, target = several_classes(rng, bits)
    options = {"classes": classes}

    def formula(z: Array, y: Array) -> Any:
        hot = exact(np.eye(CLASSES)[y])
        return textbook_metrics.lovasz_softmax(z, hot, **options)

    return Problem(
        "lovasz_softmax_loss", "labels", options, formula, logits, target, {}
    )


def of_regression(log_space: bool, bits: int) -> Problem:
    """The q-error: small and large factors, and in log space beyond e^30."""
    rng = generator("regression", log_space)
    factor = np.array([0.5, -2.0, 7.5, -6.0, 1 / 64, 34.0 if log_space else 0.75])
    target = on_grid(rng.uniform(0.5, 4, SITUATIONS), bits)
    prediction = target + factor if log_space else target * np.exp(factor)
    options = {"log_space": log_space}
    return Problem(
        "q_error_loss",
        "values",
        options,
        lambda p, t: textbook_metrics.q_error(p[()], t[()], **options),
        on_grid(prediction, bits),
        target,
        {},
        batched=True,
    )


def problems(bits: int) -> list[Problem]:
    """All of them, on one grid."""
    counted = [
        of_counts(case, kind, bits)
        for case in batch_losses.CASES
        for kind in ("labels", "probs", "binary", "multilabel")
        if not case.options or kind in ("labels", "probs")
        if kind != "multilabel" or case.name in batch_losses.MULTILABEL
    ]
    return [
        *(
            of_table(case, bits)
            for case in CASES
            if case.options == case.loss.options[0] or case.form == case.loss.forms[0]
        ),
        *counted,
        *(of_lovasz(classes, bits) for classes in ("present", "all", None)),
        *(of_regression(log_space, bits) for log_space in (True, False)),
    ]

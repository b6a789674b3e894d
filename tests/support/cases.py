"""A loss, its options and a form of its arguments: what one generic test runs on."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from inspect import Parameter, signature
from typing import Any, NamedTuple

import numpy as np
import torch
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import costfn
from costfn.catalogue import LOSSES, Entry
from textbook import exact

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Loss:
    """One row of the table: a loss, and what is claimed of it.

    What the catalogue says of it is read there. `forms` are the forms of the
    arguments it accepts:

    - `labels`, `probs`: a target of class indices, of class probabilities;
    - `each`: one cost matrix for each example;
    - `vector`: no target, one cost vector for each example;
    - `actions`: a cost matrix with one decision more than there are classes;
    - `marks`, `memberships`: for each label whether it is there, 0 or 1, or how far;
      then there is a loss for each label, and the tests of examples take their sum.
    """

    name: str
    textbook: Callable[..., Any]
    options: tuple[dict[str, Any], ...] = ({},)
    forms: tuple[str, ...] = ("labels", "probs", "each")
    by_hand: tuple[tuple[Any, ...], ...] = ()
    bad_options: tuple[dict[str, Any], ...] = ()
    required: tuple[str, ...] = ()  # options without a default
    numbers: dict[str, float] = field(default_factory=dict)  # to be learned, from here
    shift_invariant: bool = True
    kinked: bool = False  # piecewise linear somewhere
    log_divergent: bool = False  # grows as the logits' gap when confidently wrong
    vanishes: bool = False  # its value, and so its small side, goes to 0 at perfect
    # Right to the last digits even where it is nearly 0: its "value", "gradient" or
    # "curvature", which the cross-check then judges without the loss's scale.
    sharp: tuple[str, ...] = ()

    @property
    def entry(self) -> Entry:
        return LOSSES[self.name]

    @cached_property
    def takes(self) -> tuple[str, ...]:
        """Its arguments after the target."""
        of_target = ("target", "target_probs")
        named = signature(self.entry.loss).parameters
        return tuple(
            name
            for name in self.entry.takes
            if name not in of_target
            and named[name].kind is Parameter.POSITIONAL_OR_KEYWORD
        )

    @property
    def per_sample(self) -> bool:
        return self.entry.per_sample

    @property
    def torch(self) -> Callable[..., torch.Tensor]:
        return getattr(costfn, self.name)

    def of_example(self, *arguments: Any, **options: Any) -> Any:
        """The loss of each example, or the sum over its labels."""
        losses = self.torch(*arguments, **options)
        return losses.sum(-1) if self.per_label else losses

    @property
    def per_label(self) -> bool:
        return self.entry.per_label

    @property
    def class_name(self) -> str:
        return "".join(word.title() for word in self.name.split("_"))


class Arguments(NamedTuple):
    """NumPy: logits, target (None with cost vectors), and what follows it."""

    logits: Array
    target: Array | None
    extras: tuple[Array, ...]

    def torch(self, dtype: torch.dtype = torch.float64) -> tuple[Any, ...]:
        def convert(x: Array | None) -> torch.Tensor | None:
            if x is None:
                return None
            tensor = torch.tensor(x)
            return tensor.to(dtype) if tensor.is_floating_point() else tensor

        return tuple(convert(x) for x in (self.logits, self.target, *self.extras))


@dataclass(frozen=True)
class Case:
    """One loss with one set of options and one form of arguments."""

    loss: Loss
    options: dict[str, Any]
    form: str

    def __repr__(self) -> str:
        options = "-".join(f"{name}={value}" for name, value in self.options.items())
        return "-".join(filter(None, (self.loss.name, options, self.form)))

    def __call__(self, logits: Any, target: Any, *extras: Any) -> torch.Tensor:
        return self.loss.of_example(logits, target, *extras, **self.options)

    @cached_property
    def in_dims(self) -> tuple[int | None, ...]:
        """Which arguments have one entry for each example."""
        extras = [0 if self.form in ("each", "vector") else None for _ in self.takes]
        return (0, None if self.form == "vector" else 0, *extras)

    @property
    def takes(self) -> tuple[str, ...]:
        return self.loss.takes

    def build(
        self,
        batch: tuple[int, ...],
        classes: int,
        uniform: Callable[[float, float, tuple[int, ...]], Array],
        integers: Callable[[int, tuple[int, ...]], Array],
    ) -> Arguments:
        """Arguments of this form, out of numbers from two sources."""
        actions = classes + (self.form == "actions")
        width = actions if self.loss.entry.scores == "decisions" else classes
        logits = uniform(-8, 8, (*batch, width))
        target = None
        if self.form == "probs":
            weights = uniform(0, 1, (*batch, classes)) + 2.0**-10
            target = weights / weights.sum(-1, keepdims=True)
        elif self.form == "marks":
            target = integers(2, (*batch, classes))
        elif self.form == "memberships":
            target = uniform(0, 1, (*batch, classes))
        elif self.form != "vector":
            target = integers(classes, batch)
        shape = {
            "cost": {"each": (*batch, classes, actions), "vector": (*batch, actions)},
            "transition": {},
            "prior": {"labels": (classes,), "probs": (classes,)},
        }
        extras = []
        for name in self.takes:
            size = shape[name].get(self.form, (classes, actions))
            if name == "cost":
                # Drawn numbers often tie, and a tie is broken by rounding.
                ramp = np.arange(np.prod(size)).reshape(size) * 2.0**-10
                extra = uniform(0, 4, size) + ramp
                if self.loss.entry.zero_diagonal:
                    extra = extra * (1 - np.eye(*size[-2:]))
            else:
                extra = uniform(0, 1, size) + 2.0**-4
                extra = extra / extra.sum(-1, keepdims=True)
            extras.append(extra)
        return Arguments(logits, target, tuple(extras))

    def draw(
        self, seed: int = 0, batch: tuple[int, ...] = (2,), classes: int = 3
    ) -> Arguments:
        """Arguments at random, always the same."""
        rng = np.random.default_rng(seed)
        return self.build(
            batch,
            classes,
            rng.uniform,
            lambda high, size: rng.integers(high, size=size),
        )

    def expected(self, arguments: Arguments) -> Array:
        """Losses by the textbook, in float64."""
        logits, target, extras = arguments
        batch = logits.shape[:-1]
        if self.form == "vector":
            target, extras = np.ones((*batch, 1)), (extras[0][..., None, :],)
        elif self.form in ("labels", "each", "actions"):
            classes = extras[0].shape[-2] if self.takes == ("cost",) else None
            target = np.eye(classes or logits.shape[-1])[target]
        own = self.form in ("each", "vector")
        if not self.loss.per_sample:
            parts = (
                logits.reshape(-1, logits.shape[-1]),
                target.reshape(-1, target.shape[-1]),
            )
            return self.by_the_book(*parts, *extras)
        losses = np.empty(batch)
        for i in np.ndindex(*batch):
            theirs = [extra[i] if own else extra for extra in extras]
            losses[i] = self.by_the_book(logits[i], target[i], *theirs)
        return losses

    def by_the_book(self, *arguments: Array) -> float:
        return float(self.loss.textbook(*map(exact, arguments), **self.options))


@st.composite
def arguments_of(draw: st.DrawFn, case: Case) -> Arguments:
    """Hypothesis draws NumPy arrays of few shapes, of numbers that shrink well."""

    def uniform(low: float, high: float, shape: tuple[int, ...]) -> Array:
        elements = st.floats(low, high, width=16)
        return draw(arrays(np.float64, shape, elements=elements))

    def integers(high: int, shape: tuple[int, ...]) -> Array:
        return draw(arrays(np.int64, shape, elements=st.integers(0, high - 1)))

    batch = draw(st.sampled_from([(), (3,), (2, 2)]))
    classes = draw(st.sampled_from([2, 3, 5]))
    arguments = case.build(batch, classes, uniform, integers)
    # Far enough for the thresholds of `softplus` and its like to be passed.
    return arguments._replace(logits=2.5 * arguments.logits)

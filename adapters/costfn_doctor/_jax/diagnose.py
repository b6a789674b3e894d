"""The examination of a JAX loss."""

import random
from collections.abc import Callable, Collection
from typing import Any

import jax.numpy as jnp
import numpy as np

from .._method.diagnosis import examine
from .._method.examination import Examination
from .._method.inputs import Inputs, Kind, guess_kind, samples_wanted, some_rows
from .._method.options import check_options
from .._method.report import Report
from .forms import is_array
from .subject import JaxSubject


def diagnose(
    loss: Callable[..., Any],
    prediction: Any,
    target: Any,
    *,
    batch_dim: int = 0,
    kind: Kind | None = None,
    ideal: Any = None,
    stochastic: bool = False,
    allow: Collection[str] = (),
    budget_seconds: float = 5.0,
) -> Report:
    """Does the gradient of a JAX loss flow, and if not, where does it stop?

    It works as `costfn.doctor.diagnose` does, but reads the jaxpr of the loss.

    Args:
        loss: Any function of `(prediction, target)`; of the prediction alone if
            `target` is None.
        prediction: An example of what a network puts out, floating point.
        target: An example of what it is compared with.
        batch_dim: Axis of the samples.
        kind: What the prediction is: "logits", "logprob", "prob" or "real". By
            default the doctor guesses; what depends on a guess is a warning.
        ideal: A prediction that is perfect for this target, if that is not obvious.
        stochastic: The loss draws random numbers on purpose.
        allow: Causes not to report, such as `{"STOP_GRADIENT_WEIGHT"}`.
        budget_seconds: Time to spend. The report lists what there was no time for.

    Returns:
        The report. An error that the loss raises is a finding in it.

    Raises:
        TypeError: If `loss` is not callable, or `prediction` is not a floating-point
            array.
        ValueError: If `prediction` is empty, or an option is wrong.

    Example:
        >>> import jax.numpy as jnp
        >>> def accuracy(logits, labels):
        ...     return 1 - jnp.mean(logits.argmax(1) == labels)
        >>> logits = jnp.array([[2.0, 0.0], [0.0, 1.0], [1.0, 3.0], [0.5, 0.0]])
        >>> report = diagnose(accuracy, logits, jnp.array([0, 1, 0, 0]))
        >>> report.verdict, report.findings[0].cause, report.findings[0].line
        ('broken', 'INDEX_OP', 2)
    """
    dtype = getattr(prediction, "dtype", None)
    if dtype is None or not jnp.issubdtype(dtype, jnp.floating):
        raise TypeError(
            "prediction must be a floating-point array, got "
            f"{dtype or type(prediction).__name__}; wrap a loss of several: "
            "lambda p, t: loss((p, other), t)"
        )
    check_options(
        loss,
        prediction.shape,
        batch_dim=batch_dim,
        kind=kind,
        allow=allow,
        budget_seconds=budget_seconds,
    )
    moved = _SamplesFirst(loss, batch_dim)
    p = moved.samples_first(np.asarray(prediction, dtype=float))
    t = moved.samples_first(np.asarray(target)) if is_array(target) else target
    best = (
        None if ideal is None else moved.samples_first(np.asarray(ideal, dtype=float))
    )
    notes = []
    count = p.shape[0] if p.ndim else 1
    wanted = samples_wanted(count, p.size)
    if wanted < count and (t is None or (is_array(t) and t.shape[:1] == (count,))):
        rows = some_rows(count, wanted)
        p, t = p[rows], None if t is None else t[rows]
        best = None if best is None else best[rows]
        notes = [f"all but {wanted} of {count} samples"]
    inputs = Inputs(p, t, kind or guess_kind(p), kind is not None, best)
    subject = JaxSubject(moved if batch_dim else loss, prediction, target)
    states = np.random.get_state(), random.getstate()
    try:
        exam = Examination(
            subject, inputs, budget_seconds, stochastic, not_checked=notes
        )
        return examine(exam, allow)
    finally:
        np.random.set_state(states[0])
        random.setstate(states[1])


class _SamplesFirst:
    """A loss that takes the samples on the first axis, in place of another one."""

    def __init__(self, loss: Callable[..., Any], batch_dim: int) -> None:
        self.loss, self.batch_dim = loss, batch_dim
        self.__name__ = getattr(loss, "__name__", type(loss).__name__)
        self.__wrapped__ = loss

    def samples_first(self, value: Any) -> Any:
        """A value with its samples moved to the first axis."""
        if self.batch_dim and value.ndim > abs(self.batch_dim):
            return np.moveaxis(value, self.batch_dim, 0)
        return value

    def __call__(self, *arguments: Any) -> Any:
        return self.loss(
            *(
                jnp.moveaxis(value, 0, self.batch_dim)
                if jnp.ndim(value) > abs(self.batch_dim)
                else value
                for value in arguments
            )
        )

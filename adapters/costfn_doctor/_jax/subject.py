"""A JAX loss under examination."""

import contextlib
import math
import os
import random
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._method.non_finite import first_non_finite
from .._method.report import Finding, finding
from .._method.source import DOCTOR, Location, Source
from .._method.subject import SCALAR, Failure, Frozen, NonFinite, Run
from .._method.thresholds import SMALL_CHANGE
from .._method.trace import Array, Trace
from .activations import double_activations
from .broadcasts import broadcasts
from .forms import home, is_array, returned, without_log
from .tracer import Tracer, first_not_finite

NEVER_BLAMED = (
    DOCTOR,
    os.path.dirname(jax.__file__),
)
# Their slope is infinite somewhere.
SINGULAR = {"sqrt", "rsqrt", "cbrt", "log", "log1p", "pow", "acos", "asin", "acosh"}
SINGULAR |= {"atanh", "logistic", "integer_pow"}
LONGEST_MESSAGE = 120


class JaxSubject:
    """Runs a JAX loss on arrays, and answers what the method asks about it."""

    def __init__(self, loss: Callable[..., Any], prediction: Any, target: Any) -> None:
        self.loss = loss
        self.name = str(getattr(loss, "__name__", type(loss).__name__))
        self.source = Source(NEVER_BLAMED, home(loss))
        self._returned: tuple[str, tuple[int, ...]] = (SCALAR, ())
        self._compiles = True
        self._tracers: dict[Any, Tracer] = {}
        self._both = jax.jit(jax.value_and_grad(self._scalar))
        self.dtype = jnp.asarray(prediction).dtype
        self.target_dtype = jnp.asarray(target).dtype if is_array(target) else None

    def _call(self, prediction: Any, target: Any) -> Any:
        return (
            self.loss(prediction) if target is None else self.loss(prediction, target)
        )

    def _scalar(self, prediction: Any, target: Any) -> Any:
        result = without_log(self._call(prediction, target))
        self._returned = returned(result)
        return sum(jnp.sum(jnp.asarray(part)) for part in jax.tree.leaves(result))

    def _arguments(
        self, prediction: Array, target: Any, double: bool
    ) -> tuple[Any, Any]:
        p = jnp.asarray(prediction, jnp.float64 if double else self.dtype)
        if isinstance(target, np.ndarray):
            floating = np.issubdtype(target.dtype, np.floating)
            kind = jnp.float64 if double and floating else self.target_dtype
            return p, jnp.asarray(target, kind)
        return p, target

    def run(
        self,
        prediction: Array,
        target: Any,
        *,
        gradient: bool = True,
        frozen: Frozen | None = None,
        double: bool = False,
        seed: int = 0,
        traced: bool = True,
        record: bool = False,
    ) -> Run:
        """Evaluate the loss, with the recorded results at the frozen sites."""
        run = Run()
        random.seed(seed)
        np.random.seed(seed)
        phase = "forward"
        precision = jax.enable_x64(True) if double else contextlib.nullcontext()
        with precision:
            try:
                p, t = self._arguments(prediction, target, double)
                if frozen:
                    tracer = self._tracer(p, t)
                    both = tracer.replay(self._given(p, t), frozen, gradient)
                    value, slope = both if gradient else (both, None)
                elif seed:  # a compiled loss would not draw new random numbers
                    value, slope = self._scalar(p, t), None
                else:
                    value, slope = self._compiled(p, t)(p, t)
                if gradient and slope is not None:
                    run.gradient = np.asarray(slope, dtype=float)
                    run.connected = True
                run.value = float(value)
                run.returned, run.shape = self._returned
                phase = "trace"
                if (traced or record) and not frozen:
                    run.trace = self._tracer(p, t).record(self._given(p, t))
            except Exception as error:
                if phase == "trace":  # Python code reads values, so there is no jaxpr
                    return run
                run.failure = Failure(error, self.source.of_error(error), phase)
        return run

    def _compiled(self, p: Any, t: Any) -> Callable[..., Any]:
        """Value and gradient, compiled if possible."""
        eager = jax.value_and_grad(self._scalar)
        if not self._compiles or not isinstance(t, jax.Array):
            return eager
        try:
            self._both(p, t)
        except Exception:  # it reads values of the target, or is faulty
            self._compiles = False
            return eager
        return self._both

    def _given(self, p: Any, t: Any) -> tuple[Any, ...]:
        """Arguments of the traced function: both, if the target can be an argument."""
        return (p, t) if self._compiles and isinstance(t, jax.Array) else (p,)

    def _tracer(self, p: Any, t: Any) -> Tracer:
        """The tracer of the loss: one for all targets, or one for this target."""
        if len(self._given(p, t)) == 1:
            closed = jax.make_jaxpr(lambda q: self._scalar(q, t))(p)
            return Tracer(closed, self.source, compiled=False)
        key = p.dtype, p.shape, t.shape
        if key not in self._tracers:
            closed = jax.make_jaxpr(self._scalar)(p, t)
            self._tracers[key] = Tracer(closed, self.source, compiled=True)
        return self._tracers[key]

    def rules(self, prediction: Array, target: Any) -> list[Finding]:
        """Findings about single calls."""
        p, t = self._arguments(prediction, target, False)
        return [*broadcasts(self._scalar, p, t, self.source), *self._activations(p, t)]

    def _activations(self, p: Any, t: Any) -> list[Finding]:
        """Activations that follow each other, if the loss has a jaxpr at all."""
        try:
            given = self._given(p, t)
            tracer = self._tracer(p, t)
        except Exception:
            return []
        return list(double_activations(tracer.closed, given, self.source))

    def explain(self, run: Run) -> Finding:
        """Finding for a run that failed."""
        failure = run.failure
        assert failure is not None
        kind = type(failure.error).__name__
        said = str(failure.error).splitlines()[0][:LONGEST_MESSAGE]
        cause = {
            "TracerArrayConversionError": "NUMPY_ESCAPE",
            "ConcretizationTypeError": "ITEM_ESCAPE",
            "TracerIntegerConversionError": "ITEM_ESCAPE",
            "TracerBoolConversionError": "HARD_THRESHOLD",
        }.get(kind, "EXCEPTION")
        return finding("error", cause, f"{kind}: {said}", failure.at)

    def non_finite(self, prediction: Array, target: Any) -> NonFinite | None:
        """First place where the value or the gradient is not finite."""
        run = self.run(prediction, target, gradient=False)
        forward = first_non_finite(run.trace, prediction, target)
        if forward is not None:
            op, place = forward
            if not math.isfinite(run.value):
                return place
            if _discarded(run.trace, op.at):
                return place._replace(masked=True)
        p, t = self._arguments(prediction, target, False)
        slope = jax.make_jaxpr(jax.grad(lambda q: self._scalar(q, t)))(p)
        found = first_not_finite(slope, (p,), self.source)
        if found is None:
            return None
        step = found[1]
        here = {op.name for op in run.trace.ops if op.at == step.at}
        return NonFinite(
            step.at,
            ", ".join(sorted(here & SINGULAR)) or step.name,
            backward=True,
            zero_gradient=_discarded(run.trace, step.at),
            divides_by_zero="div" in here and not here & SINGULAR,
            nan=True,
        )

    def vanishing(self, prediction: Array, target: Any) -> Location | None:
        """Line where most of a small change of the prediction is lost.

        A jaxpr has no hooks on its backward pass. But where the gradient vanishes, a
        small change of the prediction does not pass either.
        """
        size = SMALL_CHANGE * np.random.default_rng(0).normal(size=prediction.shape)
        one = self.run(prediction, target, gradient=False).trace
        other = self.run(prediction + size, target, gradient=False).trace
        moved = {one.prediction: np.ones(prediction.shape, bool)}
        most, at = 0, None
        for a, b in zip(one.ops, other.ops, strict=False):
            for number, x, y in zip(
                a.outputs, a.values or (), b.values or (), strict=False
            ):
                if x.shape != y.shape:
                    continue
                moved[number] = x != y
                before = [moved[i] for i in a.inputs if i in moved]
                lost = max(
                    (int((m & ~(x != y)).sum()) for m in before if m.shape == x.shape),
                    default=0,
                )
                if a.live and lost > most:
                    most, at = lost, a.at
        return at

    def line_that_changes(
        self, what: str, prediction: Array, target: Any
    ) -> Location | None:
        """None: JAX traces a loss as a whole, and its arrays cannot change."""
        return None

    def line_that_returns(self, prediction: Array, target: Any) -> Location | None:
        """None: the last operation of the jaxpr tells it."""
        return None

    def backward_findings(self, prediction: Array, target: Any) -> list[Finding]:
        """Findings about custom derivatives: their call is named, they are not tested.

        The method asks for them only if the gradient is wrong or missing.
        """
        trace = self.run(prediction, target, gradient=False).trace
        values = {**trace.recorded_values(), trace.prediction: prediction}
        custom = ("custom_vjp_call", "custom_jvp_call", "custom_vjp_call_jaxpr")
        for op in trace.ops:
            if op.name in custom and op.live and op.at is not None:
                given = [values[n] for n in op.inputs if n in values]
                gave = op.values or ()
                if any(np.array_equal(a, b) for a in gave for b in given):
                    text = "the function is the identity, its derivative another's"
                    return [finding("information", "STRAIGHT_THROUGH", text, op.at)]
                text = "a custom derivative is not the slope of its function"
                return [finding("error", "WRONG_BACKWARD", text, op.at)]
        return []


def _discarded(trace: Trace, at: Location | None) -> bool:
    """Whether a part of what a line makes is thrown away later."""
    start = [value for op in trace.ops if op.at == at for value in op.outputs]
    reached = trace.reached(start)
    return any(op.discards and reached.intersection(op.inputs) for op in trace.ops)

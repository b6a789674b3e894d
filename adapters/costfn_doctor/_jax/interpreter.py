"""Evaluates a jaxpr one operation at a time, so that each can be seen or frozen.

The path of an operation is its place in the jaxpr and in those nested in it. It is
the same in every evaluation, so it tells which operation to freeze.
"""

from collections.abc import Callable, Sequence
from typing import Any

from jax._src import source_info_util
from jax.extend import core

from .._method.source import Location, Source

Path = tuple[int, ...]
Hook = Callable[["Step", Sequence[Any], Sequence[Any]], Sequence[Any]]


class Step:
    """An operation of the jaxpr: its equation, its path and its line."""

    def __init__(self, equation: Any, path: Path, at: Location | None) -> None:
        self.equation, self.path, self.at = equation, path, at
        self.name: str = equation.primitive.name


def place(equation: Any, source: Source, outer: Location | None) -> Location | None:
    """Line of the user's code that wrote an operation."""
    for frame in source_info_util.user_frames(equation.source_info.traceback):
        if source.is_user(frame.file_name):
            return Location(frame.file_name, frame.start_line, frame.function_name)
    return outer


def _inner(equation: Any) -> Any:
    """The jaxpr of a call that only groups operations.

    Loops such as `scan` are no such calls: they stay one operation.
    """
    if equation.primitive.name not in ("jit", "pjit", "closed_call", "remat2", "remat"):
        return None
    inner = equation.params.get("jaxpr")
    return inner if isinstance(inner, core.ClosedJaxpr) else None


def _of_library(inner: Any, source: Source) -> bool:
    """Whether the call is of a function of JAX itself.

    JAX traces such a function once and caches it, so the lines in it may be those of
    an earlier call.
    """
    written = inner.jaxpr.debug_info.func_src_info  # such as "round at file.py:12"
    file = str(written).rpartition(" at ")[2].rpartition(":")[0]
    return not source.is_user(file)


def evaluate(
    closed: Any,
    arguments: Sequence[Any],
    hook: Hook,
    source: Source,
    path: Path = (),
    outer: Location | None = None,
    *,
    inside: bool = False,
) -> list[Any]:
    """Results of a jaxpr; the hook sees each operation and returns its results.

    Args:
        closed: The jaxpr.
        arguments: Its inputs.
        hook: Called with a step, its inputs and its results.
        source: Tells the user's code from libraries.
        path: Of the call that contains the jaxpr.
        outer: Line of that call.
        inside: The call is of a function of JAX; its line is that of all operations.
    """
    jaxpr = closed.jaxpr
    values: dict[Any, Any] = {}

    def read(variable: Any) -> Any:
        if isinstance(variable, core.Literal):
            return variable.val
        return values[variable]

    values.update(zip(jaxpr.constvars, closed.consts, strict=True))
    values.update(zip(jaxpr.invars, arguments, strict=True))
    for index, equation in enumerate(jaxpr.eqns):
        given = [read(variable) for variable in equation.invars]
        at = outer if inside else place(equation, source, outer)
        inner = _inner(equation)
        step = Step(equation, (*path, index), at)
        if inner is not None:
            library = inside or _of_library(inner, source)
            results: Sequence[Any] = evaluate(
                inner, given, hook, source, step.path, at, inside=library
            )
        else:
            results = hook(step, given, _bind(equation, given))
        values.update(zip(equation.outvars, results, strict=True))
    return [read(variable) for variable in jaxpr.outvars]


def _bind(equation: Any, given: Sequence[Any]) -> Sequence[Any]:
    parameters = equation.primitive.get_bind_params(equation.params)
    results = equation.primitive.bind(*given, **parameters)
    return list(results) if equation.primitive.multiple_results else [results]

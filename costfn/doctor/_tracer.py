"""Records what a loss does, and puts recorded results in place of fresh ones."""

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.overrides import TorchFunctionMode

from costfn_doctor._source import Location, Source
from costfn_doctor._subject import Frozen
from costfn_doctor._trace import Cut, Op, Site, Trace

from . import _operations as operations

LARGEST = 200_000
"""Entries of a result that are recorded."""


@dataclass(frozen=True)
class Call:
    """One call with its arguments, for rules about single calls."""

    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    result: Any
    site: Site


class Tracer(TorchFunctionMode):
    """Traces one run.

    Args:
        source: Tells the user's code from libraries.
        frozen: Recorded results to give back, by site.
        record: Keep the numbers of every result, and every call.
        aligned: A site whose two operands are given the same shape.
    """

    def __init__(
        self,
        source: Source,
        *,
        frozen: Frozen | None = None,
        record: bool = False,
        aligned: Site | None = None,
    ) -> None:
        super().__init__()
        self.source, self.record, self.aligned = source, record, aligned
        self.frozen = dict(frozen or {})
        self._replayed = {site.operation for site in self.frozen}
        self.trace = Trace()
        self.calls: list[Call] = []
        self.nodes: dict[Any, Op] = {}
        self.functions: list[tuple[type[Function], tuple[Any, ...]]] = []
        self.watched: dict[int, str] = {}
        self._numbers: dict[int, int] = {}
        self._kept: list[Tensor] = []
        self._used: dict[Site, int] = {}
        self._tainted: dict[int, set[Site]] = {}
        self._off: list[Location] = []
        self._opaque = 0

    def number(self, tensor: Tensor) -> int:
        """Number of a value; the tensor is kept, so that no other gets its id."""
        if id(tensor) not in self._numbers:
            self._numbers[id(tensor)] = len(self._kept)
            self._kept.append(tensor)
        return self._numbers[id(tensor)]

    def watch(self, name: str, tensor: Tensor) -> int:
        """Note in-place writes into a tensor of the caller."""
        self.watched[tensor.untyped_storage().data_ptr()] = name
        return self.number(tensor)

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        name = operations.name_of(function)
        if name in operations.METADATA or self._opaque or self._passes(name):
            return function(*args, **kwargs)
        if name == "_set_grad_enabled":
            at = self.source.here()
            if args and args[0] is False and at is not None:
                self._off.append(at)
            return function(*args, **kwargs)
        inputs = operations.tensors_in((args, kwargs))
        live = any(map(operations.is_live, inputs))
        if live and not torch.is_grad_enabled() and self._in_function():
            return function(*args, **kwargs)
        site = Site(self.source.here(), name)
        if live and site in self.frozen:
            count = self._used.get(site, 0)
            self._used[site] = count + 1
            if count < len(self.frozen[site]):
                return self._frozen(self.frozen[site][count], function, args, kwargs)
        if site == self.aligned:
            args = _aligned(args)
        version = _version(args)
        before = args[0].grad_fn if version is not None else None
        result = function(*args, **kwargs)
        written = version is not None and _version(args) != version
        if written:
            maker = "" if before is None else before.name().lower()
            self.trace.overwritten.append((site.at, maker))
        self._note(site, args, kwargs, inputs, result, live, written)
        return result

    def _passes(self, name: str) -> bool:
        """Whether an operation needs no look in a run that only replays."""
        return bool(self._replayed) and name not in self._replayed

    def _frozen(self, held: Any, function: Any, args: Any, kwargs: Any) -> Any:
        if isinstance(held, _Written):
            function(*args, **kwargs)
            with torch.no_grad():
                args[0].copy_(held.value)
            return args[0]
        if isinstance(held, tuple) and any(part is _LIVE for part in held):
            fresh = function(*args, **kwargs)
            mixed = [
                new if old is _LIVE else operations.restored(old)
                for new, old in zip(fresh, held, strict=True)
            ]
            return type(fresh)(mixed)
        return operations.restored(held)

    def _in_function(self) -> bool:
        """Whether this is inside forward of a Function whose apply was not seen."""
        frame: FrameType | None = sys._getframe(2)
        while frame is not None:
            code = frame.f_code
            if code.co_name == "forward" and code.co_varnames:
                first = frame.f_locals.get(code.co_varnames[0])
                cls = getattr(type(first), "_forward_cls", None)
                if cls is not None:
                    names = code.co_varnames[1 : code.co_argcount]
                    arguments = tuple(frame.f_locals[name] for name in names)
                    if all(known is not cls for known, _ in self.functions):
                        self.functions.append((cls, arguments))
                    return True
            frame = frame.f_back
        return False

    def _note(
        self,
        site: Site,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        inputs: list[Tensor],
        result: Any,
        live: bool,
        written: bool,
    ) -> None:
        name = site.operation
        results = operations.tensors_in(result)
        if written and args[0] not in _same(results):
            results = [*results, args[0]]
        if written:
            pointer = _pointer(args[0])
            if pointer in self.watched:
                self.trace.writes.setdefault(self.watched[pointer], site.at)
        op = Op(
            name,
            site.at,
            tuple(map(self.number, inputs)),
            tuple(map(self.number, results)),
            site,
            live,
            additive=name in operations.SUMS or name in operations.VIEWS,
            masks=operations.switches_on(name, args, kwargs),
            looks_up=name == "__getitem__" and args[0].dim() >= 2,
            compares=name in operations.ASYMMETRIC or name.endswith("_loss"),
            selects=_selects(name, args),
            divides=name in operations.DIVIDES or name in ("mean", "std", "var"),
            infinite=operations.infinite_on_purpose(args),
        )
        self.trace.ops.append(op)
        self._nodes(results, op)
        if self.record:
            self.calls.append(Call(name, args, kwargs, result, site))
            op.values = [
                torch.func.debug_unwrap(value, recurse=True).detach().double().numpy()
                if value.numel() <= LARGEST and not value.is_complex()
                else torch.zeros(0).numpy()
                for value in results
            ]
            op.values = [value.copy() for value in op.values]
        if live:
            self._cut(op, args, kwargs, result, results, written)
        else:
            self._follow(op, results)

    def _nodes(self, results: list[Tensor], op: Op) -> None:
        waiting = [
            value.grad_fn for value in results if not operations.is_wrapped(value)
        ]
        while waiting:
            node = waiting.pop()
            if node is not None and node not in self.nodes:
                self.nodes[node] = op
                waiting += [parent for parent, _ in node.next_functions]

    def _cut(
        self,
        op: Op,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        result: Any,
        results: list[Tensor],
        written: bool,
    ) -> None:
        """Note a result without gradient, or one whose gradient is always zero."""
        site, name = op.site, op.name
        assert site is not None
        ended = [value for value in results if not operations.is_live(value)]
        leaves = name in operations.SCALARS | operations.ARRAYS | {"__bool__", "equal"}
        flat = operations.steps(name, kwargs)
        if not (ended or flat or leaves or isinstance(result, bool)):
            return
        if name == "backward":
            return
        inherent = operations.cause_of(name, ended, torch.is_grad_enabled())
        cause = "PIECEWISE_CONST" if flat else inherent
        cut = self.trace.cuts.setdefault(site, Cut(site, cause))
        if cause == "NO_GRAD" and cut.at is None:
            cut.at = self._switch(site.at)
        cut.inputs += op.inputs
        cut.outputs += op.outputs
        if written and result is not None and result is not args[0]:
            written = False
        if written:
            cut.recorded.append(_Written(operations.snapshot(args[0])))
        elif isinstance(result, tuple) and len(ended) < len(results):
            cut.recorded.append(
                tuple(
                    _LIVE if operations.is_live(part) else operations.snapshot(part)
                    for part in result
                )
            )
        else:
            cut.recorded.append(operations.snapshot(result))
        for value in results if flat else ended:
            self._tainted.setdefault(self.number(value), set()).add(site)

    def _switch(self, at: Location | None) -> Location | None:
        """The line that switched gradients off, if it is in the same function."""
        for off in reversed(self._off):
            if at is not None and off[::2] == at[::2] and off.line <= at.line:
                return off
        return at

    def _follow(self, op: Op, results: list[Tensor]) -> None:
        """Note what becomes of a value after it was cut."""
        sites = set().union(*(self._tainted.get(value, set()) for value in op.inputs))
        if not sites:
            return
        for value in op.outputs:
            self._tainted[value] = self._tainted.get(value, set()) | sites
        if op.masks:
            cause = "REQUIRES_GRAD_MASK"
        elif op.name in operations.VIEWS | {"__eq__"} or op.name in operations.DETACHES:
            kinds = [value for value in results if not value.is_floating_point()]
            if op.name not in operations.CASTS or not kinds:
                return
            cause = "INT_CAST"
        else:
            cause = operations.cause_of(op.name, results, True)
        if results and cause == "NONDIFF_OP" and op.name not in operations.COUNTS:
            return
        for site in sites:
            self.trace.cuts[site].steps.append((cause, op.at, op.name))

    def applied(self, cls: type[Function], args: tuple[Any, ...], result: Any) -> None:
        """Note a call of a custom Function as one operation."""
        inputs = operations.tensors_in(args)
        live = any(map(operations.is_live, inputs))
        site = Site(self.source.here(), cls.__name__)
        self.functions.append((cls, args))
        results = operations.tensors_in(result)
        op = Op(
            cls.__name__,
            site.at,
            tuple(map(self.number, inputs)),
            tuple(map(self.number, results)),
            site,
            live,
        )
        if self.record:
            op.values = [v.detach().double().numpy().copy() for v in results]
        self.trace.ops.append(op)
        self._nodes(results, op)

    def __enter__(self) -> "Tracer":
        self._seeing = self._seeing_functions()
        self._seeing.__enter__()
        super().__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        self._seeing.__exit__(None, None, None)

    @contextlib.contextmanager
    def _seeing_functions(self) -> Iterator[None]:
        """Let calls of custom Functions be seen, which no mode is told of."""
        original = Function.__dict__["apply"]
        tracer = self

        def apply(cls: type[Function], *args: Any, **kwargs: Any) -> Any:
            call = original.__get__(None, cls)
            if tracer._opaque or any(map(operations.is_wrapped, _flat(args))):
                return call(*args, **kwargs)
            tracer._opaque += 1
            try:
                result = call(*args, **kwargs)
            finally:
                tracer._opaque -= 1
            tracer.applied(cls, args, result)
            return result

        setattr(Function, "apply", classmethod(apply))  # noqa: B010
        try:
            yield
        finally:
            setattr(Function, "apply", original)  # noqa: B010


class _Live:
    """Stands for the part of a result that keeps its gradient."""


_LIVE = _Live()


@dataclass(frozen=True)
class _Written:
    """What an in-place operation left in its first argument."""

    value: Any


def _flat(args: Any) -> list[Tensor]:
    return operations.tensors_in(args)


def _same(tensors: list[Tensor]) -> "_Identity":
    return _Identity(tensors)


class _Identity:
    def __init__(self, tensors: list[Tensor]) -> None:
        self.ids = set(map(id, tensors))

    def __contains__(self, tensor: Any) -> bool:
        return id(tensor) in self.ids


def _version(args: Any) -> int | None:
    if args and isinstance(args[0], Tensor) and not operations.is_wrapped(args[0]):
        return None if args[0].is_inference() else int(args[0]._version)
    return None


def _pointer(tensor: Tensor) -> int:
    return 0 if operations.is_wrapped(tensor) else tensor.untyped_storage().data_ptr()


def _selects(name: str, args: tuple[Any, ...]) -> bool:
    if name.removesuffix("_") in operations.SELECTS:
        return True
    return name in ("__getitem__", "__setitem__") and bool(
        [t for t in operations.tensors_in(args[1:2]) if t.dtype == torch.bool]
    )


def _aligned(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The first two operands, the one with more axes in the shape of the other."""
    a, b, *rest = args
    if a.dim() > b.dim():
        return (a.reshape(b.shape), b, *rest)
    return (a, b.reshape(a.shape), *rest)

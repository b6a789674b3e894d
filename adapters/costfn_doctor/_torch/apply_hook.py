"""Reports calls of custom autograd Functions, which TorchFunctionMode does not."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from torch.autograd import Function

OnApply = Callable[[type[Function], tuple[Any, ...], Callable[[], Any]], Any]


@contextlib.contextmanager
def reported_to(on_apply: OnApply) -> Iterator[None]:
    """Hand each call of a Function to `on_apply`, which makes the call itself."""
    original = Function.__dict__["apply"]

    def apply(cls: type[Function], *args: Any, **kwargs: Any) -> Any:
        return on_apply(cls, args, lambda: original.__get__(None, cls)(*args, **kwargs))

    setattr(Function, "apply", classmethod(apply))  # noqa: B010
    try:
        yield
    finally:
        setattr(Function, "apply", original)  # noqa: B010


def forward_in_progress() -> tuple[type[Function], tuple[Any, ...]] | None:
    """The Function whose forward is running, with its arguments.

    An `apply` that was bound to a name before the diagnosis bypasses the hook. Then
    only the frame of `forward` tells: its first argument is the context, whose type
    knows the Function.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        if code.co_name == "forward" and code.co_varnames:
            context = frame.f_locals.get(code.co_varnames[0])
            cls = getattr(type(context), "_forward_cls", None)
            if cls is not None:
                names = code.co_varnames[1 : code.co_argcount]
                return cls, tuple(frame.f_locals[name] for name in names)
        frame = frame.f_back
    return None

"""Steps through the lines of the user's code to find one that changes something."""

import random
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import numpy as np
import torch

from .._method.source import Location, Source


def random_state() -> object:
    """The state of the generators of torch, NumPy and Python."""
    state: Any = np.random.get_state()
    return (
        hash(torch.get_rng_state().numpy().tobytes()),
        hash((state[1].tobytes(), *state[2:])),
        hash(random.getstate()),
    )


def line_at_end(call: Callable[[], Any], source: Source) -> Location | None:
    """Line from which the outermost function of the user returns."""
    found: list[Location] = []

    def look(frame: FrameType, event: str, argument: Any) -> Any:
        code = frame.f_code
        if not source.is_user(code.co_filename):
            return None
        if event == "return":
            found[:] = [Location(code.co_filename, frame.f_lineno, code.co_name)]
        return look

    previous = sys.gettrace()
    sys.settrace(look)
    try:
        call()
    finally:
        sys.settrace(previous)
    return found[0] if found else None


def line_that_changes(
    call: Callable[[], Any], probe: Callable[[], object], source: Source
) -> Location | None:
    """First line during a call after which the probe gives something else."""
    before = probe()
    found: list[Location] = []
    last: list[Location] = []

    def look(frame: FrameType, event: str, argument: Any) -> Any:
        if found or not source.is_user(frame.f_code.co_filename):
            return None
        if probe() != before:
            found.extend(last[-1:])
            return None
        code = frame.f_code
        last[:] = [Location(code.co_filename, frame.f_lineno, code.co_name)]
        return look

    previous = sys.gettrace()
    sys.settrace(look)
    try:
        call()
    finally:
        sys.settrace(previous)
    if not found and probe() != before:
        found.extend(last[-1:])
    return found[0] if found else None

"""Places in the user's code."""

import linecache
import os
import sys
import sysconfig
from functools import lru_cache
from types import FrameType, TracebackType
from typing import NamedTuple

_LIBRARIES = tuple(
    os.path.abspath(path) + os.sep
    for path in {
        *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib")),
        *(sysconfig.get_path(name) for name in ("purelib", "platlib")),
        os.path.dirname(os.__file__),
    }
)
DOCTOR = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
"""Folder of this package."""
_INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")


class Location(NamedTuple):
    """A line of source, in a function."""

    file: str
    line: int
    function: str = ""

    @property
    def code(self) -> str:
        """The line itself."""
        return linecache.getline(self.file, self.line).strip()

    def __str__(self) -> str:
        return f"{os.path.basename(self.file)}:{self.line}"


class Source:
    """Tells the code to be diagnosed from the libraries that it calls.

    Args:
        ours: Files and folders that are never blamed, the doctor's own above all.
        home: Folder of the package that defines the loss: to be diagnosed though
            it may be installed among libraries.
    """

    def __init__(self, ours: tuple[str, ...], home: str | None = None) -> None:
        self.ours = tuple(
            path + os.sep if os.path.isdir(path) else path
            for path in map(os.path.abspath, ours)
        )
        self.home = None if home is None else os.path.abspath(home) + os.sep
        self.is_user = lru_cache(maxsize=None)(self._is_user)

    def _is_user(self, file: str) -> bool:
        if file.startswith(self.ours) or file.startswith("<frozen"):
            return False
        if self.home is not None and file.startswith(self.home):
            return True
        if file.startswith("<"):  # a notebook cell, the prompt, a doctest
            return bool(linecache.getline(file, 1)) or "ipython" in file
        return not (
            file.startswith(_LIBRARIES) or any(part in file for part in _INSTALLED)
        )

    def here(self) -> Location | None:
        """Innermost line of the user in the stack of calls."""
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            if self.is_user(frame.f_code.co_filename):
                return Location(
                    frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name
                )
            frame = frame.f_back
        return None

    def of_error(self, error: BaseException) -> Location | None:
        """Innermost line of the user that the error passed."""
        found = None
        trace: TracebackType | None = error.__traceback__
        while trace is not None:
            code = trace.tb_frame.f_code
            if self.is_user(code.co_filename):
                found = Location(code.co_filename, trace.tb_lineno, code.co_name)
            trace = trace.tb_next
        return found


def home_of(file: str | None) -> str | None:
    """Folder of the outermost package around a file, if it is in a package."""
    if file is None or not os.path.exists(file):
        return None
    folder = os.path.dirname(os.path.abspath(file))
    home = None
    while os.path.exists(os.path.join(folder, "__init__.py")):
        home = folder
        folder = os.path.dirname(folder)
    return home

"""A directory for results: checked before any work, and written as a whole."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from ._errors import InputError


def check_directory(directory: Path) -> None:
    """Refuses a directory that cannot be written, before any work is done.

    Raises:
        InputError: If it is a file, or files cannot be created in it.
    """
    if directory.exists() and not directory.is_dir():
        raise InputError(f"out must be a directory, got the file '{directory}'")
    try:
        with tempfile.TemporaryDirectory(dir=_existing(directory)):
            pass
    except OSError as error:
        raise InputError(
            f"out must be a directory that can be written, got '{directory}': "
            f"{error.strerror}"
        ) from error


def write_all(directory: Path, writers: dict[str, Callable[[Path], None]]) -> None:
    """Writes files to a temporary place first, and moves them when all are complete.

    Args:
        directory: Where to write them. It is created if it does not exist; other files
            in it stay.
        writers: For each file name, a function that writes the file to a path.

    Raises:
        InputError: If the directory cannot be written.
    """
    check_directory(directory)
    with tempfile.TemporaryDirectory(dir=_existing(directory)) as scratch:
        for name, write in writers.items():
            (Path(scratch) / name).parent.mkdir(exist_ok=True)
            write(Path(scratch) / name)
        directory.mkdir(parents=True, exist_ok=True)
        for name in writers:
            (directory / name).parent.mkdir(exist_ok=True)
            os.replace(Path(scratch) / name, directory / name)


def _existing(directory: Path) -> Path:
    """The directory, or the nearest directory above it that exists."""
    directory = directory.absolute()
    return next(path for path in (directory, *directory.parents) if path.exists())

"""What the user wrote: an object in a file or a module, by its place."""

import importlib
import importlib.util
import inspect
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


class SpecificationError(Exception):
    """The words do not describe a loss, or an example."""


def load_object(what: str, path: str) -> Any:
    """The object at `path/to/file.py:name` or `package.module:name`.

    Args:
        what: What it is meant to be, for errors.
        path: Where it is.

    Raises:
        SpecificationError: If there is no such file, module or name.
    """
    where, colon, name = path.rpartition(":")
    if not colon or not name:
        raise SpecificationError(f"{what} must be path/to/file.py:name, got {path}")
    if where.endswith(".py"):
        file = Path(where).resolve()
        if not file.is_file():
            raise SpecificationError(
                f"{what} must be in a file that exists, got {where}"
            )
        specification = importlib.util.spec_from_file_location(file.stem, file)
        assert specification is not None and specification.loader is not None
        module = importlib.util.module_from_spec(specification)
        sys.modules.setdefault(file.stem, module)
        sys.path.insert(0, str(file.parent))
        specification.loader.exec_module(module)
    else:
        sys.path.insert(0, os.getcwd())
        module = importlib.import_module(where)
    if not hasattr(module, name):
        raise SpecificationError(f"{where} must define a {what} called {name}")
    return getattr(module, name)


def load_loss(path: str) -> Callable[..., Any]:
    """The loss at a place; of a class that needs no arguments an object.

    Raises:
        SpecificationError: If there is none.
    """
    found = load_object("loss", path)
    if inspect.isclass(found):
        try:
            found = found()
        except TypeError as error:
            raise SpecificationError(
                f"loss must be a class that needs no arguments, or an object: {error}"
            ) from None
    if not callable(found):
        raise SpecificationError(
            f"loss must be callable, got {type(found).__name__} at {path}"
        )
    return found  # type: ignore[no-any-return]

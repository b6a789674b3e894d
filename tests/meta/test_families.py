"""From the name of a loss everything about it is found by file name alone.

The family of a loss per example is a file of `costfn/_losses`: the function stands
there with its entry, the mirror in `costfn_jax/_losses`, and the row of tests with its
textbook formula in `tests/support/rows`, in files of the same name.
"""

import importlib
import inspect

import pytest

from losses import LOSSES as ROWS

FAMILIES = sorted({row.torch.__module__.rsplit(".", 1)[1] for row in ROWS})
each_family = pytest.mark.parametrize("family", [*FAMILIES, "regression", "tracking"])


def defined(module):
    """The public functions that a file defines."""
    return {
        name
        for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == module.__name__
        if not name.startswith("_")
    }


@each_family
@pytest.mark.parametrize("package", ["costfn", "costfn_jax"])
def test_a_family_names_its_public_functions(package, family):
    module = importlib.import_module(f"{package}._losses.{family}")
    assert module.__all__ == sorted(defined(module))
    public = importlib.import_module(package)
    assert all(getattr(public, name) is vars(module)[name] for name in module.__all__)


@pytest.mark.parametrize("family", FAMILIES)
def test_function_entry_mirror_and_row_are_in_files_of_one_name(family):
    core = importlib.import_module(f"costfn._losses.{family}")
    mirror = importlib.import_module(f"costfn_jax._losses.{family}")
    rows = importlib.import_module(f"rows.{family}")
    losses = sorted(name for name in core.__all__ if name.endswith("_loss"))
    assert sorted(entry.name for entry in core.ENTRIES) == losses
    assert sorted(row.name for row in rows.ROWS) == losses
    assert all(entry.loss is vars(core)[entry.name] for entry in core.ENTRIES)
    assert core.__all__ == mirror.__all__

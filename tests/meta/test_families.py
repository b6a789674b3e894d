"""A family is a file: what is public of it stands in its `__all__` and nowhere else."""

import importlib
import inspect
from pathlib import Path

import pytest

from losses import LOSSES as ROWS

ROOT = Path(__file__).parents[2]
FILES = sorted(
    f"{package.name}.{room}.{path.stem}"
    for package in (ROOT / "costfn", *(ROOT / "adapters").glob("costfn_*"))
    for room in ("_losses", "_metrics")
    for path in (package / room).glob("*.py")
    if "__all__ = " in path.read_text()
)


@pytest.mark.parametrize("file", FILES)
def test_a_file_names_all_that_is_public_of_it(file):
    """Of metrics the losses: the metrics themselves are names of `costfn.metrics`."""
    module = importlib.import_module(file)
    defined = {
        name
        for name, value in vars(module).items()
        if inspect.isfunction(value) or inspect.isclass(value)
        if value.__module__ == file and not name.startswith("_")
    }
    if hasattr(module, "ENTRIES"):
        losses = {name for name in defined if name.endswith("_loss")}
        assert {entry.name for entry in module.ENTRIES} == losses
        assert losses <= set(module.__all__)
    if "._losses." in file and not file.endswith("tracking"):
        assert set(module.__all__) == defined
    public = importlib.import_module(file.split(".")[0])
    assert all(getattr(public, name) is vars(module)[name] for name in module.__all__)


def test_rows_are_in_files_of_the_names_of_the_families():
    for row in ROWS:
        family = row.torch.__module__.rsplit(".", 1)[1]
        assert row in importlib.import_module(f"rows.{family}").ROWS

"""The mirror has the names, signatures and files of the core, and needs no torch."""

import ast
import inspect
import re
import types
from pathlib import Path

import pytest

import costfn
import costfn_jax
from new_interpreter import run

NAMESPACES = ("", "confusion", "costs", "decisions", "metrics", "relaxations")
OF_COSTFN = {"catalogue"}  # a table of the functions of costfn
OF_JAX = {"from_jax"}
ROOT = Path(__file__).parents[2]


def space(package, name):
    return getattr(package, name) if name else package


def functions():
    for name in NAMESPACES:
        ours = space(costfn, name)
        for function in ours.__all__:
            if isinstance(getattr(ours, function), types.FunctionType):
                yield f"{name}.{function}".lstrip(".")


def find(package, path):
    for part in path.split("."):
        package = getattr(package, part)
    return package


def annotation(value):
    """As text, with the names of the two frameworks made one."""
    text = getattr(value, "__name__", None) if isinstance(value, type) else str(value)
    text = re.sub(r"[\w.]*\b(Array|Tensor)\b", "Array", text)
    return text.replace("costfn_jax", "costfn")


@pytest.mark.parametrize("name", NAMESPACES)
def test_public_names_are_the_same(name):
    ours, theirs = (set(space(p, name).__all__) for p in (costfn, costfn_jax))
    assert theirs - OF_JAX == ours - OF_COSTFN


@pytest.mark.parametrize("path", list(functions()))
def test_signatures_are_the_same(path):
    core, mirror = (inspect.signature(find(p, path)) for p in (costfn, costfn_jax))
    for ours, theirs in zip(
        core.parameters.values(), mirror.parameters.values(), strict=True
    ):
        assert (ours.name, ours.kind) == (theirs.name, theirs.kind)
        same = ours.default == theirs.default
        assert same or ours.default is theirs.default or ours.default != ours.default
        assert annotation(ours.annotation) == annotation(theirs.annotation)
    assert annotation(core.return_annotation) == annotation(mirror.return_annotation)


@pytest.mark.parametrize("path", list(functions()))
def test_docstrings_link_to_the_core(path):
    name = path.rsplit(".", 1)[-1]
    public = f"costfn.{name if hasattr(costfn, name) else path}"
    text = inspect.getdoc(find(costfn_jax, path))
    assert text.startswith(f"Mirror of `{public}`"), text
    assert "errors" in text


def test_what_is_passed_on_has_the_same_names():
    for name in ("Counting",):
        core, mirror = (
            getattr(p._metrics.batch_loss, name).__annotations__
            for p in (costfn, costfn_jax)
        )
        assert list(core) == list(mirror)
    assert costfn.Counts._fields == costfn_jax.Counts._fields
    assert costfn.decisions.PlugIn._fields == costfn_jax.decisions.PlugIn._fields
    core = costfn.costs.Diagnosis.__dataclass_fields__
    assert list(core) == list(costfn_jax.costs.Diagnosis.__dataclass_fields__)


def test_files_are_the_same():
    rooms = ("_foundation", "_losses", "_metrics", "costs", ".")
    core, mirror = (
        {
            path.relative_to(ROOT / folder).as_posix()
            for room in rooms
            for path in (ROOT / folder / room).glob("*.py")
        }
        for folder in ("costfn", "adapters/costfn_jax")
    )
    only_torch = core - mirror
    assert only_torch == {
        "__main__.py",
        "_foundation/entry.py",
        "_foundation/targets.py",
        "catalogue.py",
        "front_end.py",
    }
    assert mirror - core == {"_from_jax.py"}


def test_it_never_imports_torch():
    found = run(
        "import costfn_jax, sys\n"
        "assert 'torch' not in sys.modules and 'costfn' not in sys.modules\n"
        "costfn_jax.metrics, costfn_jax.expected_cost_loss\n"
        "assert 'torch' not in sys.modules\n"
        "costfn_jax.from_jax\n"
        "assert 'torch' in sys.modules\n"
    )
    assert found.returncode == 0, found.stderr


def test_only_one_file_of_it_names_torch():
    for path in (ROOT / "adapters" / "costfn_jax").rglob("*.py"):
        names = {
            alias.name.split(".")[0]
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Import)
            for alias in node.names
        } | {
            (node.module or "").split(".")[0]
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.ImportFrom) and not node.level
        }
        assert "costfn" not in names
        assert ("torch" in names) == (path.name == "_from_jax.py"), path

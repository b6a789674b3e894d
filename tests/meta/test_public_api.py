"""What is public, that it is documented, and what importing it costs."""

import ast
import graphlib
import importlib
import tomllib
from pathlib import Path

import pytest

import batch_losses
import costfn
import costfn_jax
import costfn_nn
from losses import LOSSES
from new_interpreter import run

ROOT = Path(__file__).parents[2]
# Losses of counts have their own table; three are like no other, and have files.
ALONE = {"lovasz_hinge_loss", "lovasz_softmax_loss", "q_error_loss"}
NAMES = {loss.name for loss in LOSSES} | set(batch_losses.NAMES) | ALONE
# Imports run downwards: from a later line to an earlier one, or within a line. Other
# private files may stand anywhere, if what they lead to does not lead upwards.
ROOMS = [
    "_foundation",
    "_losses _metrics",
    "relaxations confusion metrics costs",
    "decisions catalogue",
    "scale",
    "doctor",
    "per_sample",
    "testing",
    "compare",
    "_cli",
]
RANK = {name: rank for rank, names in enumerate(ROOMS) for name in names.split()}


def public_functions():
    spaces = (
        costfn,
        costfn.confusion,
        costfn.costs,
        costfn.decisions,
        costfn.metrics,
        costfn.per_sample,
        costfn.relaxations,
    )
    found = {
        f"{space.__name__}.{name}": getattr(space, name)
        for space in spaces
        for name in space.__all__
    }
    return {name: f for name, f in found.items() if hasattr(f, "__code__")}


def test_every_loss_has_a_row_an_entry_and_a_module():
    public = {name for name in costfn.__all__ if name.endswith("_loss")}
    assert public - {"metric_loss"} == NAMES
    assert set(costfn.catalogue.LOSSES) == NAMES
    modules = {"".join(word.title() for word in name.split("_")) for name in NAMES}
    assert set(costfn_nn.__all__) - {"WithMetrics"} == modules


@pytest.mark.parametrize(
    "space",
    [
        costfn,
        costfn.catalogue,
        costfn.confusion,
        costfn.costs,
        costfn.decisions,
        costfn.metrics,
        costfn.per_sample,
        costfn.relaxations,
        costfn_jax,
        costfn_jax.confusion,
        costfn_jax.costs,
        costfn_jax.decisions,
        costfn_jax.metrics,
        costfn_jax.relaxations,
        costfn_nn,
    ],
)
def test_all_lists_what_is_there(space):
    assert sorted(set(space.__all__)) == sorted(space.__all__)
    for name in space.__all__:
        assert hasattr(space, name)


@pytest.mark.parametrize(
    "name, function", public_functions().items(), ids=list(public_functions())
)
def test_a_docstring_has_every_section(name, function):
    text = function.__doc__
    for section in ("Args:", "Returns:", "Raises:", "Example:", "Source:"):
        assert f"\n    {section}\n" in text, section
    assert len(text.splitlines()[0]) <= 80
    assert ">>>" in text
    short = name.rsplit(".", 1)[-1]
    assert f"{short}(" in text.split("Example:")[1]
    arguments = text.split("Args:")[1].split("Returns:")[0]
    for argument in function.__code__.co_varnames[: function.__code__.co_argcount]:
        assert f"\n        {argument}: " in arguments or f", {argument}: " in arguments
    for argument in function.__kwdefaults__ or {}:
        assert f"\n        {argument}: " in arguments


def test_no_function_shares_its_name_with_a_module():
    roots = ROOT / "costfn", ROOT / "adapters" / "costfn_jax"
    files = {
        ".".join(["costfn", *path.relative_to(root).with_suffix("").parts])
        for root in roots
        for path in root.rglob("*.py")
    }
    assert not files & set(public_functions())


HEAVY = {"jax", "sklearn", "matplotlib", "pandas", "scipy", "rich", "typer"}


@pytest.mark.parametrize("package", ["costfn", "costfn_nn"])
def test_importing_it_imports_nothing_heavy_that_torch_does_not(package):
    found = run(
        "import torch; before = set(sys.modules)\n"
        f"import {package}\n"
        "print({m.split('.')[0] for m in set(sys.modules) - before})"
    )
    assert found.returncode == 0, found.stderr
    loaded = ast.literal_eval(found.stdout)
    assert package in loaded
    assert not loaded & HEAVY


def test_importing_it_is_quick():
    """Less than a tenth of a second of the process's time beyond torch.

    The best of three, since a busy machine can only add to it.
    """
    code = (
        "import time, torch; start = time.process_time()\n"
        "import costfn; print(time.process_time() - start)"
    )
    runs = [run(code) for _ in range(3)]
    assert all(found.returncode == 0 for found in runs), runs[0].stderr
    assert min(float(found.stdout) for found in runs) < 0.1


def test_every_package_is_in_the_wheel_and_adapters_is_none():
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packaged = config["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    found = [
        f"adapters/{folder.name}"
        for folder in (ROOT / "adapters").iterdir()
        if list(folder.glob("*.py"))
    ]
    assert sorted(packaged) == sorted(["costfn", *found])
    assert not list((ROOT / "adapters").glob("*.py"))
    for folder in packaged:
        assert (ROOT / folder / "py.typed").exists()
        assert (ROOT / folder / "__init__.py").exists()


def imported_rooms(path):
    """The files and folders of costfn that a file of costfn imports."""
    package = ("costfn", *path.relative_to(ROOT / "costfn").parent.parts)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else ()
            module = ".".join([*base, *filter(None, [node.module])])
            modules = [f"{module}.{alias.name}" for alias in node.names]
        else:
            continue
        for parts in (module.split(".") for module in modules):
            if parts[0] == "costfn":
                yield (parts[1] if len(parts) > 1 else "__init__")


def import_graph():
    """For each file or folder of costfn those that it imports, itself left out."""
    files = sorted((ROOT / "costfn").rglob("*.py"))
    graph = {path.relative_to(ROOT / "costfn").parts[0]: set() for path in files}
    graph = {Path(name).stem: rooms for name, rooms in graph.items()}
    for path in files:
        room = Path(path.relative_to(ROOT / "costfn").parts[0]).stem
        # A name of costfn itself, `from costfn import reduce`, is one of `__init__`.
        found = {r if r in graph else "__init__" for r in imported_rooms(path)}
        graph[room] |= found - {room}
    return graph


def reachable(graph, room):
    found, waiting = set(), [room]
    while waiting:
        new = graph[waiting.pop()] - found
        found |= new
        waiting += new
    return found


GRAPH = import_graph()


@pytest.mark.parametrize("room", sorted(RANK.keys() & GRAPH.keys()))
def test_imports_run_downwards_only(room):
    above = [r for r in reachable(GRAPH, room) if RANK.get(r, 0) > RANK[room]]
    assert not above
    if RANK[room] < RANK["scale"]:
        assert "__init__" not in reachable(GRAPH, room)


def test_no_two_files_import_each_other():
    graphlib.TopologicalSorter(GRAPH).prepare()
    assert GRAPH["_losses"]


def test_private_files_are_reached_by_public_names():
    for loss in LOSSES:
        home = importlib.import_module(loss.torch.__module__)
        assert home.__name__.startswith("costfn._")
        assert getattr(home, loss.name) is loss.torch

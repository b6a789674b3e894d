"""What is public, that it is documented, and what importing it costs."""

import ast
import functools
import graphlib
import importlib
import inspect
import re
import subprocess
import sys
import tomllib
import typing
from pathlib import Path

import pytest

import batch_losses
import costfn
import costfn.front_end
import costfn_jax
import costfn_nn
from costfn._metrics.batch_loss import Counting
from losses import LOSSES

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
    "decisions catalogue front_end",
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
        costfn.front_end,
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


FUNCTIONS = pytest.mark.parametrize(
    "name, function", public_functions().items(), ids=list(public_functions())
)


def sections(function):
    """The sections of a docstring by their names; what comes before them has none."""
    parts = re.split(r"\n(\w+):\n", inspect.getdoc(function))
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


def named_places(text):
    """The docstrings that a text names, as in "see `costfn.metrics`"."""
    for name in re.findall(r"\b[sS]ee\s+`([\w.]+)`", text):
        path = name.removeprefix("costfn.").split(".")
        yield inspect.getdoc(functools.reduce(getattr, path, costfn))


def entries(text):
    """Each argument that a section has a line for, with what is said of it."""
    found = re.split(r"(?m)^    (\*{0,2}\w+): ", text)
    return dict(zip(found[1::2], found[2::2], strict=True))


def is_described(argument, text):
    """Whether a place has a line for an option, of its own or with others."""
    return re.search(rf"(?m)^ *- (`\w+`, )*`{argument}`(, `\w+`)*:", text) is not None


def options_of(function):
    """The arguments by name; how to count, by the names of its options."""
    for parameter in inspect.signature(function).parameters.values():
        if parameter.annotation == typing.Unpack[Counting]:
            yield from Counting.__annotations__
        elif parameter.kind is not parameter.VAR_KEYWORD:
            yield parameter.name


@FUNCTIONS
def test_a_docstring_has_every_section(name, function):
    found = sections(function)
    assert {"Args", "Returns", "Example", "Source"} <= found.keys()
    assert len(found[""].splitlines()[0]) <= 80
    assert ">>>" in found["Example"]
    assert f"{name.rsplit('.', 1)[-1]}(" in found["Example"]
    places = named_places(found["Args"])
    assert "Raises" in found or any("ValueError" in place for place in places)


@FUNCTIONS
def test_a_docstring_has_its_formula(name, function):
    short = name.rsplit(".", 1)[-1]
    if short in costfn.catalogue.LOSSES or name.startswith("costfn.metrics"):
        assert re.search(r"`[^`]*( [-+*/] |\*\*|\w\()[^`]*`", sections(function)[""])


@FUNCTIONS
def test_every_argument_is_documented(name, function):
    """By a line of its own, or where a line that names it says "see `...`"."""
    said = entries(sections(function)["Args"])
    for argument in set(options_of(function)) - said.keys():
        naming = [text for text in said.values() if f"`{argument}`" in text]
        if argument in Counting.__annotations__:
            naming.append(said["**counting"])
        places = named_places("".join(naming))
        assert any(is_described(argument, place) for place in places), argument


def test_no_function_shares_its_name_with_a_module():
    roots = ROOT / "costfn", ROOT / "adapters" / "costfn_jax"
    files = {
        ".".join(["costfn", *path.relative_to(root).with_suffix("").parts])
        for root in roots
        for path in root.rglob("*.py")
    }
    assert not files & set(public_functions())


def run(code):
    """Run code in a new interpreter that finds the packages where this one does."""
    path = [str(ROOT), str(ROOT / "adapters"), *filter(None, sys.path)]
    code = f"import sys; sys.path[:0] = {path}\n{code}"
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(command, capture_output=True, text=True)


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

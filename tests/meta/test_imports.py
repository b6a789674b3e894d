"""The shape of the library: what may import what, and where a stranger finds things."""

import ast
import graphlib
import importlib
import tomllib
from functools import cache

import pytest

import costfn
import costfn_jax
from library_imports import FILES, GRAPH, ROOT, imported_names, packages
from new_interpreter import run

# The lowest first. A file imports from its own floor or from one below it.
FLOORS = [
    "costfn._foundation costfn_jax._foundation costfn_doctor._method",
    "costfn._losses costfn_jax._losses",
    "costfn._metrics costfn_jax._metrics",
    "costfn.relaxations costfn.confusion costfn.metrics costfn.costs",
    "costfn_jax.relaxations costfn_jax.confusion costfn_jax.metrics costfn_jax.costs",
    "costfn.decisions costfn_jax.decisions costfn_jax._from_jax",
    "costfn.catalogue costfn.front_end",
    "costfn costfn_jax",
    "costfn_nn._foundation",
    "costfn_nn._losses costfn_nn._metrics",
    "costfn_nn",
    "costfn_doctor costfn_doctor._torch costfn_doctor._jax",
    "costfn_doctor.torch costfn_doctor.jax",
    "costfn.doctor costfn_jax.doctor",
    "costfn.scale",
    "costfn.per_sample costfn_jax.per_sample",
    "costfn.testing",
    "costfn.compare",
    "costfn._cli",
    "costfn.__main__",
    "costfn_command",
]
HEIGHT = {room: height for height, row in enumerate(FLOORS) for room in row.split()}
# What loads on first use is no part of the core.
ON_FIRST_USE = {"doctor", "scale", "per_sample", "testing", "compare", "_cli"}
ON_FIRST_USE |= {"__main__"}
CORE = [
    module
    for module in FILES
    if module.split(".")[0] == "costfn" and not ON_FIRST_USE & set(module.split("."))
]
LONGEST_FILE, LONGEST_CHAIN, MOST_ENTRIES = 300, 12, 22


def room(module):
    """A package, or a file or folder directly in it."""
    return ".".join(module.split(".")[:2])


def test_every_room_has_a_floor():
    assert not {room(module) for module in FILES} - HEIGHT.keys()


def test_imports_run_downwards():
    arrows = [(upper, lower) for upper in GRAPH for lower in GRAPH[upper]]
    assert not [(a, b) for a, b in arrows if HEIGHT[room(b)] > HEIGHT[room(a)]]


def test_no_files_import_each_other_in_a_circle():
    graphlib.TopologicalSorter(GRAPH).prepare()


def private(name):
    return any(x.startswith("_") and not x.endswith("__") for x in name.split("."))


def package(name):
    return name.split(".")[0]


def test_no_package_imports_private_names_of_another():
    arrows = [(file, name) for file in FILES for name in imported_names(file)]
    reaching = [(a, b) for a, b in arrows if private(b) and package(b) in packages()]
    assert not [(a, b) for a, b in reaching if package(a) != package(b)]


def test_no_file_is_long():
    lengths = {name: len(x.read_text().splitlines()) for name, x in FILES.items()}
    assert not {name: n for name, n in lengths.items() if n > LONGEST_FILE}


@cache
def chain(module):
    """The longest way down from a file."""
    ways = (chain(lower) for lower in sorted(GRAPH[module]))
    return (module, *max(ways, key=len, default=()))


def test_chains_of_imports_through_the_core_are_short():
    longest = max((chain(module) for module in CORE), key=len)
    assert len(longest) <= LONGEST_CHAIN, longest


def test_the_core_is_seen_at_a_glance():
    entries = [x.name for x in (ROOT / "costfn").iterdir() if x.name != "__pycache__"]
    assert len(entries) <= MOST_ENTRIES


LOSSES = sorted(name for name in costfn.__all__ if name.endswith("_loss"))
LOSSES.remove("metric_loss")  # it makes losses and is none


def defined(path):
    """The functions, classes and other names at the top level of a file."""
    found = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {t.id for t in targets if isinstance(t, ast.Name)}
    return found


@pytest.mark.parametrize("loss", LOSSES)
def test_a_newcomer_finds_a_loss_by_the_name_of_one_file(loss):
    """The same path in each library; a row of a table, or a file of tests so named."""
    home = importlib.import_module(getattr(costfn, loss).__module__)
    path = FILES[home.__name__].relative_to(ROOT / "costfn")
    module = "".join(word.title() for word in loss.split("_"))
    assert loss in defined(ROOT / "costfn" / path)
    assert loss in defined(ROOT / "adapters/costfn_jax" / path)
    assert module in defined(ROOT / "adapters/costfn_nn" / path)
    assert loss in {entry.name for entry in home.ENTRIES}
    tests = [
        ROOT / "tests/support/batch_losses.py",
        *(ROOT / "tests/support/rows").glob(path.name),
        *(ROOT / "tests/core").glob(f"test_{path.stem}.py"),
    ]
    assert [x for x in tests if loss in x.read_text()]


def test_private_files_are_reached_by_public_names():
    for loss in LOSSES:
        assert getattr(costfn, loss).__module__.startswith("costfn._")
        assert getattr(costfn_jax, loss).__module__.startswith("costfn_jax._")


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


def best_of_three(code):
    """Seconds of the processor: a busy machine can only add to them."""
    runs = [run(f"import time\n{code}") for _ in range(3)]
    assert all(found.returncode == 0 for found in runs), runs[0].stderr
    return min(float(found.stdout.splitlines()[-1]) for found in runs)


def test_importing_it_is_quick():
    assert (
        best_of_three(
            "import torch; start = time.process_time()\n"
            "import costfn; print(time.process_time() - start)"
        )
        < 0.1
    )


def test_the_command_says_its_version_without_torch():
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())
    module, _, function = config["project"]["scripts"]["costfn"].partition(":")
    call = (
        f"sys.argv = ['costfn', '--version']\nfrom {module} import {function}\n"
        f"try:\n    {function}()\nexcept SystemExit as end:\n    assert not end.code\n"
    )
    seconds = best_of_three(f"{call}print(time.process_time())")
    assert seconds < 1
    said = run(call).stdout
    assert said.split() == ["costfn", importlib.metadata.version("costfn")]

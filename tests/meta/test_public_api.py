"""What is public, and that it is documented."""

import functools
import inspect
import re
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

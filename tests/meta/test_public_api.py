"""What is public, and that it is documented."""

import tomllib
from pathlib import Path

import pytest

import batch_losses
import costfn
import costfn_jax
import costfn_nn
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

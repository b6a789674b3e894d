"""Fixtures: a test that takes `loss` or `case` runs for each row of the table."""

import os

# Before anything imports JAX. float64 is off by default; a GPU is not asked for.
os.environ.setdefault("JAX_ENABLE_X64", "1")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import pytest
import torch
from hypothesis import settings

from losses import CASES, LOSSES, PER_SAMPLE, SAMPLE_CASES

torch.set_num_threads(1)  # the tensors are tiny: threads only add noise
settings.register_profile("dev", max_examples=15, deadline=None)
settings.register_profile(
    "ci", max_examples=15, deadline=None, derandomize=True, print_blob=True
)
settings.register_profile("nightly", max_examples=1700, deadline=None)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev")
)


@pytest.fixture
def quick():
    """XLA spends most of its time on making the code fast."""
    jax = pytest.importorskip("jax")
    name = "jax_disable_most_optimizations"
    before = jax.config.read(name)
    jax.config.update(name, True)
    yield
    jax.config.update(name, before)


MARKERS = {
    "shapes": "every kind of argument of public functions: run with shapes checked too",
    "unchecked": "run without jaxtyping, whose checks come before ours "
    "and cannot be compiled",
    "slow": "more than a slice of its room: not in `make test-quick`",
}


def pytest_configure(config: pytest.Config) -> None:
    for name, meaning in MARKERS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")


def pytest_addoption(parser: pytest.Parser) -> None:
    words = "only the first case of each test that is not slow"
    parser.addoption("--first-case", action="store_true", help=words)


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    if not config.getoption("first_case"):
        return
    first: dict[str, pytest.Item] = {}
    for item in items:
        if not item.get_closest_marker("slow"):
            first.setdefault(item.nodeid.partition("[")[0], item)
    kept = set(first.values())
    config.hook.pytest_deselected(items=[x for x in items if x not in kept])
    items[:] = first.values()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    of_fixture = {
        "loss": LOSSES,
        "sample_loss": PER_SAMPLE,
        "case": CASES,
        "sample_case": SAMPLE_CASES,
    }
    chosen = [mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")]
    for name, rows in of_fixture.items():
        if name in metafunc.fixturenames and name not in ", ".join(chosen).split(", "):
            metafunc.parametrize(name, rows, ids=lambda x: getattr(x, "name", repr(x)))

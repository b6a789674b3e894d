"""The losses of counts over 4 devices, against the same batch on one device.

`four_devices.py` computes, in a process of its own: the number of devices is fixed as
JAX starts.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
EXACT = 1e-12
VALUES = ["f_beta_loss", "mcc_loss", "normalized_cost_loss", "expected_cost"]
PARAMETERS = ["replicated", "sharded", "inputs"]

meshes = pytest.mark.parametrize("mesh", ["Auto", "Explicit"])
tracking = pytest.mark.parametrize("check_vma", [True, False])


@pytest.fixture(scope="module")
def report():
    environment = {
        **os.environ,
        "JAX_ENABLE_X64": "1",
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": str(ROOT / "adapters"),
        "XLA_FLAGS": "--xla_force_host_platform_device_count=4",
    }
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests/support/four_devices.py")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@meshes
@tracking
def test_derived_outside_of_shard_map(report, mesh, check_vma):
    found = report[f"{mesh} {check_vma} outside"]
    assert sorted(found) == sorted([*VALUES, *PARAMETERS])
    assert max(found.values()) < EXACT


@meshes
def test_derived_inside_with_the_mean_of_replicated_gradients(report, mesh):
    assert max(report[f"{mesh} True inside"].values()) < EXACT


@meshes
def test_derived_inside_where_nothing_tracks_what_varies(report, mesh):
    """The gradient of what is sharded is then as many times too large as devices."""
    found = report[f"{mesh} False inside"]
    assert max(found[name] for name in [*VALUES, "replicated"]) < EXACT
    for name in ("sharded", "inputs"):
        assert found[name] == pytest.approx(4 - 1, rel=EXACT)


@meshes
@tracking
def test_the_sum_of_replicated_gradients_is_as_many_times_too_large(
    report, mesh, check_vma
):
    assert report[f"{mesh} {check_vma} psum"] < EXACT


@pytest.mark.parametrize("way", ["vmap", "Auto placement", "Explicit placement"])
def test_by_an_axis_of_vmap_and_by_placement_alone(report, way):
    found = report[way]
    assert sorted(found) == sorted([*VALUES, *PARAMETERS])
    assert max(found.values()) < EXACT


def test_a_padded_shard_counts_only_what_is_kept(report):
    found = report["padding"]
    assert found.pop("padding") == 0
    assert sorted(found) == sorted([*VALUES, "gradient"])
    assert max(found.values()) < EXACT


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("way", ["mean", "one"])
def test_local_losses_are_not_the_loss(report, way, name):
    assert report["without the sum"][way][name] > 1e-3


def test_a_forgotten_sum_is_refused(report):
    assert "replicated" in report["without the sum"]["refused"]


def test_sorting_needs_help_where_axes_are_explicit(report):
    found = report["sorting"]
    assert found["refused"] == "ShardingTypeError"
    assert max(found["value"], found["gradient"]) < EXACT

"""JAX without float64, as users have it, and without any promotion of dtypes.

Each setting has a process of its own: it must be there before the first array is.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.crosscheck._backends import of_torch
from tests.crosscheck._oracle import Three, reference
from tests.crosscheck._runs import exemplars, table
from tests.crosscheck._tolerance import limits, worst

# No argument of a loss is checked here that is not elsewhere.
pytestmark = [pytest.mark.slow, pytest.mark.unchecked]

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tests/support/jax_settings.py"
SETTINGS = {
    "x64 off": {"JAX_ENABLE_X64": "0"},
    "strict": {"JAX_ENABLE_X64": "1", "JAX_NUMPY_DTYPE_PROMOTION": "strict"},
}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("settings")
    path = [
        str(ROOT / folder) for folder in (".", "adapters", "tests", "tests/support")
    ]
    shared = {**os.environ, "JAX_PLATFORMS": "cpu", "PYTHONPATH": os.pathsep.join(path)}
    jobs = {
        name: subprocess.Popen(
            [
                sys.executable,
                str(ROOT / "tests/support/jax_settings.py"),
                str(folder / name),
            ],
            env=shared | settings,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name, settings in SETTINGS.items()
    }
    for job in jobs.values():
        _, words = job.communicate(timeout=900)
        assert job.returncode == 0, words
    return {name: np.load(folder / f"{name}.npz") for name in SETTINGS}


def test_the_settings_are_what_their_names_say(results):
    found = {name: (str(x["x64"]), str(x["promotion"])) for name, x in results.items()}
    assert found == {"x64 off": ("False", "standard"), "strict": ("True", "strict")}


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("loss", exemplars())
def test_torch_in_float32_gives_the_same(results, setting, loss):
    problem, _ = table()[exemplars()[loss]]
    theirs = Three(*(results[setting][f"{loss} {i}"] for i in range(3)))
    ours = of_torch(problem, "float32", "eager", "cpu")
    c = worst(loss, theirs, ours, reference(problem), "float32")
    assert all(x <= 2 * most for x, most in zip(c, limits(loss), strict=True)), c

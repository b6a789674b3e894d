"""Tests run in a process that has already imported what takes long to import."""

import compileall
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import Any, NamedTuple

# Not the library itself: each process imports it with the change.
HEAVY = ["torch._dynamo", "torch.testing", "sklearn.metrics", "scipy.optimize"]
HEAVY += ["scipy.sparse.csgraph", "hypothesis.extra.numpy", "mpmath", "pytest", "rich"]
HEAVY += ["jaxtyping", "jax.numpy", "optax", "equinox"]
# Some is read where it is imported, so it is set before.
ENVIRONMENT = {
    "HYPOTHESIS_PROFILE": "ci",
    "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",  # XLA would take most of the time
    "JAX_ENABLE_X64": "1",
    "JAX_PLATFORMS": "cpu",
    "OMP_NUM_THREADS": "1",
}
servers = get_context("forkserver")
servers.set_forkserver_preload(HEAVY)


class Outcome(NamedTuple):
    """What pytest said, None if it took too long, and the first test that failed."""

    code: int | None
    failed: str | None


def clone(root: Path, folder: Path) -> Path:
    """The working tree as git sees it, with what is not yet committed."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=root, capture_output=True, check=True, text=True)
    for name in names.stdout.split("\0"):
        if name and (root / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / name, folder / name)
    # By content: a change of the same length within a second must be seen.
    for package in ("costfn", "adapters"):
        compileall.compile_dir(
            folder / package,
            quiet=1,
            invalidation_mode=PycInvalidationMode.CHECKED_HASH,
        )
    return folder


def run_tests(root: Path, copy: Path, tests: Sequence[str], limit: float) -> Outcome:
    """These tests in the copy, in this order, until the first fails."""
    os.environ |= ENVIRONMENT
    ours, theirs = servers.Pipe(duplex=False)
    process = servers.Process(target=_child, args=(theirs, root, copy, tests))
    process.start()
    theirs.close()
    try:
        outcome = Outcome(*ours.recv()) if ours.poll(limit) else Outcome(None, None)
    except EOFError:  # it crashed
        outcome = Outcome(-1, None)
    with suppress(ProcessLookupError):
        os.killpg(process.pid or 0, signal.SIGKILL)
    process.join()
    return outcome


class _First:
    failed: str | None = None

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed and self.failed is None:
            self.failed = report.nodeid


class _Chosen:
    """Of what is collected only these tests, in this order."""

    def __init__(self, tests: Sequence[str]) -> None:
        self.place = {test: place for place, test in enumerate(tests)}

    @property
    def functions(self) -> list[str]:
        """Arguments of pytest: parameters are chosen from what is collected."""
        return list(dict.fromkeys(test.partition("[")[0] for test in self.place))

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        kept = [item for item in items if item.nodeid in self.place]
        items[:] = sorted(kept, key=lambda item: self.place[item.nodeid])


def _child(
    connection: Connection, root: Path, copy: Path, tests: Sequence[str]
) -> None:
    os.setsid()
    output = os.open(copy / "output.txt", os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.chdir(copy)
    places = [str(copy), str(copy / "adapters")]
    os.environ["PYTHONPATH"] = os.pathsep.join(places)
    sys.dont_write_bytecode = False
    original = {"", *(str(root / name) for name in ("", "adapters", "tests/support"))}
    sys.path[:] = places + [p for p in sys.path if p not in original]
    for name in [name for name in sys.modules if name.split(".")[0] == "tests"]:
        del sys.modules[name]
    import pytest

    first, chosen = _First(), _Chosen(tests)
    options = ["-x", "-q", "-p", "no:cacheprovider"]
    options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
    code = pytest.main([*options, *chosen.functions], plugins=[first, chosen])
    connection.send((int(code), first.failed))
    connection.close()

"""Which tests run a line of the library, measured, and the order to try them in.

The suite runs once under coverage.py, which notes for each line the tests that run it.
"""

import ast
import difflib
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from coverage import CoverageData

from ._measured import WRITTEN_TO
from ._trial import ENVIRONMENT

# Lines that run at import only can matter to any test of these rooms.
ROOMS = {
    "costfn": ("tests/core/", "tests/meta/"),
    "costfn_jax": ("tests/jax/", "tests/meta/"),
    "costfn_nn": ("tests/nn/", "tests/meta/"),
}
# Seconds of tests in each part but the last: few changes need the later parts.
PARTS = (10.0, 60.0)


class Witnesses(NamedTuple):
    """What the tests do.

    Attributes:
        lines: For each file of the library and each of its lines the tests that run
            it; none for a line that runs only when the file is imported.
        seconds: How long each test takes.
        unseen: Tests whose lines are not known: what they run is compiled.
    """

    lines: dict[str, dict[int, frozenset[str]]]
    seconds: dict[str, float]
    unseen: frozenset[str]

    def parts(self, file: str, lines: Iterable[int]) -> list[list[str]]:
        """The tests for a change of these lines, in parts, the cheapest first."""
        of_file = self.lines.get(file, {})
        found = frozenset[str]().union(*(of_file.get(line, ()) for line in lines))
        if not found:
            package = Path(file.removeprefix("adapters/")).parts[0]
            found = frozenset(x for x in self.seconds if x.startswith(ROOMS[package]))
            found = found.union(*of_file.values()) - self.unseen
        parts = list(self._cut(found - self.unseen))
        # Of these files also what is not known to run the lines: it may be compiled,
        # or be given what an earlier test has worked out.
        files = {test.partition("::")[0] for test in found}
        others = {x for x in self.seconds if x.partition("::")[0] in files} - found
        parts[-1] += self._cheapest_first(others | self.unseen)
        return parts

    def _cheapest_first(self, tests: Iterable[str]) -> list[str]:
        return sorted(tests, key=lambda test: (self.seconds[test], test))

    def _cut(self, tests: Iterable[str]) -> Iterator[list[str]]:
        waiting = self._cheapest_first(tests)
        for limit in PARTS:
            total, count = 0.0, 0
            while count < len(waiting) and total < limit:
                total += self.seconds[waiting[count]]
                count += 1
            yield waiting[:count]
            waiting = waiting[count:]
        yield waiting


def changed_lines(before: str, after: str) -> set[int]:
    """The lines of the statements that differ, counted from 1 in what was before."""
    matcher = difflib.SequenceMatcher(None, before.splitlines(), after.splitlines())
    changed = {
        line
        for what, first, last, _, _ in matcher.get_opcodes()
        if what != "equal"
        for line in range(first + 1, max(first + 1, last) + 1)
    }
    # A tracer sees a statement of several lines at some of them.
    spans = [_span(node) for node in ast.walk(ast.parse(before)) if _is_whole(node)]
    return changed.union(*(span for span in spans if changed & set(span)))


def _is_whole(node: ast.AST) -> bool:
    return isinstance(node, ast.stmt) and not isinstance(node, ast.ClassDef)


def _span(node: ast.AST) -> range:
    """All lines of a statement; of one with a body those of its head."""
    body = getattr(node, "body", None)
    return range(node.lineno, body[0].lineno if body else node.end_lineno + 1)


def measured(root: Path, copy: Path, store: Path, workers: int) -> Witnesses:
    """Run the suite in the copy, unless the store has this tree already."""
    times, lines, digest = store / "tests.json", store / ".coverage", _digest(copy)
    if not times.exists() or json.loads(times.read_text()).get("digest") != digest:
        _run_suite(copy, times, lines, workers)
        times.write_text(json.dumps(json.loads(times.read_text()) | {"digest": digest}))
    found = json.loads(times.read_text())
    seconds, unseen = found["seconds"], frozenset(found["unseen"])
    return Witnesses(_tests_by_line(lines, seconds), seconds, unseen)


def _run_suite(copy: Path, times: Path, lines: Path, workers: int) -> None:
    options = ["--cov=costfn", "--cov=adapters", "--cov-context=test", "--cov-report="]
    options += ["--numprocesses", str(workers), "--dist", "loadfile", "--quiet"]
    options += ["-p", "no:cacheprovider", "-p", f"{__package__}._measured"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options],
        cwd=copy,
        env=os.environ
        | ENVIRONMENT
        | {"COVERAGE_FILE": str(lines), WRITTEN_TO: str(times)},
    )
    if done.returncode > 1:  # 1: a test failed, as some do while they are traced
        raise RuntimeError(f"the suite must run to its end, got code {done.returncode}")


def _tests_by_line(
    path: Path, seconds: dict[str, float]
) -> dict[str, dict[int, frozenset[str]]]:
    data = CoverageData(str(path))
    data.read()

    @cache
    def test(context: str) -> str:
        return context.rpartition("|")[0]  # the rest is setup, run or teardown

    return {
        file: {
            line: frozenset(t for c in contexts if (t := test(c)) in seconds)
            for line, contexts in data.contexts_by_lineno(file).items()
        }
        for file in data.measured_files()
    }


def _digest(copy: Path) -> str:
    """Of all that a measurement depends on."""
    whole = hashlib.sha256()
    for folder in ("costfn", "adapters", "tests"):
        for path in sorted((copy / folder).rglob("*.py")):
            whole.update(str(path.relative_to(copy)).encode() + path.read_bytes())
    return whole.hexdigest()

"""Do the tests notice? `make mutants`, or `python -m tests.mutation --help`.

Changes are tried in copies of the working tree, one for each worker. Results are kept
line by line in build/mutants.jsonl: what is there and has not changed since is not
tried again.
"""

import json
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from datetime import date
from enum import StrEnum
from pathlib import Path
from queue import Queue
from random import Random
from time import monotonic
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import track

from ._mutants import FOLDERS, Mutant, chosen
from ._report import page
from ._selection import PARTS, Witnesses, changed_lines, measured
from ._trial import Outcome, clone, run_tests

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build"
RESULTS = BUILD / "mutants.jsonl"
PAGE = ROOT / "docs" / "mutants.md"
LIMIT = 1200.0  # seconds for one call of pytest: what takes longer has noticed
console = Console(stderr=True)
Result = dict[str, Any]
Side = StrEnum("Side", [*FOLDERS, "both"])


def results() -> dict[str, Result]:
    """What has been tried, by the key of the change; the last try counts."""
    lines = RESULTS.read_text().splitlines() if RESULTS.exists() else []
    found = map(json.loads, lines)
    return {result["key"]: result for result in found}


def store(result: Result) -> None:
    with RESULTS.open("a") as file:
        file.write(json.dumps(result) + "\n")


@contextmanager
def planted(mutant: Mutant, copy: Path) -> Iterator[None]:
    path = copy / mutant.file
    original = path.read_bytes()
    path.write_text(mutant.source)
    try:
        yield
    finally:
        path.write_bytes(original)


def attempt(mutant: Mutant, copy: Path, tests: list[str]) -> Result:
    """Run these tests until one fails."""
    begin, noticed = monotonic(), Outcome(0, None)
    if tests:
        with planted(mutant, copy):
            noticed = run_tests(ROOT, copy, tests, LIMIT)
    return {
        "key": mutant.key,
        "file": mutant.file,
        "before": mutant.before,
        "after": mutant.after,
        "code": noticed.code,
        "by": noticed.failed,
        "seconds": round(monotonic() - begin, 1),
    }


def witnesses_of(mutant: Mutant, witnesses: Witnesses, copy: Path) -> list[list[str]]:
    lines = changed_lines((copy / mutant.file).read_text(), mutant.source)
    return witnesses.parts(mutant.file, lines)


def false_alarms(copy: Path, tests: set[str]) -> set[str]:
    """Those of the tests that fail without any change."""
    false: set[str] = set()
    while tests - false:
        outcome = run_tests(ROOT, copy, sorted(tests - false), 3 * LIMIT)
        if outcome.code == 0:
            break
        if outcome.failed is None:
            words = (copy / "output.txt").read_text()[-1000:]
            raise RuntimeError(f"pytest ended with {outcome.code}: {words}")
        false.add(outcome.failed)
    return false


def forget(tests: set[str]) -> None:
    """Strike out what only these tests have noticed."""
    lines = RESULTS.read_text().splitlines(keepends=True)
    kept = [line for line in lines if json.loads(line)["by"] not in tests]
    RESULTS.write_text("".join(kept))


def main(
    sample: Annotated[int, typer.Option(help="Changes of costfn.")] = 100,
    seed: Annotated[int, typer.Option(help="Of the sample.")] = 0,
    side: Annotated[Side, typer.Option(help="Which library to change.")] = Side.both,
    workers: Annotated[int, typer.Option(help="Tried at once.")] = 2,
    again: Annotated[bool, typer.Option(help="Retry what survived.")] = False,
) -> None:
    """Plant faults, run the tests, and write docs/mutants.md."""
    BUILD.mkdir(exist_ok=True)
    # Fewer of the mirror, whose tests compile for a minute.
    sizes = {"torch": sample, "jax": sample // 4}
    every = [m for of in FOLDERS for m in chosen(ROOT, of, sizes[of], seed)]
    known = results()
    tried = {key for key, result in known.items() if result["code"] != 0 or not again}
    todo = [m for m in every if side in (m.side, Side.both) and m.key not in tried]
    Random(seed).shuffle(todo)  # an interrupted run is a fair sample too
    copies: Queue[Path] = Queue()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(workers) as pool:
        for number in range(workers):
            copies.put(clone(ROOT, Path(folder) / str(number)))

        copy = copies.get()
        witnesses = measured(ROOT, copy, BUILD, workers)
        parts = {m.key: witnesses_of(m, witnesses, copy) for m in todo}
        copies.put(copy)

        def work(mutant: Mutant, part: int) -> tuple[Mutant, Result]:
            copy = copies.get()
            try:
                return mutant, attempt(mutant, copy, parts[mutant.key][part])
            finally:
                copies.put(copy)

        # The cheapest tests of all first: few changes need the others.
        for part in range(len(PARTS) + 1):
            tasks = [pool.submit(work, mutant, part) for mutant in todo]
            todo = []
            done = track(as_completed(tasks), "Mutants", len(tasks), console=console)
            for future in done:
                mutant, result = future.result()
                if result["code"] == 0 and part < len(PARTS):
                    todo.append(mutant)
                    continue
                store(result)
                if result["code"] == 0:
                    console.print(f"survived: {mutant.file}: {mutant.after}")
        found = results()
        noticing = {found[m.key]["by"] for m in every if m.key in found}
        if false := false_alarms(copies.get(), noticing & witnesses.seconds.keys()):
            forget(false)
            console.print(f"[red]these fail without any change: {false}")
            raise typer.Exit(1)
    PAGE.write_text(page(every, results(), seed, date.today()))
    console.print(f"written: {PAGE}")


if __name__ == "__main__":
    typer.run(main)

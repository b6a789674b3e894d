"""Runs every cell of a comparison: what is missing, in several processes if asked."""

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from joblib import Parallel, delayed
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from ._candidate import Candidate
from ._cell import Prepared, evaluate
from ._folds import Split
from ._learners import Learner
from ._outcome import Outcome
from ._store import Store


@dataclass(frozen=True)
class Settings:
    """The settings of a comparison.

    Attributes:
        model: Name of the model.
        folds: Number of folds of each cross-validation.
        repeats: Number of cross-validations, each with other folds.
        seed: Seed of the folds and of the initial weights of the network.
        metric: The metric that losses are compared by, a key of `METRICS`.
    """

    model: str
    folds: int
    repeats: int
    seed: int
    metric: str = "cost"


@dataclass(frozen=True)
class Cell:
    """One loss with its model on one division of the data."""

    candidate: Candidate
    learner: Learner
    split: Split


def run(
    data: Prepared,
    cells: Sequence[Cell],
    seed: int,
    store: Store,
    *,
    jobs: int = 1,
    time_budget: float | None = None,
    progress: bool = False,
) -> list[Outcome]:
    """The outcomes of all cells, or of those that are done when time is up.

    Args:
        data: The data.
        cells: What to run, fold by fold.
        seed: Of inner folds and initial weights; each fold has its own.
        store: Where finished cells are kept, and found.
        jobs: Number of processes.
        time_budget: Seconds after which no new cell is begun. Folds that some loss has
            not finished are then left out, for all.
        progress: Show a progress bar with the time left, on the standard error stream.

    Returns:
        The outcomes, in the order of the cells.
    """
    known = store.read()
    todo = [cell for cell in cells if key(cell) not in known]
    begun = time.monotonic()

    def in_time() -> Iterator[Cell]:
        for cell in todo:
            if time_budget is not None and time.monotonic() - begun > time_budget:
                return
            yield cell

    with _bar(progress) as bar:
        task = bar.add_task("", total=len(cells), completed=len(cells) - len(todo))
        for cell, outcomes in _computed(data, in_time(), seed, jobs):
            store.add(*key(cell), outcomes)
            known[key(cell)] = outcomes
            split = cell.split
            words = f"fold {split.fold + 1}, repeat {split.repeat + 1}"
            bar.update(task, description=f"{cell.candidate.name}, {words}", advance=1)
    missing = {
        (cell.split.repeat, cell.split.fold) for cell in cells if key(cell) not in known
    }
    whole = [c for c in cells if (c.split.repeat, c.split.fold) not in missing]
    return [outcome for cell in whole for outcome in known[key(cell)]]


def key(cell: Cell) -> tuple[str, int, int]:
    """What a cell is known by in the store: what its numbers depend on."""
    one = cell.candidate
    trained = f"{one.name}; {one.options}; {one.decisions}; {cell.learner.words}"
    return trained, cell.split.repeat, cell.split.fold


def _computed(
    data: Prepared, cells: Iterator[Cell], seed: int, jobs: int
) -> Iterator[tuple[Cell, list[Outcome]]]:
    if jobs == 1:
        yield from (_one(data, cell, seed) for cell in cells)
        return
    parallel = Parallel(n_jobs=jobs, return_as="generator_unordered", pre_dispatch=jobs)
    yield from parallel(delayed(_one)(data, cell, seed) for cell in cells)


def _one(data: Prepared, cell: Cell, seed: int) -> tuple[Cell, list[Outcome]]:
    # The matrices are small, so more threads are slower. They would also make the last
    # digits depend on the machine.
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        number = seed + cell.split.number
        found = evaluate(data, cell.split, cell.candidate, cell.learner, number)
        return cell, found
    finally:
        torch.set_num_threads(before)


def _bar(shown: bool) -> Progress:
    return Progress(
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
        console=Console(file=sys.stderr),
        transient=True,
        disable=not shown,
    )

"""docs/mutants.md: what was tried, what survived, and why."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from ._mutants import Mutant
from .reasons import REASONS

INTRODUCTION = """\
# Do the tests notice?

Written by `make mutants` on {day}: a sample of {torch} small changes of `costfn` and
{jax} of `costfn_jax` (seed {seed}), drawn by
[cosmic-ray](https://github.com/sixty-north/cosmic-ray) from each file in proportion to
its size, at least one, and {planted} faults planted by
hand, those that people make when they write losses. Each is tried alone: a change is
noticed if a test fails, or does not end.

Which tests are tried is measured: the suite runs once under
[coverage.py](https://coverage.readthedocs.io), which notes for each line the tests that
run it. They are tried from the cheapest on. A line that runs only at import is tried on
all tests of its room and all that use its file. What survives has survived these, the
other tests of their files, and all tests of compiled code, whose lines no tracer sees.
The rooms above the losses are not in the sample: the command line, `costfn.compare`,
`costfn.doctor`, `costfn.per_sample`, `costfn.testing`.

A change is *equivalent* if no caller could tell: those are counted apart.
"""


def page(
    mutants: Sequence[Mutant],
    results: dict[str, dict[str, Any]],
    seed: int,
    day: date,
) -> str:
    """The page, of what has been tried."""
    tried = [mutant for mutant in mutants if mutant.key in results]
    alive = {m.key for m in tried if results[m.key]["code"] == 0}
    sampled = Counter(mutant.side for mutant in mutants if not mutant.planted)
    planted = len(mutants) - sampled.total()
    parts = [INTRODUCTION.format(day=day, seed=seed, planted=planted, **sampled)]
    codes = [results[mutant.key]["code"] for mutant in tried]
    parts.append(
        f"{codes.count(None)} were noticed by tests that did not end, "
        f"{codes.count(-1)} by a crash, the others by a failure.\n"
    )
    if len(tried) < len(mutants):
        parts.append(
            f"**Only {len(tried)} of {len(mutants)} have been run to the end**, those "
            "first that are noticed soon: the final score can only be lower.\n"
        )

    def table(title: str, of: Callable[[Mutant], str]) -> None:
        groups = defaultdict(list)
        for mutant in tried:
            groups[of(mutant)].append(mutant)
        rows = [_row(name, group, alive) for name, group in sorted(groups.items())]
        heading = (
            f"| {title} | tried | noticed | equivalent | missed | noticed of the rest |"
        )
        parts.append("\n".join([heading, "| --- |" + " ---: |" * 5, *rows, ""]))

    sides = {"torch": "`costfn`", "jax": "`costfn_jax`"}
    origins = {True: "planted by hand", False: "sampled"}
    parts.append("## Score\n")
    table("library", lambda m: f"{sides[m.side]}, {origins[m.planted]}")
    table("library", lambda m: sides[m.side])
    table("library", lambda m: "both")
    survivors = [mutant for mutant in tried if mutant.key in alive]
    parts.append(f"## The {len(survivors)} that survived\n")
    for mutant in sorted(survivors, key=lambda m: (m.file, m.line)):
        kind, why = reason(mutant)
        parts.append(
            f"`{mutant.file}`, line {mutant.line}: {mutant.kind}\n\n"
            f"```diff\n- {mutant.before}\n+ {mutant.after}\n```\n\n"
            f"{kind.capitalize()}: {why}\n"
        )
    parts.append("## By kind\n")
    table("kind", lambda m: m.kind)
    parts.append("## By file\n")
    table("file", lambda m: f"`{m.file}`")
    return "\n".join(parts)


def reason(mutant: Mutant) -> tuple[str, str]:
    """Kind and words of why it survives."""
    return REASONS.get((mutant.file, mutant.after), ("gap", "not yet looked at."))


def _row(name: str, group: Sequence[Mutant], alive: set[str]) -> str:
    survivors = [mutant for mutant in group if mutant.key in alive]
    equivalent = sum(reason(mutant)[0] == "equivalent" for mutant in survivors)
    noticed = len(group) - len(survivors)
    rest = len(group) - equivalent
    score = f"{100 * noticed / rest:.1f} %" if rest else ""
    numbers = len(group), noticed, equivalent, len(survivors) - equivalent, score
    return " | ".join(["| " + name, *map(str, numbers)]) + " |"

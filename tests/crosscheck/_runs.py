"""Which problem runs where: all that is quick, and what is slow once for each loss."""

from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import NamedTuple

import batch_losses

from ._backends import BACKENDS
from ._oracle import Three, reference
from ._problems import Problem, problems
from ._tolerance import limits, worst

GRIDS = {24: ("float64", "float32"), 8: ("bfloat16", "float16")}
# To trace thirty unrolled steps twice over takes a minute.
NOT_COMPILED = {"sinkhorn_loss"}
# From problem, loss, framework and dtype to modes.
Plan = Callable[[str, str, str, str], list[str]]


class Result(NamedTuple):
    """The worst C of a problem in one run, and what it may be at most.

    The framework "both" is one against the other.
    """

    problem: str
    loss: str
    dtype: str
    framework: str
    mode: str
    c: Three
    limit: Three

    @property
    def passed(self) -> bool:
        """Whether C is within its limits."""
        return all(c <= limit for c, limit in zip(self.c, self.limit, strict=True))


@cache
def table() -> dict[str, tuple[Problem, ...]]:
    """Each problem on both grids, by name."""
    fine, coarse = (problems(bits) for bits in GRIDS)
    return {repr(a): (a, b) for a, b in zip(fine, coarse, strict=True)}


@cache
def firsts() -> dict[str, str]:
    """For each loss the first of its problems."""
    return {loss.name: name for name, (loss, _) in reversed(table().items())}


@cache
def exemplars() -> dict[str, str]:
    """The first problems of the losses that stand for all in slow runs."""
    alike = set(batch_losses.NAMES) - set(batch_losses.EXEMPLARS)
    return {loss: name for loss, name in firsts().items() if loss not in alike}


def modes(name: str, loss: str, framework: str, dtype: str) -> list[str]:
    """How a problem runs in a framework and a dtype."""
    principal = exemplars().get(loss) == name
    single = dtype == "float32"
    if framework == "torch":
        compiled = principal and single and loss not in NOT_COMPILED
        return ["eager", *["vmapped"] * single, *["compiled"] * compiled]
    if principal:
        return ["compiled", *["eager", "vmapped"] * single]
    return ["compiled"] if dtype in ("float64", "float32") else []


def check(name: str, device: str, plan: Plan = modes) -> list[Result]:
    """All runs of a problem."""
    results: list[Result] = []
    for problem, dtypes in zip(table()[name], GRIDS.values(), strict=True):
        for dtype in dtypes:
            plans = {one: plan(name, problem.name, one, dtype) for one in BACKENDS}
            if any(plans.values()):
                results += _of_dtype(problem, dtype, device, plans)
    return results


def _of_dtype(
    problem: Problem, dtype: str, device: str, plans: dict[str, list[str]]
) -> Iterator[Result]:
    expected, limit = reference(problem), limits(problem.name)
    result = partial(Result, repr(problem), problem.name, dtype)
    found: dict[str, Three] = {}
    for framework, ways in plans.items():
        for mode in ways:
            three = BACKENDS[framework](problem, dtype, mode, device)
            c = worst(problem.name, three, expected.truth, expected, dtype)
            yield result(framework, mode, c, limit)
            found.setdefault(framework, three)
    if len(found) == len(BACKENDS):
        c = worst(problem.name, *found.values(), expected, dtype)
        yield result("both", "", c, Three(*(2 * x for x in limit)))

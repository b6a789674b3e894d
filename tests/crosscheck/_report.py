"""The page `docs/crosscheck.md`: a section per device, each written by its own run."""

import platform
import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import jax
import mpmath
import numpy as np
import torch

from batch_losses import EXEMPLARS

from ._large import EXAMPLES, Large
from ._oracle import Three
from ._runs import NOT_COMPILED, Result
from ._tolerance import EXCEPTIONS, LIMIT, ROUNDOFF, SHARP, SHARP_LIMIT

PAGE = Path(__file__).parents[2] / "docs" / "crosscheck.md"
TITLES = {"cpu": "On the CPU", "cuda": "On a GPU"}
FRAMEWORKS = {"torch": "torch", "jax": "JAX", "both": "torch against JAX"}
NOT_RUN = "Not run yet. `make crosscheck DEVICE=cuda` fills this section."
HEAD = """# Cross-check

Each loss in PyTorch, in JAX and by its textbook formula with 110 digits, in value,
gradient and Hessian-vector product. The formulas are written down from the papers and
the definitions of the metrics, apart from the code of the losses; their derivatives are
differences in 110 digits. `make crosscheck` writes this page,
`make crosscheck DEVICE=cuda` its section on a GPU. Straight from a checkout, where
nothing can be installed, the same is
`PYTHONPATH=.:adapters python -m tests.crosscheck --device cuda`.

## What is asked

    |error| <= C u (|truth| + condition + scale)

with `u` the unit roundoff of the dtype ({roundoff}), `condition` how far relative
errors of 1 in the inputs would move the quantity, and `scale` its largest value where
all logits are 0, at least 1 / examples. C may be at most {limit}, and twice that
between the frameworks: the same for every dtype, framework and device. Where a loss is
*sharp*, marked \\*, it is judged without the scale, so that even its smallest gradients
are right, with C at most {sharp}.

The situations, one for each loss, each of its options and each kind of target: small,
large and very large logits, near ties, and saturation by a gap of 24, right and wrong;
for the losses of a batch also a class without examples. Inputs are rounded first, and
the rounded numbers are what the formula gets. Half precision is computed in float32
inside, so its C is that of one rounding at the end.

Torch runs eagerly and, in float32, vmapped; JAX under `jit` in float64 and float32. One
problem of each loss, of those of counts of {of_counts}, runs in float32 also by
`torch.compile` (`backend="aot_eager"`, one graph), by JAX op by op, and by JAX vmapped,
and under `jit` in half precision. {not_compiled}

## Exceptions

{exceptions}

"""


def write(
    device: str, results: list[Result], large: list[Large], seconds: float
) -> None:
    """Replace the section of the device; the other one stays as it is."""
    before = PAGE.read_text() if PAGE.exists() else ""
    sections = []
    for name, title in TITLES.items():
        marks = f"<!-- {name} -->", f"<!-- end of {name} -->"
        found = re.search("{}\n(.*){}".format(*marks), before, re.DOTALL)
        body = found[1] if found else f"## {title}\n\n{NOT_RUN}\n"
        if name == device:
            body = _section(title, device, results, seconds) + _at_large(large)
        sections.append(f"{marks[0]}\n{body}{marks[1]}\n")
    PAGE.write_text(_head() + "\n".join(sections))


def _head() -> str:
    roundoff = ", ".join(f"{u:.0e} for {dtype}" for dtype, u in ROUNDOFF.items())
    exceptions = [
        f"- `{name}`, {_three(limit)}: {cause}"
        for name, (limit, cause) in EXCEPTIONS.items()
    ]
    names = ", ".join(f"`{name}`" for name in sorted(NOT_COMPILED))
    return HEAD.format(
        roundoff=roundoff,
        limit=_words(LIMIT),
        sharp=_words(SHARP_LIMIT),
        of_counts=", ".join(f"`{name}`" for name in EXEMPLARS),
        not_compiled=f"Without `torch.compile`: {names}, whose 30 unrolled steps take "
        "a minute to trace.",
        exceptions="\n".join(exceptions) or "None.",
    )


def _section(title: str, device: str, results: list[Result], seconds: float) -> str:
    problems, failed = (
        {r.problem for r in results},
        [r for r in results if not r.passed],
    )
    lines = [
        f"## {title}\n",
        f"{date.today()}, {seconds / 60:.0f} minutes, {len(results)} comparisons of "
        f"{len(problems)} problems, {len(failed)} beyond their limit. "
        f"{_hardware(device)}. "
        f"Python {platform.python_version()}, torch {torch.__version__}, jax "
        f"{jax.__version__}, numpy {np.__version__}, mpmath {mpmath.__version__}.\n",
        "The worst C seen of value / gradient / Hessian-vector product; \\* sharp, and "
        "in bold what is beyond its limit.",
    ]
    for dtype in ROUNDOFF:
        lines += [
            "",
            f"### {dtype}",
            "",
            *_table(r for r in results if r.dtype == dtype),
        ]
    return "\n".join(lines) + "\n"


def _at_large(results: list[Large]) -> str:
    """The column of sums over many examples, where it was run."""
    if not results:
        return ""
    cells: dict[str, dict[str, str]] = {}
    for r in results:
        c = (f"{x:.2g}" if r.passed else f"**{x:.2g}**" for x in r[2:])
        cells.setdefault(r.loss, {})[r.framework] = " / ".join(c)
    rows = [
        f"| `{loss}` | {found['torch']} | {found['jax']} |"
        for loss, found in sorted(cells.items())
    ]
    text = f"""
### float32 at {EXAMPLES:,} examples

The mean over the examples, or the loss of the batch: value / gradient against float64,
with the same limits; one half of the examples are equal numbers, which round to the
same side. The Lovász gradients are judged by their norm, since errors that are equal
up to rounding may change places.

| loss | torch | JAX |
|---|---|---|
"""
    return text + "\n".join(rows) + "\n"


def _table(results: Iterable[Result]) -> Iterable[str]:
    of_loss: dict[str, dict[str, list[Result]]] = {}
    for result in results:
        row = of_loss.setdefault(result.loss, {})
        row.setdefault(result.framework, []).append(result)
    yield "| loss | " + " | ".join(FRAMEWORKS.values()) + " |"
    yield "|---" * (1 + len(FRAMEWORKS)) + "|"
    for loss in sorted(of_loss):
        cells = [_cell(of_loss[loss].get(name, [])) for name in FRAMEWORKS]
        yield f"| `{loss}` | " + " | ".join(cells) + " |"


def _cell(results: list[Result]) -> str:
    if not results:
        return "not run"
    c = Three(*(max(values) for values in zip(*(r.c for r in results), strict=True)))
    marks = ("\\*" if results[0].loss in names else "" for names in SHARP)
    parts = (
        f"**{x:.2g}**{mark}" if x > limit else f"{round(x, 3):.2g}{mark}"
        for x, limit, mark in zip(c, results[0].limit, marks, strict=True)
    )
    return " / ".join(parts)


def _three(limit: Three) -> str:
    return " / ".join(f"{x:.0f}" for x in limit)


def _words(limit: Three) -> str:
    return (
        "{:.0f} for the value, {:.0f} for the gradient and {:.0f} for the "
        "Hessian-vector product".format(*limit)
    )


def _hardware(device: str) -> str:
    if device == "cuda":
        return torch.cuda.get_device_name()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    models = [line.split(":")[1].strip() for line in lines if "model name" in line]
    return models[0] if models else platform.machine()

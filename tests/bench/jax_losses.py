"""Speed of the jitted JAX losses beside optax: `make bench-jax`.

Writes `docs/benchmarks_jax.md`: ratios to optax's softmax cross entropy with labels,
value and gradient under one `jax.jit`, the two timed alternately in the same run.
"""

import os
import platform
import statistics
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

# Set before JAX starts. With one thread the ratio measures work, not scheduling.
os.environ["XLA_FLAGS"] = (
    "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
)
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import jax.numpy as jnp
import optax
from jax import Array
from rich.progress import track

import costfn_jax
from costfn.catalogue import LOSSES

Loss = Callable[[Array], Array]
SHAPES = ((4096, 100), (64, 32768))
ROUNDS = 15
FEW = 1000  # a cost matrix of 32768 classes would take 4 GiB
LEFT_OUT = {
    "sinkhorn_loss",  # 50 steps of K x K per example: some hundred times slower
    "lovasz_hinge_loss",  # takes one score
    "q_error_loss",  # takes no scores
}
FLOOR = "softmax times a constant"
OUT = Path(__file__).parents[2] / "docs" / "benchmarks_jax.md"
PAGE = """# Speed in JAX

This page shows how much slower the JAX losses are than cross entropy. Each number is the time of the value and gradient of the mean loss under one `jax.jit`, divided by that of `optax.softmax_cross_entropy_with_integer_labels`. Both are timed alternately in the same run, on the same logits. A dash means not measured.

Median of {rounds} ratios, {day}, jax {jax}, optax {optax}, {machine}, one thread, float32. Written by `make bench-jax`.

{table}

The first row is not a loss: it is the sum of the softmax of the logits times a constant. Every loss computed from counts needs at least this work, so its ratio is a lower bound for them. The aim of 1.2 is below this bound. Expected cost divides once per example instead of once per logit, and so comes close to the aim. The slower losses do more work:

- Losses computed from counts sum over the examples for each class. They compute the probability of a nearly certain class as one minus the sum of the others, which keeps its gradient.
- `log_cost_loss` needs `log(1 - p)` for each probability `p`, at full precision.
- Soft decisions and confusion matrices are matrix products.
- `ranked_probability_loss` needs cumulative sums, which XLA computes in several passes over the whole array.
- `lovasz_softmax_loss` sorts the examples once for each class.

A matrix of 32768 x 32768 costs takes 4 GiB. In that column, cost losses that accept one cost vector per example are given vectors, and losses that need the matrix are not measured (-). Both columns leave out `sinkhorn_loss`, whose 50 steps take some hundred times as long as cross entropy, and the losses that take no class logits.
"""  # noqa: E501


def mean_of(loss: Callable[..., Array], tensors: list[Any], options: Any) -> Loss:
    return lambda z: costfn_jax.reduce(loss(z, *tensors, **options))


def losses(shape: tuple[int, int]) -> dict[str, Loss]:
    """The mean of each loss of the catalogue that can run in this shape."""
    examples, classes = shape
    key = jax.random.key(0)
    labels = jax.random.randint(key, (examples,), 0, classes)
    given: dict[str, Array] = {"target": labels, "prior": jnp.arange(1.0, classes + 1)}
    given["target_probs"] = jax.nn.one_hot(labels, classes)
    if classes < FEW:
        given["cost"] = costfn_jax.costs.ordinal(classes)
        given["transition"] = 0.9 * jnp.eye(classes) + 0.1 / classes
    numbers = {"temperature": 0.5}
    table: dict[str, Loss] = {
        FLOOR: lambda z: (jax.nn.softmax(z) * given["prior"]).sum()
    }
    for name, entry in LOSSES.items():
        takes = [a for a in entry.takes if a not in numbers]
        if name in LEFT_OUT:
            continue
        if name in OF_VECTORS and "cost" not in given:
            tensors = [None, jax.random.uniform(key, shape)]
        elif all(a in given for a in takes if a in TENSORS):
            tensors = [given[a] for a in takes if a in given]
        else:
            continue
        options = {a: numbers[a] for a in entry.takes if a in numbers}
        if name == "sum_to_zero_loss":
            options["phi"] = "exp"
        table[name] = mean_of(getattr(costfn_jax, name), tensors, options)
    return table


TENSORS = {"target", "target_probs", "prior", "cost", "transition"}
OF_VECTORS = {
    "expected_cost_loss",
    "log_cost_loss",
    "cost_regression_loss",
    "sum_to_zero_loss",
}


def once(step: Callable[[Array], object], logits: Array) -> float:
    start = time.perf_counter()
    jax.block_until_ready(step(logits))
    return time.perf_counter() - start


def ratio(loss: Loss, yardstick: Loss, logits: Array) -> float:
    """Median of the ratios of adjacent runs: other load on the machine slows both."""
    ours, theirs = (jax.jit(jax.value_and_grad(f)) for f in (loss, yardstick))
    once(ours, logits), once(theirs, logits)
    return statistics.median(
        once(ours, logits) / once(theirs, logits) for _ in range(ROUNDS)
    )


def measured(shape: tuple[int, int]) -> dict[str, float]:
    logits = 2 * jax.random.normal(jax.random.key(1), shape)
    labels = jax.random.randint(jax.random.key(0), shape[:1], 0, shape[1])

    def yardstick(z: Array) -> Array:
        return optax.softmax_cross_entropy_with_integer_labels(z, labels).mean()

    return {
        name: ratio(loss, yardstick, logits)
        for name, loss in track(losses(shape).items(), description=str(shape))
    }


def main() -> None:
    columns = [measured(shape) for shape in SHAPES]
    rows = ["| loss | " + " | ".join(map(str, SHAPES)) + " |", "|---|---:|---:|"]
    for name in (FLOOR, *LOSSES):
        if any(name in column for column in columns):
            cells = [f"{c[name]:.2f}" if name in c else "-" for c in columns]
            title = name if name == FLOOR else f"`{name}`"
            rows.append(f"| {title} | {' | '.join(cells)} |")
    page = PAGE.format(
        rounds=ROUNDS,
        day=date.today(),
        jax=jax.__version__,
        optax=optax.__version__,
        machine=f"{platform.machine()} CPU",
        table="\n".join(rows),
    )
    OUT.write_text(page)
    print(page)


if __name__ == "__main__":
    main()

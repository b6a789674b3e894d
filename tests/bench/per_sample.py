"""Per-sample gradients and norms beside the tools that people use: one run.

`make bench-per-sample` writes `per_sample.md`. Each method runs in a process of its
own: ratio of its time to one forward and backward pass, the two timed in turns, and
its peak memory beyond what was there before.
"""

import ctypes
import gc
import json
import logging
import os
import platform
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from datetime import date
from functools import partial
from importlib.metadata import version
from pathlib import Path

import torch
from rich.console import Console
from torch import Tensor, nn
from torch.func import functional_call, grad, jvp, vmap

import costfn
from costfn import per_sample

SAMPLES, CLASSES, ROUNDS = 256, 10, 9
NETS = "MLP", "CNN"
MMAP_THRESHOLD = -3  # of mallopt
OUT = Path(__file__).with_suffix(".md")
Run = Callable[[], object]


class Setting:
    """One of the two networks, with a batch, and the loss: the expected cost."""

    def __init__(self, name: str) -> None:
        torch.manual_seed(0)
        if name == "MLP":
            self.net = nn.Sequential(
                nn.Linear(784, 256),
                nn.ReLU(),
                nn.Linear(256, 256),
                nn.ReLU(),
                nn.Linear(256, CLASSES),
            )
            self.x = torch.randn(SAMPLES, 784)
        else:
            self.net = nn.Sequential(
                nn.Conv2d(1, 16, 3, padding=1),
                nn.ReLU(),
                nn.MaxPool2d(2),
                nn.Conv2d(16, 32, 3, padding=1),
                nn.ReLU(),
                nn.MaxPool2d(2),
                nn.Flatten(),
                nn.Linear(32 * 49, 64),
                nn.ReLU(),
                nn.Linear(64, CLASSES),
            )
            self.x = torch.randn(SAMPLES, 1, 28, 28)
        self.y = torch.randint(CLASSES, (SAMPLES,))
        self.loss = partial(costfn.expected_cost_loss, cost=torch.rand(10, 10))
        self.parameters = {n: p.detach() for n, p in self.net.named_parameters()}

    def one_pass(self) -> None:
        self.net.zero_grad()
        self.loss(self.net(self.x), self.y).sum().backward()

    def by_hand(self, p: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        z = functional_call(self.net, p, (x[None],))
        return self.loss(z, y[None])[0]


def by_vmap(s: Setting) -> Run:
    f = vmap(grad(s.by_hand), (None, 0, 0))
    return lambda: f(s.parameters, s.x, s.y)


def ours(function: Callable[..., object], *more: object, **options: object) -> object:
    def make(s: Setting) -> Run:
        return lambda: function(s.net, s.loss, s.x, s.y, *more, **options)

    return make


def compiled(s: Setting) -> Run:
    f = torch.compile(lambda x, y: per_sample.gradients(s.net, s.loss, x, y))
    return lambda: f(s.x, s.y)


def of_f1(function: Callable[..., object]) -> object:
    def make(s: Setting) -> Run:
        return lambda: function(s.net, costfn.f_beta_loss, s.x, s.y)

    return make


def along_the_mean(s: Setting) -> Run:
    def run() -> object:
        total = grad(lambda p: s.loss(functional_call(s.net, p, (s.x,)), s.y).sum())(
            s.parameters
        )
        return per_sample.projections(s.net, s.loss, s.x, s.y, total)

    return run


def along_the_mean_by_vmap(s: Setting) -> Run:
    gradients = by_vmap(s)

    def run() -> object:
        g = gradients()
        return sum(v.flatten(1) @ v.sum(0).flatten() for v in g.values())

    return run


def along_the_mean_by_hand(s: Setting) -> Run:
    def losses(p: dict[str, Tensor]) -> Tensor:
        return s.loss(functional_call(s.net, p, (s.x,)), s.y)

    def run() -> object:
        total = grad(lambda p: losses(p).sum())(s.parameters)
        return jvp(losses, (s.parameters,), (total,))[1]

    return run


def norms_by_vmap(s: Setting) -> Run:
    gradients = by_vmap(s)

    def run() -> object:
        squares = [g.flatten(1).square().sum(1) for g in gradients().values()]
        return torch.stack(squares).sum(0).sqrt()

    return run


def variance_by_vmap(s: Setting) -> Run:
    gradients = by_vmap(s)
    return lambda: {n: g.var(0) for n, g in gradients().items()}


def opacus(kind: str) -> object:
    def make(s: Setting) -> Run:
        from opacus.grad_sample import GradSampleModule, GradSampleModuleExpandedWeights

        if kind == "hooks":
            module = GradSampleModule(s.net, loss_reduction="sum")
        else:
            module = GradSampleModuleExpandedWeights(s.net, loss_reduction="sum")

        def run() -> object:
            module.zero_grad(set_to_none=True)
            s.loss(module(s.x), s.y).sum().backward()
            found = [p.grad_sample for p in module.parameters()]
            for p in module.parameters():
                p.grad_sample = None
            return found

        return run

    return make


def opacus_norms(ghost: bool) -> object:
    def make(s: Setting) -> Run:
        from opacus.grad_sample.grad_sample_module_fast_gradient_clipping import (
            GradSampleModuleFastGradientClipping as Clipping,
        )

        module = Clipping(
            s.net, loss_reduction="sum", max_grad_norm=1.0, use_ghost_clipping=ghost
        )

        def run() -> object:
            module.zero_grad(set_to_none=True)
            s.loss(module(s.x), s.y).sum().backward()
            return module.get_norm_sample()

        return run

    return make


def backpack(extension: str, attribute: str) -> object:
    def make(s: Setting) -> Run:
        from backpack import backpack, extend, extensions

        module = extend(s.net)
        wanted = getattr(extensions, extension)()

        def run() -> object:
            module.zero_grad()
            with backpack(wanted):
                s.loss(module(s.x), s.y).sum().backward()
            found = [getattr(p, attribute) for p in module.parameters()]
            for p in module.parameters():
                delattr(p, attribute)
            if extension == "BatchL2Grad":
                return torch.stack(found).sum(0).sqrt()
            return found

        return run

    return make


def in_jax(norms: bool) -> object:
    def make(s: Setting) -> Run:
        os.environ["XLA_FLAGS"] = (
            "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
        )
        import jax
        import jax.numpy as jnp
        from jax import lax

        w = [jnp.asarray(p.numpy()) for p in s.parameters.values()]
        x, y = jnp.asarray(s.x.numpy()), jnp.asarray(s.y.numpy())
        cost = jnp.asarray(s.loss.keywords["cost"].numpy())
        dense = len(w) == 6

        def pooled(h):
            window = (1, 1, 2, 2)
            return lax.reduce_window(h, -jnp.inf, lax.max, window, window, "VALID")

        def net(w, x):
            h = x[None]
            if not dense:
                for i in (0, 2):
                    h = lax.conv_general_dilated(h, w[i], (1, 1), "SAME")
                    h = pooled(jax.nn.relu(h + w[i + 1][:, None, None]))
                w, h = w[4:], h.reshape(1, -1)
            for i in range(0, len(w) - 2, 2):
                h = jax.nn.relu(h @ w[i].T + w[i + 1])
            return (h @ w[-2].T + w[-1])[0]

        def loss(w, x, y):
            return (cost[y] * jax.nn.softmax(net(w, x))).sum()

        gradients = jax.vmap(jax.grad(loss), (None, 0, 0))

        def lengths(w, x, y):
            return sum((g**2).reshape(len(g), -1).sum(1) for g in gradients(w, x, y))

        f = jax.jit(lengths if norms else gradients)
        return lambda: jax.block_until_ready(f(w, x, y))

    return make


TABLES = {
    "All gradients": {
        "`per_sample.gradients`": ours(per_sample.gradients),
        "the same, `torch.compile`": compiled,
        "`vmap(grad(...))` by hand": by_vmap,
        "Opacus, hooks": opacus("hooks"),
        "Opacus, expanded weights": opacus("expanded"),
        "BackPACK, BatchGrad": backpack("BatchGrad", "grad_batch"),
        "JAX, `jit(vmap(grad(...)))`": in_jax(norms=False),
        "`per_sample.contributions` of F1": of_f1(per_sample.contributions),
    },
    "Norms": {
        "`per_sample.gradient_norms`": ours(per_sample.gradient_norms),
        "`vmap(grad(...))`, then norms": norms_by_vmap,
        "Opacus, ghost": opacus_norms(ghost=True),
        "Opacus, fast": opacus_norms(ghost=False),
        "BackPACK, BatchL2Grad": backpack("BatchL2Grad", "batch_l2"),
        "JAX, `jit`": in_jax(norms=True),
        "`per_sample.contribution_norms` of F1": of_f1(per_sample.contribution_norms),
    },
    "Sums, products, spread": {
        "`per_sample.projections` on the full gradient": along_the_mean,
        "the same by hand, `grad` and `jvp`": along_the_mean_by_hand,
        "the same, `vmap(grad(...))`, then products": along_the_mean_by_vmap,
        "`per_sample.clip`": ours(per_sample.clip, 1.0),
        "`per_sample.gradient_noise_scale`": ours(per_sample.gradient_noise_scale),
        "`per_sample.variance`": ours(per_sample.variance),
        "`vmap(grad(...))`, then variance": variance_by_vmap,
        "BackPACK, Variance": backpack("Variance", "variance"),
    },
}
METHODS = {name: make for table in TABLES.values() for name, make in table.items()}


def seconds(run: Run) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start


def time_ratio(setting: Setting, run: Run) -> float:
    """Median of ratios of neighbours in time, so that a busy machine hits both."""
    # A net of its own: hooks of a peer would slow the yardstick.
    yardstick = Setting("MLP" if setting.x.ndim == 2 else "CNN").one_pass
    for _ in range(2):
        run(), yardstick()
    return statistics.median(seconds(run) / seconds(yardstick) for _ in range(ROUNDS))


def peak_megabytes(run: Run) -> float:
    """Peak of the resident memory of one call beyond what was there before."""
    run()
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    kept = run()
    peak = _status("VmHWM") - before
    del kept
    return peak


def _status(field: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    found = next(line for line in lines if line.startswith(field + ":"))
    return int(found.split()[1]) / 1024


def measure(method: str) -> dict[str, list[float]]:
    """Time and memory with each net: what the processes do that `main` starts."""
    # The peers warn of their hooks and of old names in torch.
    warnings.filterwarnings("ignore", module="opacus|backpack|torch")
    logging.getLogger("torch._dynamo").setLevel(logging.CRITICAL)
    torch.set_num_threads(1)
    settings = [Setting(net) for net in NETS]
    runs = [METHODS[method](s) if method else s.one_pass for s in settings]
    times = [time_ratio(s, run) for s, run in zip(settings, runs, strict=True)]
    # From here on what is freed goes back at once, so that the peak is what is held.
    c = ctypes.CDLL(None)
    c.mallopt(MMAP_THRESHOLD, 65536)
    c.malloc_trim(0)
    return {"time": times, "memory": [peak_megabytes(run) for run in runs]}


def ask(method: str) -> list[str]:
    """The cells of one row, measured in a process of its own; nan if that failed."""
    command = [sys.executable, "-m", "tests.bench.per_sample", method]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        print(method, *done.stderr.strip().splitlines()[-1:], file=sys.stderr)
        return ["nan"] * 2 * len(NETS)
    found = json.loads(done.stdout.splitlines()[-1])
    return [
        cell
        for ratio, memory in zip(found["time"], found["memory"], strict=True)
        for cell in (f"{ratio:.2f}", f"{memory:.0f}")
    ]


def main() -> None:
    packages = ("torch", "jax", "opacus", "backpack-for-pytorch")
    versions = ", ".join(f"{p} {version(p)}" for p in packages)
    lines = [
        f"{date.today()}; {versions}; CPU ({platform.machine()}), one thread, float32, "
        f"{SAMPLES} samples. Time: median of {ROUNDS} ratios of processor time to one "
        "forward and backward pass on the same batch. Memory: peak beyond what was "
        "there before, in MB.",
        "",
    ]
    yardstick = ask("")
    for title, methods in TABLES.items():
        lines += [
            f"| {title} | MLP, time | MLP, MB | CNN, time | CNN, MB |",
            "|---|---|---|---|---|",
        ]
        rows = {"one forward and backward pass": yardstick}
        for name in methods:
            rows[name] = ask(name)
            print(name, *rows[name], flush=True)
        lines += [f"| {name} | " + " | ".join(row) + " |" for name, row in rows.items()]
        lines.append("")
    OUT.write_text("\n".join(lines))
    Console().print(OUT.read_text(), markup=False)


if __name__ == "__main__":
    if len(sys.argv) == 2:
        print(json.dumps(measure(sys.argv[1])))
    else:
        main()

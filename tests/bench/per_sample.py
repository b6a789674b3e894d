"""Speed and memory of per-sample gradients and norms, ours and other tools'.

`make bench-per-sample` writes `per_sample.md` for all networks;
`python -m tests.bench.per_sample NAMES` does so for some. Times are ratios to one
forward and backward pass. The two are timed alternately, in one process per network, so
that other load on the machine slows both. Memory is the peak of a separate process,
minus what the process held before.
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
from collections.abc import Callable, Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path

import torch
from rich.console import Console
from torch import Tensor
from torch.func import functional_call, grad, jvp, vmap

from costfn import per_sample
from tests.bench.per_sample_nets import NETS, Setting

SAMPLES = 64, 256
ROUNDS, SECONDS = 7, 0.5  # at least
MMAP_THRESHOLD = -3  # of mallopt
# By default glibc returns free memory at the end of the heap to the system, and takes
# it back page by page. Whether this happens is chance; it takes up to 60 % of a run.
KEEP_WHAT_IS_FREED = {
    "MALLOC_TRIM_THRESHOLD_": str(2**30),
    "MALLOC_MMAP_THRESHOLD_": str(2**31),
}
OUT = Path(__file__).with_suffix(".md")
Run = Callable[[], object]
Make = Callable[[Setting], Run]
Rows = dict[str, list[str]]
Cases = list[tuple[str, int]]


def yardstick(s: Setting) -> Run:
    return s.one_pass


def by_vmap(s: Setting) -> Run:
    def by_hand(p: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        return s.loss(functional_call(s.net, p, (x[None],)), y[None])[0]

    f, p = vmap(grad(by_hand), (None, 0, 0)), s.parameters
    return lambda: f(p, s.x, s.y)


def ours(function: Callable[..., object], *more: object, **options: object) -> Make:
    return lambda s: lambda: function(s.net, s.loss, s.x, s.y, *more, **options)


def along_the_mean(s: Setting) -> Run:
    def losses(p: dict[str, Tensor]) -> Tensor:
        return s.loss(functional_call(s.net, p, (s.x,)), s.y)

    total = grad(lambda p: losses(p).sum())(s.parameters)
    return lambda: per_sample.projections(s.net, s.loss, s.x, s.y, total)


def along_the_mean_by_hand(s: Setting) -> Run:
    def losses(p: dict[str, Tensor]) -> Tensor:
        return s.loss(functional_call(s.net, p, (s.x,)), s.y)

    p = s.parameters
    total = grad(lambda p: losses(p).sum())(p)
    return lambda: jvp(losses, (p,), (total,))[1]


def influence(s: Setting) -> Run:
    test = s.x[:16], s.y[:16]
    return lambda: per_sample.influence(s.net, s.loss, (s.x, s.y), test)


def norms_by_vmap(s: Setting) -> Run:
    gradients = by_vmap(s)

    def run() -> object:
        squares = [g.flatten(1).square().sum(1) for g in gradients().values()]
        return torch.stack(squares).sum(0).sqrt()

    return run


def variance_by_vmap(s: Setting) -> Run:
    gradients = by_vmap(s)
    return lambda: {n: g.var(0) for n, g in gradients().items()}


def opacus_gradients(s: Setting) -> Run:
    from opacus.grad_sample import GradSampleModule

    module = GradSampleModule(s.net, loss_reduction="sum")

    def run() -> object:
        module.zero_grad(set_to_none=True)
        s.loss(module(s.x), s.y).sum().backward()
        found = [p.grad_sample for p in module.parameters()]
        for p in module.parameters():
            p.grad_sample = None
        return found

    return run


def opacus_norms(s: Setting) -> Run:
    from opacus.grad_sample.grad_sample_module_fast_gradient_clipping import (
        GradSampleModuleFastGradientClipping as Clipping,
    )

    module = Clipping(
        s.net, loss_reduction="sum", max_grad_norm=1.0, use_ghost_clipping=True
    )

    def run() -> object:
        module.zero_grad(set_to_none=True)
        s.loss(module(s.x), s.y).sum().backward()
        return module.get_norm_sample()

    return run


def backpack(extension: str, attribute: str) -> Make:
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


HAND, OURS, NORMS = "`vmap(grad(...))` by hand", "`gradients`", "`gradient_norms`"
PEERS = {
    "`vmap(grad(...))`, then norms": norms_by_vmap,
    "Opacus, ghost norms": opacus_norms,
    "BackPACK, BatchL2Grad": backpack("BatchL2Grad", "batch_l2"),
}
METHODS: dict[str, Make] = {
    "one forward and backward pass": yardstick,
    OURS: ours(per_sample.gradients),
    HAND: by_vmap,
    "Opacus, hooks": opacus_gradients,
    "BackPACK, BatchGrad": backpack("BatchGrad", "grad_batch"),
    NORMS: ours(per_sample.gradient_norms),
    **PEERS,
    "`clip`": ours(per_sample.clip, 1.0),
    "`projections`, one direction": along_the_mean,
    "the same by hand, `jvp`": along_the_mean_by_hand,
    "`cosine_to_mean`": ours(per_sample.cosine_to_mean),
    "`gradient_noise_scale`": ours(per_sample.gradient_noise_scale),
    "`influence` on 16 samples": influence,
    "`variance`": ours(per_sample.variance),
    "`gradient_signal_to_noise`": ours(per_sample.gradient_signal_to_noise),
    "`vmap(grad(...))`, then variance": variance_by_vmap,
    "BackPACK, Variance": backpack("Variance", "variance"),
}
HELD = "one forward and backward pass", NORMS, *PEERS


def seconds(run: Run) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start


def paired(run: Run, other: Run) -> float:
    """Median of the ratios of adjacent runs."""
    for _ in range(2):
        run(), other()
    ratios: list[float] = []
    start = time.monotonic()
    while len(ratios) < ROUNDS or time.monotonic() - start < SECONDS:
        ratios.append(seconds(run) / seconds(other))
    return statistics.median(ratios)


def times(net: str, samples: int) -> dict[str, float]:
    """Times of all methods on one network, without those that fail or are wrong."""
    found: dict[str, float] = {}
    reference = norms_by_vmap(Setting.of(net, samples))()
    for name, make in METHODS.items():
        # Each method gets its own net: the hooks of a peer would slow the others.
        try:
            run = make(Setting.of(net, samples))
            if name in PEERS or name == NORMS:
                torch.testing.assert_close(run(), reference, rtol=1e-3, atol=1e-4)
            found[name] = paired(run, Setting.of(net, samples).one_pass)
        except (RuntimeError, AttributeError, AssertionError, NotImplementedError) as e:
            print(net, samples, name, str(e).strip().split("\n")[0], file=sys.stderr)
    s = Setting.of(net, samples)
    found["to hand"] = paired(ours(per_sample.gradients)(s), by_vmap(s))
    return found


def peak(method: str, net: str, samples: int) -> float:
    """Peak of the resident memory of one call, minus what was held before, in MB."""
    run = METHODS[method](Setting.of(net, samples))
    # Freed memory goes back to the system at once, so the peak is what is in use.
    c = ctypes.CDLL(None)
    c.mallopt(MMAP_THRESHOLD, 65536)
    run()
    c.malloc_trim(0)
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    kept = run()
    found = _status("VmHWM") - before
    del kept
    return found


def _status(field: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    found = next(line for line in lines if line.startswith(field + ":"))
    return int(found.split()[1]) / 1024


def ask(*arguments: object) -> dict[str, float]:
    """What a separate process with these arguments prints."""
    command = [sys.executable, "-m", "tests.bench.per_sample", *map(str, arguments)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    if arguments[0] == "time":
        environment |= KEEP_WHAT_IS_FREED
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    print(done.stderr.strip()[-2000:], file=sys.stderr)
    answer: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return answer


def answer(arguments: list[str]) -> dict[str, float]:
    """What a process does that `ask` started."""
    # The peers warn of their hooks and of old names in torch.
    warnings.filterwarnings("ignore", module="opacus|backpack|torch")
    logging.getLogger("torch._dynamo").setLevel(logging.CRITICAL)
    torch.set_num_threads(1)
    kind, net, samples, *method = arguments
    if kind == "time":
        return times(net, int(samples))
    return {"peak": peak(method[0], net, int(samples))}


def table(title: str, cases: Cases, rows: Rows) -> list[str]:
    columns = [f"{net}, {n}" for net, n in cases]
    rule = "|---" * (1 + len(cases)) + "|"
    lines = [f"| {title} | " + " | ".join(columns) + " |", rule]
    return [
        *lines,
        *(f"| {name} | " + " | ".join(r) + " |" for name, r in rows.items()),
    ]


def aims(found: dict[str, float], held: dict[str, float]) -> dict[str, float]:
    """Each measurement divided by its limit: the aim is met at 1 or less."""
    best = min(found[name] for name in (HAND, *PEERS) if name in found and name != HAND)
    one = max(held[HELD[0]], 1.0)  # less cannot be told from noise
    return {
        "`gradient_norms` / (1.1 x the best other)": found[NORMS] / best / 1.1,
        "`gradients` / (1.05 x by hand)": found["to hand"] / 1.05,
        "`clip` / (norms + 1.3 passes)": found["`clip`"] / (found[NORMS] + 1.3),
        "`cosine_to_mean` / 3.5 passes": found["`cosine_to_mean`"] / 3.5,
        "memory of norms / (1.5 x a pass)": held[NORMS] / one / 1.5,
    }


def main(nets: Sequence[str]) -> None:
    packages = ("torch", "opacus", "backpack-for-pytorch")
    versions = ", ".join(f"{p} {version(p)}" for p in packages)
    cases = [(net, n) for net in nets for n in SAMPLES]
    found, held = [], []
    for net, n in cases:
        found.append(ask("time", net, n))
        names = [name for name in HELD if name in found[-1]]
        held.append({m: ask("memory", net, n, m)["peak"] for m in names})
        print(net, n, aims(found[-1], held[-1]), flush=True)

    def rows(
        of: list[dict[str, float]], names: object, form: str
    ) -> dict[str, list[str]]:
        return {m: [format(f[m], form) if m in f else "-" for f in of] for m in names}

    reached = [aims(f, h) for f, h in zip(found, held, strict=True)]
    lines = [
        f"{date.today()}; {versions}; CPU ({platform.machine()}), one thread, float32. "
        "Times are ratios of processor time to one forward and backward pass on the "
        "same batch, medians. A dash means that the method fails or that its norms are "
        "wrong.",
        "",
        *table("time", cases, rows(found, METHODS, ".2f")),
        "",
        *table("peak memory, MB", cases, rows(held, HELD, ".0f")),
        "",
        *table(
            "measured / aim: met at 1 or less", cases, rows(reached, reached[0], ".2f")
        ),
        "",
    ]
    OUT.write_text("\n".join(lines))
    Console(width=200).print(OUT.read_text(), markup=False)


if __name__ == "__main__":
    if sys.argv[1:2] in (["time"], ["memory"]):
        print(json.dumps(answer(sys.argv[1:])))
    else:
        main(sys.argv[1:] or NETS)

"""Every loss in torch and in JAX against 110 digits; writes `docs/crosscheck.md`.

From the root of a checkout: `python -m tests.crosscheck [--device cuda]`.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

ROOT = Path(__file__).parents[2]


def main() -> int:
    """Run everything; 1 where a limit is passed."""
    parser = argparse.ArgumentParser(prog="python -m tests.crosscheck")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--workers", type=int, default=min(8, os.cpu_count() or 1))
    parser.add_argument("--only", default="", help="problems with this in their name")
    given = parser.parse_args()
    _settle(given.device)
    from . import _large, _report
    from ._runs import check, firsts, table

    # The longest first, so that no worker is left with one at the end.
    names = sorted(
        (name for name in table() if given.only in name),
        key=lambda name: ("sinkhorn" not in name, name),
    )
    start = time.perf_counter()
    context = get_context("spawn")
    with ProcessPoolExecutor(given.workers, mp_context=context) as pool:
        jobs = [pool.submit(check, name, given.device) for name in names]
        done = _progress(as_completed(jobs), len(jobs))
        results = [result for job in done for result in job.result()]
    # One after the other, since each takes some gigabytes.
    large = []
    if given.device == "cpu":
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            for loss in sorted(firsts()):
                if given.only in loss:
                    large += pool.submit(_large.check, loss).result()
                    print(f"{loss} at {_large.EXAMPLES}", flush=True)
    seconds = time.perf_counter() - start
    if given.only == "":
        _report.write(given.device, results, large, seconds)
    failed = [result for result in results if not result.passed]
    for one in large:
        if not one.passed:
            c = f"{one.value:.3g} / {one.gradient:.3g}"
            print(f"{one.loss} large {one.framework}: C {c}")
    for r in failed:
        c = " / ".join(f"{c:.3g}" for c in r.c)
        print(f"{r.problem} {r.dtype} {r.framework} {r.mode}: C {c}")
    print(f"{len(results)} comparisons, {len(failed)} failed, {seconds:.0f} s")
    return bool(failed) or not all(one.passed for one in large)


def _settle(device: str) -> None:
    """Before torch and JAX are imported, here and in each worker."""
    for folder in ("tests/support", "adapters", "."):
        sys.path.insert(0, str(ROOT / folder))
    os.environ |= {
        "JAX_ENABLE_X64": "1",
        "JAX_DEFAULT_MATMUL_PRECISION": "highest",
        "JAX_PLATFORMS": "cuda,cpu" if device == "cuda" else "cpu",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
        "OMP_NUM_THREADS": "1",  # the tensors are tiny
    }


def _progress(jobs: Iterable, total: int) -> Iterator:
    try:
        from rich.progress import track
    except ImportError:
        track = None
    if track and sys.stdout.isatty():
        yield from track(jobs, "Cross-check", total=total)
        return
    for i, job in enumerate(jobs, 1):
        print(f"{i} of {total}: {job.result()[0].problem}", flush=True)
        yield job


if __name__ == "__main__":
    sys.exit(main())

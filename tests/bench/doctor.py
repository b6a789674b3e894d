"""How long a diagnosis takes: `python -m tests.bench.doctor`."""

import statistics
import time

import torch
from torch.nn.functional import cross_entropy

import costfn
from costfn.doctor import diagnose

torch.set_num_threads(1)
rng = torch.Generator().manual_seed(0)
LOGITS = torch.randn(32, 10, generator=rng)
LABELS = torch.randint(10, (32,), generator=rng)
LOSSES = {
    "F.cross_entropy": cross_entropy,
    "costfn.mcc_loss": costfn.mcc_loss,
    "argmax accuracy": lambda p, t: 1 - (p.argmax(1) == t).float().mean(),
}


def main() -> None:
    for name, loss in LOSSES.items():
        diagnose(loss, LOGITS, LABELS)
        seconds = []
        for _ in range(5):
            start = time.perf_counter()
            diagnose(loss, LOGITS, LABELS)
            seconds.append(time.perf_counter() - start)
        print(f"{name}, 32 x 10: {statistics.median(seconds):.3f} s")


if __name__ == "__main__":
    main()

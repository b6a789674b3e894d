"""Find flipped labels in the digits: by gradient norm, influence, or loss value.

`python -m tests.bench.mislabelled` writes `mislabelled.md`, the table of the guide.
"""

import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from statistics import mean, stdev

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from costfn import per_sample

SEEDS, EPOCHS, KEPT = 10, 60, (2, 5, 10, 20, 40, 60)
OUT = Path(__file__).with_suffix(".md")


def digits(seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Training images and labels, which of these are flipped, and 100 clean images."""
    x, y = load_digits(return_X_y=True)
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(x), generator=generator)
    images, labels = torch.tensor(x / 16).float()[order], torch.tensor(y)[order]
    x_clean, y_clean, images, labels = (
        images[:100],
        labels[:100],
        images[100:],
        labels[100:],
    )
    flipped = torch.rand(len(labels), generator=generator).argsort() < len(labels) // 20
    shift = torch.randint(1, 10, labels.shape, generator=generator)
    return (
        images,
        torch.where(flipped, (labels + shift) % 10, labels),
        flipped,
        x_clean,
        y_clean,
    )


def train(x: Tensor, y: Tensor, seed: int) -> dict[int, nn.Module]:
    """The network after each of the epochs `KEPT`."""
    torch.manual_seed(seed)
    kept = {}
    net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    for epoch in range(1, EPOCHS + 1):
        for rows in torch.randperm(len(x)).split(64):
            optimizer.zero_grad()
            cross_entropy(net(x[rows]), y[rows]).backward()
            optimizer.step()
        if epoch in KEPT:
            kept[epoch] = nn.Sequential(*map(_copy, net))
    return kept


def _copy(layer: nn.Module) -> nn.Module:
    if not isinstance(layer, nn.Linear):
        return layer
    copied = nn.Linear(layer.in_features, layer.out_features)
    copied.load_state_dict(layer.state_dict())
    return copied


def losses(z: Tensor, y: Tensor) -> Tensor:
    return cross_entropy(z, y, reduction="none")


Score = Callable[[nn.Module, Tensor, Tensor, Tensor, Tensor], Tensor]
SCORES: dict[str, Score] = {
    "loss value": lambda net, x, y, *_: losses(net(x), y).detach(),
    "gradient norm": lambda net, x, y, *_: per_sample.gradient_norms(net, losses, x, y),
    "opposes the mean gradient": lambda net, x, y, *_: (
        -per_sample.influence(net, losses, (x, y), (x, y), test_loss=cross_entropy)
    ),
    "influence on 100 clean images": lambda net, x, y, *clean: (
        -per_sample.influence(net, losses, (x, y), clean, test_loss=cross_entropy)
    ),
}


def main() -> None:
    start = time.process_time()
    found: dict[tuple[str, object], list[float]] = {}
    for seed in range(SEEDS):
        x, y, flipped, *clean = digits(seed)
        k = int(flipped.sum())
        nets = train(x, y, seed)
        for name, score in SCORES.items():
            scores = {epoch: score(net, x, y, *clean) for epoch, net in nets.items()}
            # A sum of squared norms is the influence of a sample on itself.
            power = 2 if name == "gradient norm" else 1
            whole = torch.stack([s**power for s in scores.values()]).sum(0)
            for key, values in (*scores.items(), ("all six", whole)):
                precision = flipped[values.topk(k).indices].float().mean().item()
                found.setdefault((name, key), []).append(precision)
    columns = (*KEPT, "all six")
    version = torch.__version__.partition("+")[0]
    lines = [
        f"{date.today()}, torch {version}: {len(x)} images, {k} of them with a flipped "
        f"label. Precision among the {k} samples with the highest score, in %, mean ± "
        f"standard deviation over {SEEDS} splits. The columns are numbers of epochs, "
        f"of {EPOCHS}.",
        "",
        "| ranked by | " + " | ".join(map(str, columns)) + " |",
        "|---" * (len(columns) + 1) + "|",
    ]
    for name in SCORES:
        values = [[100 * v for v in found[name, key]] for key in columns]
        cells = [f"{mean(v):.1f} ± {stdev(v):.1f}" for v in values]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    norm, loss = found["gradient norm", "all six"], found["loss value", "all six"]
    gains = [100 * (a - b) for a, b in zip(norm, loss, strict=True)]
    lines += [
        "",
        f"Over all six, the precision of norms is higher by {mean(gains):+.1f} ± "
        f"{stdev(gains):.1f} points than that of loss values on the same split: higher "
        f"on {sum(g > 0 for g in gains)} and lower on {sum(g < 0 for g in gains)} of "
        f"{SEEDS} splits.",
    ]
    OUT.write_text("\n".join(lines) + "\n")
    print(OUT.read_text())
    print(f"{time.process_time() - start:.0f} s of one processor")


if __name__ == "__main__":
    main()

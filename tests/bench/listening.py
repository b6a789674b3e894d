"""Whom an F1 loss listens to, and how near contributions are to leaving one out.

`python -m tests.bench.listening` writes `listening.md`, the tables of the guide.
"""

from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity, cross_entropy

import costfn
from costfn import per_sample

OUT = Path(__file__).with_suffix(".md")
Loss = Callable[[Tensor, Tensor], Tensor]
F1 = partial(costfn.f_beta_loss, average="binary")


def mean_cross_entropy(z: Tensor, y: Tensor) -> Tensor:
    return cross_entropy(z, y)


LOSSES: dict[str, Loss] = {
    "cross entropy, mean": mean_cross_entropy,
    "F1": F1,
    "MCC": costfn.mcc_loss,
}


def eights(epochs: int) -> tuple[nn.Module, Tensor, Tensor]:
    """Is it an eight? One in ten is; a small network, trained by cross entropy."""
    x, y = load_digits(return_X_y=True)
    images, labels = torch.tensor(x / 16).float(), torch.tensor(y == 8).long()
    torch.manual_seed(0)
    order = torch.randperm(len(images))
    images, labels = images[order], labels[order]
    net = nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 2))
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    for _ in range(epochs):
        for rows in torch.randperm(len(images)).split(64):
            optimizer.zero_grad()
            cross_entropy(net(images[rows]), labels[rows]).backward()
            optimizer.step()
    return net, images, labels


def shares(net: nn.Module, x: Tensor, y: Tensor) -> list[str]:
    """Of the lengths of all contributions, the share of each kind of sample."""
    decided = net(x).argmax(1)
    kinds = {
        "eights found": (y == 1) & (decided == 1),
        "eights missed": (y == 1) & (decided == 0),
        "false alarms": (y == 0) & (decided == 1),
        "others, rightly": (y == 0) & (decided == 0),
    }
    lines = [
        "| loss | "
        + " | ".join(f"{k} ({int(m.sum())})" for k, m in kinds.items())
        + " |",
        "|---" * (len(kinds) + 1) + "|",
    ]
    for name, loss in LOSSES.items():
        length = per_sample.contribution_norms(net, loss, x, y)
        cells = [
            f"{100 * (length[m].sum() / length.sum()):.0f} %" for m in kinds.values()
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def closeness(
    net: nn.Module, loss: Loss, x: Tensor, y: Tensor
) -> tuple[Tensor, Tensor]:
    """Cosine and ratio of lengths of contributions to what leaving one out takes."""
    rows = per_sample.contributions(net, loss, x, y)
    found = torch.cat([g.flatten(1) for g in rows.values()], 1)

    def gradient(keep: Tensor) -> Tensor:
        parts = torch.autograd.grad(loss(net(x[keep]), y[keep]), net.parameters())
        return torch.cat([part.flatten() for part in parts])

    every = torch.ones(len(x), dtype=torch.bool)
    whole, without = gradient(every), []
    for i in range(len(x)):
        every[i] = False
        without.append(whole - gradient(every))
        every[i] = True
    taken = torch.stack(without)
    return cosine_similarity(found, taken), found.norm(dim=1) / taken.norm(dim=1)


def main() -> None:
    version = torch.__version__.partition("+")[0]
    lines = [f"{date.today()}, torch {version}."]
    nets = {epochs: eights(epochs) for epochs in (3, 15)}
    for epochs, (net, x, y) in nets.items():
        lines += ["", f"After {epochs} epochs, shares of the lengths:", ""]
        lines += shares(net, x, y)
    lines += [
        "",
        "Contributions beside what leaving the sample out takes from the gradient:",
        "",
        "| loss | epochs | samples | cosine, median | cosine, 10 % | length, median |",
        "|---" * 6 + "|",
    ]
    for name, loss in LOSSES.items():
        for epochs, (net, x, y) in nets.items():
            for samples in (64, 512):
                cosine, length = closeness(net, loss, x[:samples], y[:samples])
                low, middle = (cosine.quantile(q).item() for q in (0.1, 0.5))
                lines.append(
                    f"| {name} | {epochs} | {samples} | {middle:.2f} | {low:.2f} | "
                    f"{length.median().item():.2f} |"
                )
    OUT.write_text("\n".join(lines) + "\n")
    print(OUT.read_text())


if __name__ == "__main__":
    main()

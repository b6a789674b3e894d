"""Every module of costfn_nn with every kind of target it takes, and batches for it."""

import inspect
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch

import batch_losses
import costfn
import costfn_nn
from module_cases import EXTRAS

CLASSES = 3
BY_NAME = {
    "".join(word.title() for word in name.split("_")): entry
    for name, entry in costfn.catalogue.LOSSES.items()
}
BINARY_COST = torch.tensor([[0.0, 1.0], [3.0, 0.0]], dtype=torch.float64)
NUMBERS = {"temperature": 0.5, "epsilon": 2.0}


@dataclass(frozen=True)
class ModuleCase:
    """A module and a kind of target.

    - `labels`, `probs`: of classes, on axis 1 of the logits;
    - `multilabel`: 0 or 1 for each label, on axis 1;
    - `binary`: 0 or 1 for each example;
    - `values`: of a regression.
    """

    name: str
    kind: str

    def __repr__(self) -> str:
        return f"{self.name}-{self.kind}"

    @property
    def cls(self) -> type[torch.nn.Module]:
        return getattr(costfn_nn, self.name)

    @property
    def loss(self):
        return BY_NAME[self.name].loss

    @cached_property
    def takes(self) -> set[str]:
        """The options of the module."""
        return set(inspect.signature(self.cls).parameters)

    @property
    def of_batch(self) -> bool:
        return not BY_NAME[self.name].per_sample

    @property
    def has_task(self) -> bool:
        return "task" in self.takes

    def make(self, **options: Any) -> torch.nn.Module:
        if self.has_task:
            options = {
                "task": {"labels": "multiclass", "probs": "multiclass"}.get(
                    self.kind, self.kind
                )
            } | options
        needed = inspect.signature(self.cls).parameters.values()
        tensors, numbers = [], {}
        for parameter in needed:
            if parameter.default is not parameter.empty:
                continue
            if parameter.name in NUMBERS:
                numbers[parameter.name] = NUMBERS[parameter.name]
            elif parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
                binary = self.kind == "binary" and parameter.name == "cost"
                given = BINARY_COST if binary else EXTRAS[parameter.name]
                tensors.append(options.pop(parameter.name, given.clone()))
        if "iterations" in self.takes:
            numbers["iterations"] = 3
        return self.cls(*tensors, **(numbers | options))

    def draw(
        self, seed: int = 0, images: int = 3, pixels: tuple[int, ...] = (2, 2)
    ) -> tuple[torch.Tensor, torch.Tensor]:
        rng = np.random.default_rng(seed)
        batch = (images, *pixels)
        several = (images, CLASSES, *pixels)
        if self.kind in ("labels", "probs", "multilabel"):
            logits = rng.normal(size=several) * 2
        else:
            logits = rng.normal(size=batch) * 2
        target = {
            "labels": lambda: rng.integers(CLASSES, size=batch),
            "probs": lambda: np.moveaxis(rng.dirichlet(np.ones(CLASSES), batch), -1, 1),
            "multilabel": lambda: rng.integers(2, size=several),
            "binary": lambda: rng.integers(2, size=batch),
            "values": lambda: rng.normal(size=batch),
        }[self.kind]()
        return torch.tensor(logits), torch.tensor(target)


def _kinds(name: str) -> list[str]:
    entry = BY_NAME[name]
    if entry.name == "q_error_loss":
        return ["values"]
    if entry.name == "lovasz_hinge_loss":
        return ["binary"]
    if entry.per_label:
        return ["multilabel", "binary"]
    if entry.takes[0] == "target_probs":
        return ["probs"]
    if entry.name == "lovasz_softmax_loss":
        return ["labels"]
    if entry.name not in batch_losses.NAMES:
        return ["labels", "probs"]
    several = ["multilabel"] if entry.name in batch_losses.MULTILABEL else []
    return ["labels", "probs", "binary", *several]


CASES = [
    ModuleCase(name, kind)
    for name in costfn_nn.__all__
    if name != "WithMetrics"
    for kind in _kinds(name)
]

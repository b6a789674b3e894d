"""Images of which some pixels are to be ignored, and hold whatever is worst there."""

from typing import NamedTuple
from unittest.mock import patch

import numpy as np
import torch

import costfn

CLASSES = 3
NAN, INF = float("nan"), float("inf")
BAD_SCORES = (NAN, INF, -INF, 1e300)
BAD_LABELS = (-1, 255, CLASSES, -100, 10**9)
BAD_ROWS = ((NAN, 0.5, 0.5), (2.0, 2.0, 2.0), (-1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
BAD_CHANCES = (NAN, -1.0, 2.0, 255.0)
BAD_WEIGHTS = (NAN, INF, -1.0)


def hidden(so):
    """As on an accelerator, where values are not looked at, or as they are."""
    seen = costfn._foundation.check.readable_values
    return patch(
        "costfn._foundation.check.readable_values",
        (lambda values: None) if so else seen,
    )


class Images(NamedTuple):
    """Logits, target and weights of pixels `(images, pixels)`, and which to keep."""

    task: str
    soft: bool
    logits: torch.Tensor
    target: torch.Tensor
    weight: torch.Tensor
    keep: torch.Tensor

    def left(self):
        """Logits, target and weights of what is kept."""
        return tuple(x[self.keep] for x in (self.logits, self.target, self.weight))

    def spoilt(self, rng):
        """The same with the worst in every place to ignore."""
        gone = ~self.keep
        logits, target, weight = (
            x.clone() for x in (self.logits, self.target, self.weight)
        )
        logits[gone] = pick(rng, BAD_SCORES, logits[gone].shape, logits.dtype)
        weight[gone] = pick(rng, BAD_WEIGHTS, weight[gone].shape, weight.dtype)
        if self.task == "multiclass" and self.soft:
            rows = torch.tensor(BAD_ROWS, dtype=target.dtype)
            target[gone] = rows[rng.integers(len(BAD_ROWS), size=int(gone.sum()))]
        else:
            bad = BAD_CHANCES if self.soft else BAD_LABELS
            target[gone] = pick(rng, bad, target[gone].shape, target.dtype)
        return self._replace(logits=logits, target=target, weight=weight)


def pick(rng, values, shape, dtype):
    chosen = rng.integers(len(values), size=tuple(shape))
    return torch.tensor(values, dtype=dtype)[torch.from_numpy(np.asarray(chosen))]


def images(seed, task="multiclass", *, soft=False, each=False):
    """Three images, of which the last and a pixel of the others are ignored.

    With `each`, single labels of several are, one of them everywhere.
    """
    rng = np.random.default_rng(seed)
    batch = (3, 4)
    shape = batch if task == "binary" else (*batch, CLASSES)
    logits = torch.tensor(2 * rng.normal(size=shape))
    if task != "multiclass":
        target = torch.tensor(rng.uniform(size=shape))
        target = target if soft else (target > 0.5).long()
    elif soft:
        target = torch.tensor(rng.normal(size=shape)).softmax(-1)
    else:
        target = torch.tensor(rng.integers(CLASSES, size=batch))
    weight = torch.tensor(rng.uniform(0.1, 2.0, size=shape if each else batch))
    keep = torch.tensor(rng.uniform(size=shape if each else batch) > 0.3)
    keep[-1:], keep[:, -1:] = False, False
    if each:
        keep[..., -1] = False
    return Images(task, soft, logits, target, weight, keep), rng

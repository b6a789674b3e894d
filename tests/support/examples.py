"""One batch of examples, drawn once, for the tests of single losses."""

from functools import partial

import torch

import costfn
from losses import U as FORUM

U = torch.tensor(FORUM, dtype=torch.float64)
K, N = 4, 64
rng = torch.Generator().manual_seed(0)
LOGITS = 3 * torch.randn(N, K, dtype=torch.float64, generator=rng)
LABELS = torch.randint(K, (N,), generator=rng)
# Asymmetric, zero on the diagonal.
COST = 5 * torch.rand(K, K, dtype=torch.float64, generator=rng)
COST = COST * (1 - torch.eye(K))
Q = torch.randn(N, K, dtype=torch.float64, generator=rng).softmax(-1)
ROWS = COST[LABELS]
P = LOGITS.softmax(-1)
ORDINAL = costfn.costs.ordinal(K).double()
ZERO_ONE = costfn.costs.zero_one(K).double()

close = partial(torch.testing.assert_close, rtol=1e-12, atol=1e-12)


def nearly(actual, expected, error):
    torch.testing.assert_close(actual, expected, rtol=0, atol=error)


def labelled(values):
    """The entry at each example's label."""
    return values.gather(-1, LABELS[:, None])[:, 0]

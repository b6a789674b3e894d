"""Predictions and targets that the losses are diagnosed on."""

import torch


def _g(seed):
    return torch.Generator().manual_seed(1000 + seed)


def logits_cls(n=8, c=5):
    def ex(seed=0):
        g = _g(seed)
        return torch.randn(n, c, generator=g) * 2, torch.randint(
            0, c, (n,), generator=g
        )

    return ex


def logits_bin(*shape):
    shape = shape or (12,)

    def ex(seed=0):
        g = _g(seed)
        return torch.randn(*shape, generator=g) * 1.5, torch.randint(
            0, 2, shape, generator=g
        ).float()

    return ex


def prob_bin(*shape):
    shape = shape or (12,)

    def ex(seed=0):
        g = _g(seed)
        return torch.rand(*shape, generator=g) * 0.9 + 0.05, torch.randint(
            0, 2, shape, generator=g
        ).float()

    return ex


def real(*shape):
    shape = shape or (10,)

    def ex(seed=0):
        g = _g(seed)
        return torch.randn(*shape, generator=g), torch.randn(*shape, generator=g)

    return ex


def seg(n=2, c=3, h=6, w=6):
    def ex(seed=0):
        g = _g(seed)
        return torch.randn(n, c, h, w, generator=g), torch.randint(
            0, c, (n, h, w), generator=g
        )

    return ex


def emb_labels(n=8, d=6, k=3):
    def ex(seed=0):
        g = _g(seed)
        return torch.randn(n, d, generator=g), torch.arange(n) % k

    return ex

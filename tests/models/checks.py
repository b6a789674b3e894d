"""What each function of the room should give, worked out from all gradients."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from costfn import per_sample
from tests.models.cases import (
    Case,
    assert_near,
    assert_same_state,
    flat,
    make,
    some,
    state,
)

Gradients = dict[str, Tensor]
LAST = slice(-2, None)


@dataclass(frozen=True)
class Function:
    """A call, and its right answer from the gradients of the loop."""

    run: Callable[..., Any]
    expect: Callable[[Gradients], Any]
    compare: Callable[[Any, Any, float], None] = assert_near
    complex: bool = False  # whether it is defined for complex parameters


def lengths(g: Gradients) -> Tensor:
    return flat({n: v.abs() for n, v in g.items()}).norm(dim=1)


def bound_of(g: Gradients) -> float:
    """Some samples are shortened by it and some are not."""
    return lengths(g).median().item()


def lengths_of_layers(g: Gradients) -> Gradients:
    layers: dict[str, list[Tensor]] = {}
    for name, v in g.items():
        layers.setdefault(name.rpartition(".")[0], []).append(v.abs())
    return {
        name: flat(dict(enumerate(parts))).norm(dim=1) for name, parts in layers.items()
    }


def directions(shapes: Gradients) -> Gradients:
    generator = torch.Generator().manual_seed(7)
    return {
        n: torch.randn(v.shape, generator=generator, dtype=v.dtype)
        for n, v in shapes.items()
    }


def of_model(model: Any) -> Gradients:
    return {n: p.detach() for n, p in model.named_parameters() if p.requires_grad}


def ratio(a: Tensor, b: Tensor) -> Tensor:
    return torch.where(b == 0, 0.0, a / torch.where(b == 0, 1.0, b))


def cosines(g: Gradients) -> Tensor:
    rows = flat(g)
    mean = rows.mean(0)
    return ratio(rows @ mean, rows.norm(dim=1) * mean.norm())


def similarities(g: Gradients) -> Tensor:
    rows = flat(g)
    norms = rows.norm(dim=1)
    return ratio(rows @ rows.T, norms.unsqueeze(1) * norms)


def clipped(g: Gradients) -> Gradients:
    norms = lengths(g)
    factors = (bound_of(g) / norms.clamp(min=1e-300)).clamp(max=1.0)
    total = {n: torch.einsum("n...,n->...", v, factors.to(v)) for n, v in g.items()}
    return {**total, "norms": norms}


def noise(g: Gradients) -> Gradients:
    """The estimates, not their ratio, whose digits depend on the model."""
    rows = flat(g)
    trace = rows.var(0).sum()
    return {"trace": trace, "squared": rows.mean(0).square().sum() - trace / len(rows)}


def compare_signal(found: Gradients, g: Gradients, bound: float) -> None:
    """Where the variance is not of rounding alone, times the variance."""
    scale = flat(g).abs().amax() ** 2
    assert list(found) == list(g)
    for name, v in g.items():
        spread, signal = v.var(0), v.mean(0).square()
        seen = spread > 1e-12 * scale
        error = (found[name] * spread - signal).abs()[seen]
        assert (error <= bound * scale).all(), name


def influences(g: Gradients) -> Tensor:
    rows = flat(g)
    return rows @ rows[LAST].T


def named(clipped: per_sample.Clipped) -> Gradients:
    return {**clipped.total, "norms": clipped.norms}


def estimates(found: per_sample.NoiseScale) -> Gradients:
    return {"trace": found.trace, "squared": found.squared_norm}


def bound(model: Any, loss: Any, x: Any, y: Any) -> float:
    return bound_of(per_sample.gradients(model, loss, x, y))


FUNCTIONS: dict[str, Function] = {
    "gradients": Function(per_sample.gradients, lambda g: g, complex=True),
    "gradients, in chunks": Function(
        lambda m, f, x, y: per_sample.gradients(m, f, x, y, chunk_size=2),
        lambda g: g,
        complex=True,
    ),
    "gradient_norms": Function(per_sample.gradient_norms, lengths, complex=True),
    "gradient_norms, of layers": Function(
        lambda m, f, x, y: per_sample.gradient_norms(m, f, x, y, per="layer"),
        lengths_of_layers,
        complex=True,
    ),
    "gradient_norms, in chunks": Function(
        lambda m, f, x, y: per_sample.gradient_norms(m, f, x, y, chunk_size=3),
        lengths,
        complex=True,
    ),
    "projections": Function(
        lambda m, f, x, y: per_sample.projections(m, f, x, y, directions(of_model(m))),
        lambda g: flat(g) @ flat(directions_of_one(g)).squeeze(0),
    ),
    "cosine_to_mean": Function(per_sample.cosine_to_mean, cosines),
    "clip": Function(
        lambda m, f, x, y: named(per_sample.clip(m, f, x, y, bound(m, f, x, y))),
        clipped,
        complex=True,
    ),
    "variance": Function(
        per_sample.variance, lambda g: {n: v.var(0) for n, v in g.items()}
    ),
    "gradient_noise_scale": Function(
        lambda m, f, x, y: estimates(per_sample.gradient_noise_scale(m, f, x, y)), noise
    ),
    "gradient_signal_to_noise": Function(
        per_sample.gradient_signal_to_noise, lambda g: g, compare_signal
    ),
    "pairwise_similarity": Function(per_sample.pairwise_similarity, similarities),
    "influence": Function(
        lambda m, f, x, y: per_sample.influence(m, f, (x, y), some((x, y), LAST)),
        influences,
    ),
}


def directions_of_one(g: Gradients) -> Gradients:
    one = directions({n: v[0] for n, v in g.items()})
    return {n: v.unsqueeze(0) for n, v in one.items()}


def check(case: Case, name: str, coupled: bool = False) -> None:
    """The answer is that of the loop, and all else is as it was."""
    function, made = FUNCTIONS[name], make(case)
    if case.complex and not function.complex:
        return
    if not coupled:
        assert (lengths(made.gradients) > 0).all()
    for p in made.model.parameters():
        p.grad = torch.full_like(p, 0.5) if p.requires_grad else None
    before = state(made.model)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found = function.run(made.model, made.loss, made.x, made.y)
    assert_same_state(state(made.model), before)
    function.compare(found, function.expect(made.gradients), case.bound)
    ours = [w for w in said if "batch of one" in str(w.message)]
    assert len(ours) <= 2, [str(w.message) for w in ours]


def check_or_refused(case: Case, name: str) -> None:
    """No third way: a number that is not that of the loop."""
    try:
        check(case, name, coupled=True)
    except (ValueError, RuntimeError) as error:
        words = str(error)
        assert "sample" in words or "batch" in words, words

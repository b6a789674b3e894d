"""The gradient of each sample."""

from collections.abc import Iterator
from typing import Unpack

import torch
from torch import Tensor
from torch.func import grad

from ._functional import Inputs, Loss, Model, Options, Params, Targets
from ._posed import problem, solve
from ._problem import Problem
from ._trees import count


def gradients(
    model: Model,
    loss: Loss,
    x: Inputs,
    y: Targets,
    **options: Unpack[Options],
) -> Params:
    """The gradient of each sample's own loss, by `vmap(grad(...))`.

    Sample `i` is a batch of one: the gradient of `loss(model(x[i:i+1]), y[i:i+1])`.
    For a loss of the whole batch, such as F1, see `contributions`; where only norms,
    products or sums of gradients are needed, the other functions of this room do
    without the memory, which is as large as `len(x)` models.

    Args:
        model: A module, or a function of a dictionary of parameters and the input.
            Batch normalisation must be in `eval()`.
        loss: Function of a prediction and a target, batches of one: a loss of
            `costfn`, a module of `torch.nn` or `costfn_nn` with any reduction, or your
            own. It returns one number, or an array, whose entries are summed. Bind
            what samples share, as a cost matrix, with `functools.partial`.
        x: Inputs, samples on axis 0: a tensor, a tuple of them for a model of several
            arguments, or a dictionary for named ones.
        y: Targets, samples on axis 0: a tensor, a tuple for a loss of several, as
            `(labels, costs)`, or None for a loss of the prediction alone.
        chunk_size: Samples at a time. Default: all of them.
        parameters: Names of the parameters to differentiate, or a dictionary of names
            and values, at which the gradients are then taken. Default: all that
            require gradients. A function needs the dictionary.
        batched: Whether the model takes a batch; if not, it is given `x[i]`.
        randomness: `"different"` or `"same"` random numbers for all samples, as of
            dropout; `"error"` refuses them.

    Returns:
        By name of the parameter, gradients of shape `(samples, *shape)`.

    Raises:
        TypeError: If an argument has the wrong type, or as the loss says.
        ValueError: If the model normalises over the batch, nothing is to be
            differentiated, sample numbers differ, the loss of several samples is
            neither mean nor sum of their losses, or as the loss says.
        RuntimeError: If the model draws random numbers and `randomness` is `"error"`,
            or cannot be run by `torch.func.vmap`.
        BrokenLossError: If no gradient leaves a loss of your own, and
            `costfn.doctor.diagnose` finds out why: an AssertionError with its report.

    Example:
        >>> import torch, costfn
        >>> from costfn import per_sample
        >>> model = torch.nn.Linear(2, 2)
        >>> x, y = torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.tensor([0, 1])
        >>> g = per_sample.gradients(model, costfn.focal_loss, x, y)
        >>> {name: tuple(values.shape) for name, values in g.items()}
        {'weight': (2, 2, 2), 'bias': (2, 2)}

    Source:
        PyTorch, "Per-sample-gradients", torch.func tutorials.
        https://docs.pytorch.org/tutorials/intermediate/per_sample_grads.html
    """
    made = problem(model, loss, x, y, **options)
    found: Params = made.shaped(solve(materialized, made))
    return found


def materialized(made: Problem) -> Params:
    """The gradients of all samples, chunks written into one array."""
    found: Params = {}
    for rows, part in _parts(made, None):
        if len(next(iter(part.values()))) == made.size:
            return part
        for name, g in part.items():
            if name not in found:
                found[name] = g.new_empty(made.size, *g.shape[1:])
            found[name][rows] = g
    return found


def streamed(made: Problem) -> Iterator[tuple[slice, Params]]:
    """The gradients of a few samples after the other, without a graph."""
    with torch.no_grad():
        yield from _parts(made, made.stream_size)


def _parts(made: Problem, default: int | None) -> Iterator[tuple[slice, Params]]:
    def of_one(x: Inputs, y: Targets) -> Params:
        found: Params = grad(made.value)(made.parameters, x, y)
        return found

    for rows, x, y in made.chunks(default):
        if made.way.looped:
            yield rows, _one_after_another(made, x, y)
        else:
            yield rows, made.over_samples(of_one, x, y)


def _one_after_another(made: Problem, x: Inputs, y: Targets) -> Params:
    """The gradients by a backward pass for each, for models that `vmap` cannot run."""
    leaf = {n: p.detach().requires_grad_() for n, p in made.parameters.items()}
    found = {n: p.new_zeros(count(x, y), *p.shape) for n, p in leaf.items()}
    for i, one in enumerate(made.singly(x, y)):
        with torch.enable_grad():
            value = made.value(leaf, *one)
        if not value.requires_grad:
            continue
        parts = torch.autograd.grad(value, list(leaf.values()), allow_unused=True)
        for name, part in zip(leaf, parts, strict=True):
            if part is not None:
                found[name][i] = part.to_dense() if part.is_sparse else part
    return found


def flat(gradients: Params) -> Tensor:
    """The gradients of all parameters side by side, `(samples, numbers)`.

    Complex ones as pairs of numbers, so that inner products are those of the steps.
    """
    return torch.cat([as_real(g).reshape(len(g), -1) for g in gradients.values()], 1)


def as_real(values: Tensor) -> Tensor:
    """Complex numbers as pairs of real ones."""
    return torch.view_as_real(values) if values.is_complex() else values

"""The gradient of each sample."""

from collections.abc import Iterator
from typing import Unpack

import torch
from torch import Tensor
from torch.func import grad

from ._fallbacks import with_fallbacks
from ._gradient_problem import GradientProblem
from ._options import Inputs, Loss, Model, Options, Params, Targets
from ._prepare import prepare
from ._trees import sample_count


def gradients(
    model: Model,
    loss: Loss,
    x: Inputs,
    y: Targets,
    **options: Unpack[Options],
) -> Params:
    """The gradient of each sample's own loss, by `vmap(grad(...))`.

    Sample `i` is a batch of one: the gradient of `loss(model(x[i:i+1]), y[i:i+1])`.
    For a loss of the whole batch, such as F1, see `contributions`. The gradients need
    as much memory as `len(x)` models. If only norms, products or sums of gradients are
    needed, the other functions here do without it.

    Args:
        model: A module, or a function of a dictionary of parameters and the input.
            Batch normalisation must be in `eval()`.
        loss: Function of a prediction and a target, batches of one: a loss of
            `costfn`, a module of `torch.nn` or `costfn_nn` with any reduction, or your
            own. It returns one number, or an array whose entries are summed. Bind what
            all samples share, such as a cost matrix, with `functools.partial`.
        x: Inputs, samples on axis 0: a tensor, a tuple of tensors for a model with
            several arguments, or a dictionary for named arguments.
        y: Targets, samples on axis 0: a tensor, a tuple for a loss with several
            targets, such as `(labels, costs)`, or None for a loss of the prediction
            alone.
        chunk_size: Samples at a time. Default: all of them.
        parameters: Names of the parameters to differentiate by, or a dictionary of
            names and values, at which the gradients are then taken. Default: all
            parameters that require gradients. A function needs the dictionary.
        values: Values of parameters and buffers by name, used in place of those of the
            module, for example of a checkpoint; `parameters` still says which of them
            to differentiate by.
        batched: Whether the model takes a batch; if not, it gets `x[i]`.
        randomness: `"different"` or `"same"` random numbers for all samples, such as
            dropout masks; `"error"` refuses a model that draws any.
        sample_dims: Number of leading axes that count samples. With 2, every token of
            `y`, `(texts, tokens)`, is a sample; the model still takes whole texts, and
            results have both axes.

    Returns:
        By name of the parameter, gradients of shape `(samples, *shape)`.

    Raises:
        TypeError: If an argument has the wrong type, or as the loss says.
        ValueError: If the model normalises over the batch, there are no parameters to
            differentiate by, the numbers of samples differ, the loss of several samples
            is neither the mean nor the sum of their losses, or as the loss says.
        RuntimeError: If the model draws random numbers and `randomness` is `"error"`,
            or the model cannot run.
        BrokenLossError: If your own loss has no gradient and `costfn.doctor.diagnose`
            finds the cause. It is an AssertionError with the doctor's report.

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
    problem = prepare(model, loss, x, y, **options)
    found: Params = problem.with_sample_axes(with_fallbacks(materialized, problem))
    return found


def materialized(problem: GradientProblem) -> Params:
    """The gradients of all samples. Chunks are written into one array."""
    found: Params = {}
    for rows, part in _parts(problem, None):
        if len(next(iter(part.values()))) == problem.size:
            return part
        for name, g in part.items():
            if name not in found:
                found[name] = g.new_empty(problem.size, *g.shape[1:])
            found[name][rows] = g
    return found


def streamed(problem: GradientProblem) -> Iterator[tuple[slice, Params]]:
    """The gradients of a few samples at a time, without a graph."""
    with torch.no_grad():
        yield from _parts(problem, problem.stream_size)


def _parts(
    problem: GradientProblem, default: int | None
) -> Iterator[tuple[slice, Params]]:
    def of_one(x: Inputs, y: Targets) -> Params:
        found: Params = grad(problem.value)(problem.parameters, x, y)
        return found

    for rows, x, y in problem.chunks(default):
        if problem.mode.without_vmap:
            yield rows, _one_after_another(problem, x, y)
        else:
            yield rows, problem.map_samples(of_one, x, y)


def _one_after_another(problem: GradientProblem, x: Inputs, y: Targets) -> Params:
    """The gradients by one backward pass per sample, if `vmap` cannot run the model."""
    leaf = {n: p.detach().requires_grad_() for n, p in problem.parameters.items()}
    found = {n: p.new_zeros(sample_count(x, y), *p.shape) for n, p in leaf.items()}
    for i, one in enumerate(problem.single_samples(x, y)):
        with torch.enable_grad():
            value = problem.value(leaf, *one)
        if not value.requires_grad:
            continue
        parts = torch.autograd.grad(value, list(leaf.values()), allow_unused=True)
        for name, part in zip(leaf, parts, strict=True):
            if part is not None:
                found[name][i] = part.to_dense() if part.is_sparse else part
    return found


def flat(gradients: Params) -> Tensor:
    """The gradients by all parameters side by side, `(samples, numbers)`.

    Complex numbers become pairs of real ones, so that inner products of rows are inner
    products of training steps.
    """
    return torch.cat([as_real(g).reshape(len(g), -1) for g in gradients.values()], 1)


def as_real(values: Tensor) -> Tensor:
    """Complex numbers as pairs of real ones."""
    return torch.view_as_real(values) if values.is_complex() else values

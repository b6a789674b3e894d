"""What each sample contributes to the gradient of a loss of the whole batch."""

from typing import Unpack

from torch import Tensor

from ._fallbacks import with_fallbacks
from ._gradients import materialized
from ._linear_loss import linear_loss
from ._norms import Per, norms
from ._options import Inputs, Loss, Model, Options, Params, Targets
from ._prepare import prepare_linearized


def contributions(
    model: Model, batch_loss: Loss, x: Inputs, y: Targets, **options: Unpack[Options]
) -> Params:
    """What each sample contributes to the gradient of a loss of the whole batch.

    Let `z_i` be the prediction for sample `i` and `J_i` its Jacobian. The contribution
    is exactly `J_i^T dL/dz_i`, so the contributions add up to the gradient of the loss.
    For a mean of losses they are `gradients` divided by the number of samples. They are
    not gradients of "the loss of one sample", because a metric has none. Only to first
    order are they what the gradient would lose without the sample.

    Args:
        model: A module or a function, as for `gradients`.
        batch_loss: Function of all predictions and targets to one number, such as
            `costfn.f_beta_loss`.
        x: Inputs, samples on axis 0, as for `gradients`.
        y: Targets, samples on axis 0; a tuple for a loss of several arguments.
        **options: As for `gradients`. Only the gradients are computed in chunks. The
            loss always gets the whole batch.

    Returns:
        By name of the parameter, contributions of shape `(samples, *shape)`.

    Raises:
        TypeError: If an argument has the wrong type, or as the loss says.
        ValueError: If the loss is not one number, or as for `gradients`.
        RuntimeError: If the model draws random numbers.

    Example:
        >>> import torch, costfn
        >>> from costfn import per_sample
        >>> model = torch.nn.Linear(2, 2)
        >>> x, y = torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.tensor([0, 1])
        >>> g = per_sample.contributions(model, costfn.f_beta_loss, x, y)
        >>> costfn.f_beta_loss(model(x), y).backward()
        >>> torch.allclose(g["weight"].sum(0), model.weight.grad)
        True

    Source:
        The chain rule. Its use for single gradients of a loss that couples the batch is
        our own work.
    """
    problem = prepare_linearized(model, batch_loss, x, y, **options)
    found: Params = problem.with_sample_axes(with_fallbacks(materialized, problem))
    return found


def contribution_norms(
    model: Model,
    batch_loss: Loss,
    x: Inputs,
    y: Targets,
    *,
    per: Per = "total",
    **options: Unpack[Options],
) -> Tensor | dict[str, Tensor]:
    """Length of each sample's contribution: which samples drive the loss?

    Like `gradient_norms`, it never holds the contributions themselves.

    Args:
        model: A module or a function, as for `gradients`.
        batch_loss: Function of all predictions and targets to one number.
        x: Inputs, samples on axis 0, as for `gradients`.
        y: Targets, samples on axis 0; a tuple for a loss of several arguments.
        per: `"total"`, or one norm for each `"layer"` or `"parameter"`.
        **options: As for `gradients`.

    Returns:
        Norms `(samples,)`; by name, if for each layer or parameter.

    Raises:
        TypeError: If an argument has the wrong type, or as the loss says.
        ValueError: If the loss is not one number, `per` is unknown, or as for
            `gradients`.
        RuntimeError: If the model draws random numbers.

    Example:
        >>> import torch, costfn
        >>> from costfn import per_sample
        >>> model = torch.nn.Linear(2, 2)
        >>> _ = torch.nn.init.eye_(model.weight), torch.nn.init.zeros_(model.bias)
        >>> x, y = torch.tensor([[4.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 1])
        >>> per_sample.contribution_norms(model, costfn.f_beta_loss, x, y)
        tensor([0.0504, 0.2071])

    Source:
        Goodfellow, "Efficient Per-Example Gradient Computations", 2015.
        https://arxiv.org/abs/1510.01799
    """
    problem = prepare_linearized(model, batch_loss, x, y, **options)
    found: Tensor | dict[str, Tensor] = problem.with_sample_axes(
        with_fallbacks(lambda p: norms(p, per), problem)
    )
    return found


def linearize(
    model: Model, batch_loss: Loss, x: Inputs, y: Targets, **options: Unpack[Options]
) -> tuple[Loss, Tensor | tuple[Tensor, ...]]:
    """A loss per sample, and its target, whose gradients are the contributions.

    Pass them as `loss` and `y` to any other function of `costfn.per_sample`. Its result
    is then about the contributions to the loss of the batch.

    Args:
        model: A module or a function, as for `gradients`.
        batch_loss: Function of all predictions and targets to one number.
        x: Inputs, samples on axis 0, as for `gradients`.
        y: Targets, samples on axis 0; a tuple for a loss of several arguments.
        **options: As for `gradients`.

    Returns:
        The loss, which is the inner product of prediction and target; and the target,
        which is the gradient of the batch loss by the predictions, of shape
        `(samples, *prediction)`.

    Raises:
        TypeError: If an argument has the wrong type, or as the loss says.
        ValueError: If the loss is not one number, or as for `gradients`.
        RuntimeError: If the model draws random numbers.

    Example:
        >>> import torch, costfn
        >>> from costfn import per_sample
        >>> model = torch.nn.Linear(2, 2)
        >>> x, y = torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.tensor([0, 1])
        >>> loss, target = per_sample.linearize(model, costfn.f_beta_loss, x, y)
        >>> per_sample.cosine_to_mean(model, loss, x, target).shape
        torch.Size([2])

    Source:
        The chain rule; own work.
    """
    problem = prepare_linearized(model, batch_loss, x, y, **options)
    cotangents = problem.with_sample_axes(problem.targets)
    return linear_loss, cotangents[0] if len(cotangents) == 1 else cotangents

"""What each sample contributes to the gradient of a loss of the whole batch."""

from typing import Unpack

from torch import Tensor

from ._functional import Inputs, Loss, Model, Options, Params, Targets
from ._gradients import materialized
from ._norms import Per, norms
from ._posed import linearized, solve
from ._sums import inner


def contributions(
    model: Model, batch_loss: Loss, x: Inputs, y: Targets, **options: Unpack[Options]
) -> Params:
    """What each sample contributes to the gradient of a loss of the whole batch.

    With `z_i` the prediction for sample `i` and `J_i` its Jacobian, the contribution is
    `J_i^T dL/dz_i`, exactly: the contributions add up to the gradient of the loss. Of
    a mean of losses they are `gradients` divided by the number of samples. They are not
    the gradients of "the loss of one sample", which a metric does not have, and only
    to first order what the gradient would lose if the sample were left out.

    Args:
        model: A module or a function, as for `gradients`.
        batch_loss: Function of all predictions and targets to one number, such as
            `costfn.f_beta_loss`.
        x: Inputs, samples on axis 0, as for `gradients`.
        y: Targets, samples on axis 0; a tuple for a loss of several arguments.
        **options: As for `gradients`. The chunks are of the gradients: the loss always
            sees the whole batch.

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
        The chain rule; as a way to single gradients of a loss that couples the batch,
        ours.
    """
    made = linearized(model, batch_loss, x, y, **options)
    found: Params = made.shaped(solve(materialized, made))
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
    """Length of each sample's contribution: which samples does the loss listen to?

    As `gradient_norms`, without ever holding the contributions themselves.

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
    made = linearized(model, batch_loss, x, y, **options)
    found: Tensor | dict[str, Tensor] = made.shaped(
        solve(lambda p: norms(p, per), made)
    )
    return found


def linearize(
    model: Model, batch_loss: Loss, x: Inputs, y: Targets, **options: Unpack[Options]
) -> tuple[Loss, Tensor | tuple[Tensor, ...]]:
    """A loss per sample, and its target, whose gradients are the contributions.

    Give them to any function of this room in the place of `loss` and `y`: it then
    speaks of the contributions to the loss of the batch.

    Args:
        model: A module or a function, as for `gradients`.
        batch_loss: Function of all predictions and targets to one number.
        x: Inputs, samples on axis 0, as for `gradients`.
        y: Targets, samples on axis 0; a tuple for a loss of several arguments.
        **options: As for `gradients`.

    Returns:
        The loss, an inner product of prediction and target, and the target, the
        gradient of the batch loss by the predictions, `(samples, *prediction)`.

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
        The chain rule; ours.
    """
    made = linearized(model, batch_loss, x, y, **options)
    cotangents = made.shaped(made.targets)
    return inner, cotangents[0] if len(cotangents) == 1 else cotangents

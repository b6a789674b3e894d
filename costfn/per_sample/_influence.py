"""How much each sample would help on others."""

from collections.abc import Mapping, Sequence
from typing import Unpack

import torch
from torch import Tensor

from ._directions import along, mean_gradient, summed
from ._functional import Inputs, Loss, Model, Options, Params, Targets
from ._posed import linearized, problem, solve


def influence(
    model: Model,
    loss: Loss,
    x: Inputs,
    y: Targets,
    x_validation: Inputs,
    y_validation: Targets,
    *,
    validation_loss: Loss | None = None,
    checkpoints: Sequence[Mapping[str, Tensor]] | None = None,
    learning_rates: float | Sequence[float] = 1.0,
    **options: Unpack[Options],
) -> Tensor:
    """How much a step on each sample would lower the loss on a validation batch.

    To first order: `rate * <g_i, G>`, with `g_i` the sample's gradient and `G` that of
    the validation loss; a sum over checkpoints if several are given. Negative for
    samples that work against the validation batch, such as mislabelled ones.

    Args:
        model: A module or a function, as for `gradients`.
        loss: Function of a prediction and a target, as for `gradients`.
        x: Inputs of the samples that are judged.
        y: Their targets.
        x_validation: Inputs of the validation batch.
        y_validation: Its targets.
        validation_loss: Function of all predictions and targets of the validation
            batch to one number, such as `costfn.f_beta_loss`. Default: the mean of
            `loss`.
        checkpoints: Values of the parameters along training, as of
            `model.named_parameters()`. Default: the model as it is.
        learning_rates: Of the steps, one for all checkpoints or one for each.
        **options: `parameters`, `chunk_size` and `batched`, as for `gradients`.

    Returns:
        Influence of each sample, in units of the validation loss, `(samples,)`.

    Raises:
        TypeError: If an argument has the wrong type, or as the losses say.
        ValueError: If both `checkpoints` and values of `parameters` are given, rates
            and checkpoints differ in number, or as for `gradients`.
        RuntimeError: If the model draws random numbers.

    Example:
        >>> import torch
        >>> from costfn import per_sample
        >>> model = torch.nn.Linear(1, 1)
        >>> x, y = torch.tensor([[1.0], [1.0]]), torch.tensor([[9.0], [-9.0]])
        >>> scores = per_sample.influence(
        ...     model, torch.nn.MSELoss(), x, y, torch.ones(1, 1), torch.ones(1, 1) * 9
        ... )
        >>> bool(scores[0] > 0 > scores[1])
        True

    Source:
        Pruthi et al., "Estimating Training Data Influence by Tracing Gradient
        Descent", NeurIPS 2020, eq. 1 and section 3.4 (TracInCP).
        https://arxiv.org/abs/2002.08484
    """
    if checkpoints is None:
        return _influence_at(
            model, loss, x, y, (x_validation, y_validation), validation_loss, options
        ) * _one_rate(learning_rates)
    if options.get("parameters") is not None:
        raise ValueError(
            "parameters must be None where checkpoints are given, which hold the values"
        )
    rates = (
        [learning_rates] * len(checkpoints)
        if isinstance(learning_rates, int | float)
        else list(learning_rates)
    )
    if not rates or len(rates) != len(checkpoints):
        raise ValueError(
            "checkpoints must be 1 or more, with one learning rate for each, got "
            f"{len(checkpoints)} and {len(rates)}"
        )
    scores = []
    for rate, checkpoint in zip(rates, checkpoints, strict=True):
        at: Options = {**options, "parameters": checkpoint}
        scores.append(
            rate
            * _influence_at(
                model, loss, x, y, (x_validation, y_validation), validation_loss, at
            )
        )
    return torch.stack(scores).sum(0)


def _one_rate(rates: float | Sequence[float]) -> float:
    if isinstance(rates, int | float):
        return rates
    raise ValueError(
        "learning_rates must be one number where there are no checkpoints, "
        f"got {len(rates)}"
    )


def _influence_at(
    model: Model,
    loss: Loss,
    x: Inputs,
    y: Targets,
    validation: tuple[Inputs, Targets],
    validation_loss: Loss | None,
    options: Options,
) -> Tensor:
    made = problem(model, loss, x, y, **options)
    direction = validation_gradient(model, loss, validation, validation_loss, options)
    return solve(lambda p: along(p, direction), made)


def validation_gradient(
    model: Model,
    loss: Loss,
    validation: tuple[Inputs, Targets],
    validation_loss: Loss | None,
    options: Options,
) -> Params:
    """The gradient of the loss of a validation batch."""
    if validation_loss is None:
        made = problem(model, loss, *validation, **options)
        return solve(mean_gradient, made)
    return summed(linearized(model, validation_loss, *validation, **options))

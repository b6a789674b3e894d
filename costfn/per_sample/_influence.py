"""How much a step on each sample would lower the loss of others."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Unpack

import torch
from torch import Tensor, nn

from .._foundation.math import upcast
from ._batches import Samples, all_at_once, batches, check_order
from ._directions import inner_product, inner_products, summed
from ._fallbacks import with_fallbacks
from ._gradient_problem import GradientProblem, RunMode
from ._gradients import flat, streamed
from ._options import Inputs, Loss, Model, Options, Params, Targets
from ._prepare import Arguments, linearized

_HELD = 2**27  # how many numbers of test gradients to hold at a time
_FEW = 2  # up to so many test samples, inner products in one pass are cheaper


def influence(
    model: Model,
    loss: Loss,
    train: Samples,
    test: Samples,
    *,
    test_loss: Loss | None = None,
    target: str | None = None,
    checkpoints: Iterable[Mapping[str, Tensor]] | None = None,
    learning_rates: float | Tensor | Sequence[float | Tensor] = 1.0,
    **options: Unpack[Options],
) -> Tensor:
    """How much a step on each training sample would lower the loss of each test one.

    To first order it is `rate * <g_i, h_j>`, with `g_i` the gradient of the training
    sample and `h_j` that of the test sample. With several checkpoints it is the sum
    over them. It is negative if a training sample raises the other's loss, as a
    mislabelled one does. With `test_loss` the test set has one loss, and each training
    sample has one influence.

    Args:
        model: A module or a function, as for `gradients`.
        loss: Function of a prediction and a target, as for `gradients`.
        train: The samples to judge: a pair of inputs and targets, or batches of them,
            such as a `torch.utils.data.DataLoader` that does not shuffle. A batch may
            be a dictionary of inputs.
        test: The samples whose loss changes, in the same form.
        test_loss: Function of all predictions and targets of the test set to one
            number, such as `costfn.f_beta_loss` or a mean. The whole test set is then
            in memory.
        target: Name of the entry of dictionaries that is the target. Default: the
            model gets all entries, and `loss` takes the model's output alone.
        checkpoints: Values of the model at several times of training, as
            `model.state_dict()`, or all values of a function. Default: the model as it
            is.
        learning_rates: Learning rate of the steps: one for all checkpoints, or one for
            each.
        **options: As for `gradients`.

    Returns:
        Influence in units of the loss, `(train, test)`; with `test_loss` `(train,)`.

    Raises:
        TypeError: If an argument has the wrong type, or as the losses say.
        ValueError: If values are given in addition to `checkpoints`, a checkpoint lacks
            some values, the numbers of rates and checkpoints differ, a loader shuffles,
            or as for `gradients`.
        RuntimeError: As for `gradients`.

    Example:
        >>> import torch
        >>> from costfn import per_sample
        >>> model = torch.nn.Linear(1, 1)
        >>> train = torch.tensor([[1.0], [1.0]]), torch.tensor([[9.0], [-9.0]])
        >>> test = torch.ones(3, 1), torch.ones(3, 1) * 9
        >>> scores = per_sample.influence(model, torch.nn.MSELoss(), train, test)
        >>> scores.shape, bool((scores[0] > 0).all() and (scores[1] < 0).all())
        (torch.Size([2, 3]), True)

    Source:
        Pruthi et al., "Estimating Training Data Influence by Tracing Gradient
        Descent", NeurIPS 2020, eq. 1 and section 3.4 (TracInCP).
        https://arxiv.org/abs/2002.08484
    """
    check_order("train", train)
    check_order("test", test)
    mode = RunMode()
    parts: list[Tensor] = []
    for rate, at in _steps(model, checkpoints, learning_rates, options):
        arguments = Arguments(model, loss, at, mode)
        if test_loss is None:
            found = _matrix(arguments, train, test, target)
        else:
            x, y = all_at_once("test", test, target)
            direction = batch_gradient(Arguments(model, test_loss, at), x, y)
            found = _rows(
                arguments, train, target, partial(inner_product, direction=direction)
            )
        # A running sum holds two matrices at most.
        parts = [rate * found + parts[0] if parts else rate * found]
    return parts[0]


def _matrix(
    arguments: Arguments, train: Samples, test: Samples, target: str | None
) -> Tensor:
    columns, shapes = [], []
    numbers = sum(p.numel() for p in arguments.parameters.values())
    for x, y in batches("test", test, target):
        problem = arguments.problem(x, y)
        shapes.append(problem.shape)
        block = replace(problem, chunk_size=max(1, _HELD // max(1, numbers)))
        for _, *some in block.chunks():
            held = with_fallbacks(
                _held, replace(problem.part(*some), chunk_size=problem.chunk_size)
            )
            columns.append(
                _rows(arguments, train, target, partial(_products, held=held))
            )
    found = torch.cat(columns, -1)
    shape = (sum(s[0] for s in shapes), *shapes[0][1:])
    return found.reshape(*found.shape[:-1], *shape) if len(shape) > 1 else found


def _rows(
    arguments: Arguments,
    train: Samples,
    target: str | None,
    function: Callable[[GradientProblem], Tensor],
) -> Tensor:
    parts = []
    for x, y in batches("train", train, target):
        problem = arguments.problem(x, y, in_one_batch=True)
        parts.append(problem.with_sample_axes(with_fallbacks(function, problem)))
    return torch.cat(parts)


def _held(problem: GradientProblem) -> Tensor:
    return torch.cat([upcast(flat(part)) for _, part in streamed(problem)])


def _products(problem: GradientProblem, held: Tensor) -> Tensor:
    if len(held) <= _FEW and not any(
        p.is_complex() for p in problem.parameters.values()
    ):
        return inner_products(
            problem, [_unflat(row, problem.parameters) for row in held]
        )
    return torch.cat([upcast(flat(part)) @ held.mT for _, part in streamed(problem)])


def _unflat(row: Tensor, parameters: Params) -> Params:
    pieces = torch.split(row, [p.numel() for p in parameters.values()])
    named = zip(pieces, parameters.items(), strict=True)
    return {name: piece.view(p.shape) for piece, (name, p) in named}


def batch_gradient(arguments: Arguments, x: Inputs, y: Targets) -> Params:
    """The gradient of a loss of a batch."""
    problem = linearized(
        arguments.problem(x, y, in_one_batch=True, loss_is_checked=True)
    )
    return with_fallbacks(summed, problem)


def _steps(
    model: Model,
    checkpoints: Iterable[Mapping[str, Tensor]] | None,
    learning_rates: float | Tensor | Sequence[float | Tensor],
    options: Options,
) -> Iterator[tuple[float, Options]]:
    """The learning rate and the options at each checkpoint."""
    rates = torch.as_tensor(learning_rates, dtype=torch.float64).tolist()
    if checkpoints is None:
        if isinstance(rates, list):
            raise ValueError(
                "learning_rates must be one number where there are no checkpoints, "
                f"got {len(rates)}"
            )
        yield rates, options
        return
    named = options.get("parameters")
    if options.get("values") is not None or isinstance(named, Mapping):
        raise ValueError(
            "values must be None, and parameters names, where checkpoints are given, "
            "which hold the values"
        )
    every = list(checkpoints)
    rates = rates if isinstance(rates, list) else [rates] * len(every)
    if not every or len(rates) != len(every):
        raise ValueError(
            "checkpoints must be 1 or more, with one learning rate for each, got "
            f"{len(every)} and {len(rates)}"
        )
    for place, (rate, values) in enumerate(zip(rates, every, strict=True)):
        if isinstance(model, nn.Module):
            _check_complete(model, values, f"checkpoints[{place}]")
        yield rate, {**options, "values": values}


def _check_complete(model: nn.Module, values: Mapping[str, Tensor], name: str) -> None:
    """Checks that a checkpoint has all values, such as the running mean of a norm."""
    own = model.state_dict(keep_vars=True)
    given = {id(own[n]) for n in values if n in own}
    missing = [
        n for n, v in own.items() if isinstance(v, Tensor) and id(v) not in given
    ]
    if missing:
        raise ValueError(
            f"{name} must hold all parameters and buffers, as model.state_dict() does, "
            f"got none for {missing}"
        )

"""How much each sample would help on others."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Unpack

import torch
from torch import Tensor, nn

from .._foundation.math import upcast
from ._batches import Samples, all_at_once, batches, check_order
from ._directions import along, along_each, summed
from ._functional import Inputs, Loss, Model, Options, Params, Targets
from ._gradients import flat, streamed
from ._posed import Setting, linear_part, solve
from ._problem import Problem, Way

_HELD = 2**27  # numbers of test gradients that are held at a time
_FEW = 2  # test samples for which forward derivatives are cheaper


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

    To first order: `rate * <g_i, h_j>`, with `g_i` the gradient of the training sample
    and `h_j` that of the test sample; a sum over checkpoints if several are given.
    Negative for samples that work against the other, such as mislabelled ones. With
    `test_loss` the test set has one loss, and each training sample one influence.

    Args:
        model: A module or a function, as for `gradients`.
        loss: Function of a prediction and a target, as for `gradients`.
        train: The samples that are judged: a pair of inputs and targets, or batches of
            them, such as a `torch.utils.data.DataLoader` that does not shuffle. A batch
            may be a dictionary of inputs.
        test: The samples on which they are judged, likewise.
        test_loss: Function of all predictions and targets of the test set to one
            number, such as `costfn.f_beta_loss`, or a mean; all are held at once.
        target: Name of the entry of dictionaries that is the target. Default: the
            model takes them whole, and `loss` its answer alone.
        checkpoints: Along training, `model.state_dict()`, or all values of a function.
            Default: the model as it is.
        learning_rates: Of the steps, one for all checkpoints or one for each.
        **options: As for `gradients`.

    Returns:
        Influence in units of the loss, `(train, test)`; with `test_loss` `(train,)`.

    Raises:
        TypeError: If an argument has the wrong type, or as the losses say.
        ValueError: If values are given beside `checkpoints`, a checkpoint lacks some,
            rates and checkpoints differ in number, a loader shuffles, or as for
            `gradients`.
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
    way = Way()
    parts: list[Tensor] = []
    for rate, at in _steps(model, checkpoints, learning_rates, options):
        setting = Setting(model, loss, at, way)
        if test_loss is None:
            found = _matrix(setting, train, test, target)
        else:
            x, y = all_at_once("test", test, target)
            direction = batch_gradient(Setting(model, test_loss, at), x, y)
            found = _rows(setting, train, target, partial(along, direction=direction))
        # One sum, so that no more than two matrices are there.
        parts = [rate * found + parts[0] if parts else rate * found]
    return parts[0]


def _matrix(
    setting: Setting, train: Samples, test: Samples, target: str | None
) -> Tensor:
    columns, shapes = [], []
    numbers = sum(p.numel() for p in setting.parameters.values())
    for x, y in batches("test", test, target):
        made = setting.problem(x, y)
        shapes.append(made.shape)
        block = replace(made, chunk_size=max(1, _HELD // max(1, numbers)))
        for _, *some in block.chunks():
            held = solve(_held, replace(made.part(*some), chunk_size=made.chunk_size))
            columns.append(_rows(setting, train, target, partial(_products, held=held)))
    found = torch.cat(columns, -1)
    shape = (sum(s[0] for s in shapes), *shapes[0][1:])
    return found.reshape(*found.shape[:-1], *shape) if len(shape) > 1 else found


def _rows(
    setting: Setting,
    train: Samples,
    target: str | None,
    function: Callable[[Problem], Tensor],
) -> Tensor:
    parts = []
    for x, y in batches("train", train, target):
        made = setting.problem(x, y, whole=True)
        parts.append(made.shaped(solve(function, made)))
    return torch.cat(parts)


def _held(made: Problem) -> Tensor:
    return torch.cat([upcast(flat(part)) for _, part in streamed(made)])


def _products(made: Problem, held: Tensor) -> Tensor:
    if len(held) <= _FEW and not any(p.is_complex() for p in made.parameters.values()):
        return along_each(made, [_unflat(row, made.parameters) for row in held])
    return torch.cat([upcast(flat(part)) @ held.mT for _, part in streamed(made)])


def _unflat(row: Tensor, parameters: Params) -> Params:
    pieces = torch.split(row, [p.numel() for p in parameters.values()])
    named = zip(pieces, parameters.items(), strict=True)
    return {name: piece.view(p.shape) for piece, (name, p) in named}


def batch_gradient(setting: Setting, x: Inputs, y: Targets) -> Params:
    """The gradient of a loss of a batch."""
    made = linear_part(setting.problem(x, y, whole=True, tried=True))
    return solve(summed, made)


def _steps(
    model: Model,
    checkpoints: Iterable[Mapping[str, Tensor]] | None,
    learning_rates: float | Tensor | Sequence[float | Tensor],
    options: Options,
) -> Iterator[tuple[float, Options]]:
    """Learning rate and options at each checkpoint."""
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
    """Checks that no value of another time is left, as of a running mean."""
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

"""From the arguments of a public function to a checked `GradientProblem`."""

from dataclasses import replace
from typing import Unpack

import torch
from torch import Tensor
from torch.func import grad

from .._foundation import check
from ._check_gradient import ask_the_doctor
from ._check_loss import check_loss
from ._check_model import check_model, warn_if_mixed
from ._fallbacks import predict_one, with_model_fallback
from ._gradient_problem import GradientProblem, RunMode
from ._known_losses import is_known
from ._linear_loss import is_differentiable, linear_loss
from ._model import pure
from ._options import Inputs, Loss, Model, Options, Targets, check_options
from ._sample_dims import places_as_samples
from ._trees import as_tree, flatten, sample_count


class Arguments:
    """The arguments of a public function without the samples.

    Some functions take samples in batches, each of which makes a problem of its own.
    """

    def __init__(
        self, model: Model, loss: Loss, options: Options, mode: RunMode | None = None
    ) -> None:
        self.options: Options = {**options}
        self.chunk_size = options.get("chunk_size")
        self.randomness = options.get("randomness", "error")
        self.dims = options.get("sample_dims", 1)
        check_options(self.chunk_size, self.randomness, self.dims)
        if not callable(loss):
            raise TypeError(
                "loss must be a function of prediction and target, "
                f"got {type(loss).__name__}"
            )
        self.model, self.loss = model, loss
        self.call, self.parameters, has_hooks, self.training = pure(
            model, options.get("parameters"), options.get("values")
        )
        self.mode = mode or RunMode()
        self.mode.own_backward |= has_hooks

    def problem(
        self,
        x: Inputs,
        y: Targets,
        *,
        in_one_batch: bool = False,
        loss_is_checked: bool = False,
    ) -> GradientProblem:
        """The problem for some samples.

        Args:
            x: Inputs.
            y: Targets.
            in_one_batch: Whether the model may get several samples in one batch. If so,
                it is checked that the model treats each sample alone; if not, there is
                a warning where it does not.
            loss_is_checked: Whether to skip the check of the loss.
        """
        x, y = as_tree(x), as_tree(y)
        call, batched = self.call, self.options.get("batched", True)
        size = sample_count(x, y)
        shape: tuple[int, ...] = (size,)
        chunk_size = self.chunk_size
        if self.dims > 1:
            # The model always sees whole samples, such as texts. As many places at a
            # time as there are samples keeps memory near that of one batch.
            chunk_size = chunk_size or size
            call, x, y, shape = places_as_samples(call, x, y, self.dims, batched)
            size, batched = sample_count(x, y), True
        problem = GradientProblem(
            call,
            self.loss,
            self.parameters,
            x,
            y,
            size,
            chunk_size,
            batched,
            self.randomness,
            shape,
            self.mode,
        )
        if torch.compiler.is_compiling():
            return problem
        if in_one_batch:
            check_model(problem)
        else:
            warn_if_mixed(self.model, self.training, problem)
        if not loss_is_checked and not is_known(self.loss):
            check_loss(problem)
        if self.randomness == "error":
            return problem
        return replace(problem, start=problem.random_state())


def prepare(
    model: Model,
    loss: Loss,
    x: Inputs,
    y: Targets,
    **options: Unpack[Options],
) -> GradientProblem:
    """The checked problem for the arguments of a public function."""
    return Arguments(model, loss, options).problem(x, y)


def prepare_linearized(
    model: Model,
    batch_loss: Loss,
    x: Inputs,
    y: Targets,
    **options: Unpack[Options],
) -> GradientProblem:
    """The problem whose gradients are the contributions to a loss of the batch."""
    arguments = Arguments(model, batch_loss, options)
    return linearized(arguments.problem(x, y, in_one_batch=True, loss_is_checked=True))


def linearized(problem: GradientProblem) -> GradientProblem:
    """The problem with its loss of the whole batch replaced by a linear one per sample.

    The target of a sample is then the gradient of the batch loss by its prediction.
    """
    if problem.mode.mixes:
        raise ValueError(
            f"model must treat each sample alone, got {problem.mode.mixes}: "
            "contributions to a loss of the batch would not add up to its gradient"
        )
    z = with_model_fallback(lambda p: p.predictions(), problem, predict_one)
    leaves, joined = flatten(z)
    places = [i for i, leaf in enumerate(leaves) if is_differentiable(leaf)]

    def of_predictions(values: list[Tensor]) -> Tensor:
        filled = list(leaves)
        for place, leaf in zip(places, values, strict=True):
            filled[place] = leaf
        found: Tensor = problem.loss(joined(filled), *problem.targets)
        check.tensor("batch_loss(prediction, target)", found)
        if found.ndim:
            raise ValueError(
                "batch_loss must return one number for the batch, got the shape "
                f"{tuple(found.shape)}; reduce it: "
                "lambda z, y: costfn.reduce(loss(z, y))"
            )
        return found

    cotangents = grad(of_predictions)([leaves[i] for i in places])
    seen = [check.readable_values(c) for c in cotangents]
    if len(leaves) == 1 and not any(s is None or s.any() for s in seen):
        ask_the_doctor(problem.loss, z, problem.targets)
    return replace(problem, loss=linear_loss, y=tuple(cotangents))

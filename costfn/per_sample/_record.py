"""Records gradients of single samples in a running training loop."""

from collections.abc import Iterable
from os import PathLike
from typing import Literal, get_args

from torch import nn

from .._foundation import check
from ._model import chosen_parameters
from ._recording import Recording

Reduction = Literal["mean", "sum"]


def record(
    model: nn.Module,
    *,
    parameters: Iterable[str] | str | None = None,
    reduction: Reduction = "mean",
    path: str | PathLike[str] | None = None,
) -> Recording:
    """Norms and directions of the samples' gradients in a running training loop.

    Use it as a context around the loop, which needs no change. For each backward pass
    it records what each sample contributes to the gradient: its length, and its cosine
    to the whole gradient. Both come from the inputs of the layers and the gradients by
    their outputs. No pass is repeated, so dropout, batch norms in training mode and
    losses of the whole batch are recorded as they happen. Contributions add up to the
    gradient.

    Args:
        model: The module that the loop calls with a batch, samples on axis 0 of its
            first tensor; not compiled.
        parameters: Names or patterns of parameters. Default: all that require
            gradients.
        reduction: How the loss combines the samples' losses. For a `"mean"` the
            contributions are multiplied by the batch size, which gives the gradients of
            the samples. `"sum"` leaves them unchanged: for sums, and for losses of the
            batch.
        path: Path of a CSV file. Rows of step, sample, norm and cosine go there instead
            of memory. Default: they are kept as tensors.

    Returns:
        The context, which is also the recording.

    Raises:
        TypeError: If the model is not a module, or is compiled.
        ValueError: If `reduction` or a parameter is unknown.

    Example:
        >>> import torch
        >>> from costfn import per_sample
        >>> model = torch.nn.Linear(2, 1, bias=False)
        >>> x = torch.tensor([[1.0, 0.0], [3.0, 4.0]])
        >>> with per_sample.record(model) as seen:
        ...     for _ in range(3):
        ...         model(x).mean().backward()
        >>> seen.norms
        tensor([1., 5., 1., 5., 1., 5.], dtype=torch.float64)

    Source:
        Goodfellow, "Efficient Per-Example Gradient Computations", 2015.
        https://arxiv.org/abs/1510.01799
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be an nn.Module, got {type(model).__name__}")
    compiled = getattr(model, "_compiled_call_impl", None) is not None
    if compiled or hasattr(model, "_orig_mod"):
        raise TypeError(
            "model must not be compiled, got one from torch.compile; record the model "
            "that you compiled"
        )
    check.one_of("reduction", reduction, get_args(Reduction))
    return Recording(model, chosen_parameters(model, parameters), reduction, path)

"""Training, the same for every loss."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor

Model = Literal["linear", "mlp"]

STEPS = 300
LEARNING_RATE = 0.1
HIDDEN_UNITS = 32
DESCRIPTION = (
    f"full-batch Adam, {STEPS} steps, learning rate {LEARNING_RATE} falling to 0 along "
    "a cosine, L2 penalty 1/(2n) times the squared weights (that of multinomial "
    "logistic regression in scikit-learn at C=1); mlp: one hidden layer of "
    f"{HIDDEN_UNITS} tanh units"
)
"""The hyper-parameters in words.

They were chosen by the training objective alone: for cross entropy and for the expected
cost it comes within 0.2 % of what L-BFGS reaches for the linear model on german-credit.
No test fold was used, and no loss has settings of its own.
"""


@dataclass(frozen=True)
class Fit:
    """A trained model.

    Attributes:
        predict: Function of features `(examples, columns)` to outputs
            `(examples, outputs)`.
        seconds: Wall time of the training.
        failed: Whether the objective or a weight is not finite.
    """

    predict: Callable[[Tensor], Tensor]
    seconds: float
    failed: bool


def train(
    features: Tensor,
    objective: Callable[[Tensor], Tensor],
    *,
    outputs: int,
    model: Model,
    seed: int,
) -> Fit:
    """Trains a linear model or a small network on all examples at once.

    Args:
        features: The training examples, float64, shape `(examples, columns)`.
        objective: Function of outputs `(examples, outputs)` to losses, whose mean is
            minimised.
        outputs: Number of outputs.
        model: `"linear"` starts at zero, `"mlp"` at random weights.
        seed: Seed of the random weights.

    Returns:
        The trained model. The same arguments give the same model.
    """
    layers = _layers(features.shape[1], outputs, model, seed)
    weights = [weight for weight, _ in layers]
    parameters = [tensor for layer in layers for tensor in layer]

    def network(examples: Tensor) -> Tensor:
        *hidden, (weight, bias) = layers
        for inner_weight, inner_bias in hidden:
            examples = torch.tanh(examples @ inner_weight + inner_bias)
        return examples @ weight + bias

    def training_loss() -> Tensor:
        penalty = torch.stack([weight.square().sum() for weight in weights]).sum()
        return objective(network(features)).mean() + penalty / (2 * len(features))

    optimizer = torch.optim.Adam(parameters, lr=LEARNING_RATE, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    started = time.perf_counter()
    for _ in range(STEPS):
        optimizer.zero_grad()
        torch.autograd.backward(training_loss())
        optimizer.step()
        schedule.step()
    seconds = time.perf_counter() - started
    with torch.no_grad():
        finite = bool(training_loss().isfinite())

    def predict(examples: Tensor) -> Tensor:
        with torch.no_grad():
            return network(examples)

    return Fit(predict, seconds, failed=not finite)


def _layers(
    inputs: int, outputs: int, model: Model, seed: int
) -> list[tuple[Tensor, Tensor]]:
    """Initial weights `(inputs, outputs)` and biases `(outputs,)` of each layer."""
    # Not nn.Linear: its initialisation draws from the caller's global generator.
    generator = torch.Generator().manual_seed(seed)
    sizes = [inputs, outputs] if model == "linear" else [inputs, HIDDEN_UNITS, outputs]
    layers = []
    for above, below in pairwise(sizes):
        weight = torch.zeros(above, below, dtype=torch.float64)
        if model == "mlp":
            weight.normal_(0, above**-0.5, generator=generator)
        bias = torch.zeros(below, dtype=torch.float64)
        layers.append((weight.requires_grad_(), bias.requires_grad_()))
    return layers

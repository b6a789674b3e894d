"""Which model is meant: by a name, or by a function that makes one."""

from collections.abc import Callable
from inspect import Parameter, signature
from typing import Any

from ._errors import InputError, listed, suggestion
from ._learners import Boosting, Estimator, Learner, Linear, Network

MODELS: dict[str, Callable[[], Learner]] = {
    "linear": Linear,
    "mlp": Network,
    "boosting": Boosting,
}
"""The models by their names."""


def learner_of(model: str | Callable[..., Any]) -> Learner:
    """The model of a name, or of a function that makes one.

    Args:
        model: A key of `MODELS`; or a function of the numbers of columns and outputs to
            a `torch.nn.Module`; or one without arguments to a classifier with `fit` and
            `predict_proba`.

    Raises:
        InputError: If it is neither.
    """
    if isinstance(model, str):
        if model not in MODELS:
            raise InputError(
                f"model must be of {listed(MODELS)}, got {model!r}"
                f"{suggestion(model, MODELS)}"
            )
        return MODELS[model]()
    if not callable(model):
        raise InputError(
            f"model must be of {listed(MODELS)} or a function that makes one, got "
            f"{type(model).__name__}"
        )
    name = getattr(model, "__name__", type(model).__name__)
    if _needed(model) >= 2:
        return Network(model, name)
    made = model()
    for method in ("fit", "predict_proba"):
        if not hasattr(made, method):
            raise InputError(
                f"model must make a classifier with fit and predict_proba, or take the "
                f"numbers of columns and outputs and make a network, got "
                f"{type(made).__name__} from {name}"
            )
    return Estimator(model, name)


def _needed(function: Callable[..., Any]) -> int:
    """How many arguments a function cannot do without."""
    try:
        parameters = signature(function).parameters.values()
    except ValueError:  # of a type that is built in
        return 0
    positional = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    return sum(
        p.default is Parameter.empty and p.kind in positional for p in parameters
    )

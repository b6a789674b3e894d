"""A trained model as files that run no code when they are read.

`model.json` holds what a person can read; weights of torch are in `weights.pt`, which
is read as weights only; what scikit-learn fitted is in `.skops` files, of which only
types of scikit-learn and NumPy are accepted.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import skops.io
import torch
from torch import Tensor

from ._data import Column
from ._decide import Decider
from ._errors import InputError, listed, shown
from ._learners import Network, mlp
from ._versions import versions
from ._winner import Winner

FORMAT = 1
FOLDER = "model"
TRUSTED = frozenset(
    {
        "numpy.dtype",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.metrics._scorer._PassthroughScorer",
        "sklearn.model_selection._split.StratifiedKFold",
    }
)
"""Types that skops does not know to be harmless, and that our own models hold."""
LARGEST = 64 * 2**20
"""Bytes of a description; more is not one."""


def writers(winner: Winner, columns: list[Column]) -> dict[str, Callable[[Path], None]]:
    """How to write each file of a model, by its name."""
    network = isinstance(winner.learner, Network)
    linear = winner.learner.name == "linear"
    state = winner.fit.state
    described = {
        "format": FORMAT,
        "loss": winner.loss,
        "model": winner.learner.name if network or linear else "estimator",
        "setting": dict(winner.setting),
        "rule": winner.decider.rule,
        "temperature": winner.decider.temperature,
        "rule_cost": winner.decider.cost.tolist(),
        "classes": winner.data.cost.classes,
        "decisions": winner.data.cost.decisions,
        "cost": winner.data.cost.matrix.tolist(),
        "columns": [
            {"name": one.name, "kind": one.kind}
            for one in columns
            if one.kind != "left out"
        ],
        "inputs": int(winner.steps.transform(winner.data.features.iloc[:1]).shape[1]),
        "outputs": len(winner.data.cost.decisions),
        "versions": versions(),
    }
    if linear:
        described["outputs"] = int(state.shape[1])
    text = json.dumps(described, indent=2, ensure_ascii=False) + "\n"
    found: dict[str, Callable[[Path], None]] = {
        "model.json": lambda path: _write(path, text),
        "preparation.skops": lambda path: skops.io.dump(winner.steps, path),
    }
    if linear:
        weights = {"weights": torch.from_numpy(np.ascontiguousarray(state))}
        found["weights.pt"] = lambda path: torch.save(weights, path)
    elif network:
        found["weights.pt"] = lambda path: torch.save(state.state_dict(), path)
    elif hasattr(state, "booster_"):
        found["booster.txt"] = lambda path: _write(
            path, state.booster_.model_to_string()
        )
    else:
        found["estimator.skops"] = lambda path: skops.io.dump(state, path)
    return found


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


@dataclass(frozen=True)
class Kept:
    """A model that was read.

    Attributes:
        described: What `model.json` says.
        steps: The steps that make features ready.
        predict: Function of ready features to outputs.
        decider: The rule.
    """

    described: dict[str, Any]
    steps: Any
    predict: Callable[[Tensor], Tensor]
    decider: Decider

    @property
    def columns(self) -> list[tuple[str, str]]:
        """Name and kind of each column that it needs."""
        return [(one["name"], one["kind"]) for one in self.described["columns"]]

    def table(self, features: pd.DataFrame) -> pd.DataFrame:
        """A decision for each row, its expected cost, and the probabilities behind it.

        Args:
            features: Columns as the model knows them.
        """
        ready = torch.tensor(self.steps.transform(features), dtype=torch.float64)
        outputs = self.predict(ready)
        names = np.asarray(self.described["decisions"], dtype=object)
        found: dict[str, Any] = {"decision": names[self.decider(outputs)]}
        if self.decider.rule in ("minimum_cost", "plug_in"):
            probs = self.decider.probabilities(outputs).numpy()
            costs = np.array(self.described["cost"])
            found["expected cost"] = (probs @ costs).min(axis=1)
            for index, name in enumerate(self.described["classes"]):
                found[f"probability of {name}"] = probs[:, index]
        return pd.DataFrame(found)


def read(folder: Path, factory: Callable[..., Any] | None = None) -> Kept:
    """A model from its files. No code in them is run.

    Args:
        folder: Where they are.
        factory: The function that made the network, for a network of your own.

    Raises:
        InputError: If they are not those of a model, or hold types that are not
            expected.
    """
    path = folder / "model.json"
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError(f"{path.stat().st_size} bytes")
        described = json.loads(path.read_text(encoding="utf-8"))
        if described["format"] != FORMAT:
            raise ValueError(f"format {described['format']}")
        steps = _skops(folder / "preparation.skops")
        decider = Decider(
            described["rule"],
            float(described["temperature"]),
            torch.tensor(described["rule_cost"], dtype=torch.float64),
        )
        return Kept(described, steps, _predict(folder, described, factory), decider)
    except InputError:
        raise
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise InputError(
            f"model must be a folder that costfn compare --out wrote, got {folder}: "
            f"{type(error).__name__}: {shown(error)}"
        ) from error
    except Exception as error:  # what a damaged file raises in other libraries
        raise InputError(
            f"model must be whole, got {folder}: {type(error).__name__}: {shown(error)}"
        ) from error


def _skops(path: Path) -> Any:
    strange = set(skops.io.get_untrusted_types(file=path)) - TRUSTED
    if strange:
        raise InputError(
            f"{path} must hold types of scikit-learn and NumPy only, got "
            f"{listed(sorted(strange), 5)}: is it from a stranger?"
        )
    return skops.io.load(path, trusted=sorted(TRUSTED))


def _predict(
    folder: Path, described: dict[str, Any], factory: Callable[..., Any] | None
) -> Callable[[Tensor], Tensor]:
    if (folder / "weights.pt").exists():
        weights = torch.load(folder / "weights.pt", weights_only=True)
        if described["model"] == "linear":
            matrix = weights["weights"].double()
            return lambda x: torch.addmm(matrix[-1], x, matrix[:-1])
        make = mlp if described["model"] == "mlp" else factory
        if make is None:
            raise InputError(
                f"model {described['model']!r} is a network of your own: name the "
                "function that makes it (--model file.py:name)"
            )
        network = make(int(described["inputs"]), int(described["outputs"]))
        network.load_state_dict(weights)
        network.eval()

        def outputs(x: Tensor) -> Tensor:
            with torch.no_grad():
                found: Tensor = network(x.float())
            return found.double()

        return outputs
    return _of_estimator(folder, described)


def _of_estimator(
    folder: Path, described: dict[str, Any]
) -> Callable[[Tensor], Tensor]:
    """Logarithms of the probabilities of an estimator or of a booster."""
    if (folder / "booster.txt").exists():
        from lightgbm import Booster

        booster = Booster(model_str=(folder / "booster.txt").read_text("utf-8"))

        def probabilities(x: Any) -> Any:
            found = np.asarray(booster.predict(x))
            return found if found.ndim == 2 else np.stack([1 - found, found], 1)

    else:
        estimator = _skops(folder / "estimator.skops")
        probabilities = estimator.predict_proba
    tiny = np.finfo(np.float64).tiny

    def outputs(x: Tensor) -> Tensor:
        return torch.from_numpy(np.log(np.maximum(probabilities(x.numpy()), tiny)))

    return outputs

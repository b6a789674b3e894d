"""Networks of torch: one hidden layer, or a network of the user's own."""

from collections.abc import Callable, Iterator
from copy import deepcopy

import torch
from torch import Tensor, nn

from .learner import ALL, Fit, Learner, Rows, Setting, Task

HIDDEN_UNITS = 64
PENALTIES = (100.0, 10.0, 1.0)
STEPS, EVERY = 600, 50
LEARNING_RATE = 0.01
AT_ONCE = 4096
"""Of more examples than this each step takes so many at random."""
PLATEAU = 1e-3
"""The training objective has converged if its last tenth lowered it by less."""

Factory = Callable[[int, int], nn.Module]


def mlp(columns: int, outputs: int) -> nn.Module:
    """One hidden layer of rectified units."""
    return nn.Sequential(
        nn.Linear(columns, HIDDEN_UNITS), nn.ReLU(), nn.Linear(HIDDEN_UNITS, outputs)
    )


class Network(Learner):
    """A network, trained by Adam and stopped early.

    Args:
        factory: Function of the numbers of columns and outputs to a network.
        name: Its name in tables.
    """

    inner_folds = 1
    any_loss = True

    def __init__(self, factory: Factory = mlp, name: str = "mlp") -> None:
        self.factory, self.name = factory, name
        hidden = f" of {HIDDEN_UNITS} rectified units in one hidden layer"
        self.words = (
            f"{name}: a network{hidden if factory is mlp else ''}, Adam at a learning "
            f"rate of {LEARNING_RATE} falling along a cosine, {STEPS} steps of all "
            f"examples (of {AT_ONCE} at random where there are more), stopped at the "
            f"best of every {EVERY}th; L2 penalty strength / (2n), strength one of "
            f"{', '.join(f'{p:g}' for p in PENALTIES)}"
        )

    def path(self, task: Task) -> Iterator[tuple[Setting, Fit]]:
        for penalty in PENALTIES:
            yield from self._train(task, penalty)

    def fit(self, task: Task, setting: Setting) -> Fit:
        for at, fit in self._train(task, setting["penalty"]):
            if at == setting:
                return fit
        raise AssertionError(f"no setting {setting}")

    def _train(self, task: Task, strength: float) -> Iterator[tuple[Setting, Fit]]:
        features = task.features.float()
        number = len(features)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(task.seed)
            network = self.factory(features.shape[1], task.outputs)
            chosen = torch.Generator().manual_seed(task.seed)
        network.train()
        parameters = [p for p in network.parameters() if p.requires_grad]
        weights = [p for p in parameters if p.ndim > 1]
        optimizer = torch.optim.Adam(parameters, lr=LEARNING_RATE, foreach=True)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
        values: list[float] = []
        for step in range(1, STEPS + 1):
            rows: Rows = ALL
            if number > AT_ONCE:
                rows = torch.randint(number, (AT_ONCE,), generator=chosen)
            optimizer.zero_grad()
            objective = task.loss(network(features[rows]).double(), rows)
            penalty = torch.stack([w.square().sum() for w in weights]).sum()
            whole = objective + strength / (2 * number) * penalty
            torch.autograd.backward(whole)
            optimizer.step()
            schedule.step()
            values.append(float(objective.detach()))
            if step % EVERY == 0:
                fit = self._fit(network, values, stopped=step < STEPS)
                yield {"penalty": strength, "steps": step}, fit

    def _fit(self, network: nn.Module, values: list[float], *, stopped: bool) -> Fit:
        """A copy of the network, converged if it was stopped, or no longer learns."""
        kept = deepcopy(network).eval()
        for parameter in kept.parameters():
            parameter.requires_grad_(False)
        failed = not all(p.isfinite().all() for p in kept.parameters())
        tenth = max(1, len(values) // 10)
        before = sum(values[-2 * tenth : -tenth]) / tenth
        after = sum(values[-tenth:]) / tenth
        flat = len(values) > 2 * tenth and before - after <= PLATEAU * abs(before)
        return Fit(_Predict(kept), failed, (stopped or flat) and not failed, kept)


class _Predict:
    def __init__(self, network: nn.Module) -> None:
        self.network = network

    def __call__(self, features: Tensor) -> Tensor:
        with torch.no_grad():
            outputs: Tensor = self.network(features.float())
        return outputs.double()

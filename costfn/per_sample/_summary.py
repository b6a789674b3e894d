"""A report on the gradients of all samples of a loader."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Unpack

import torch
from torch import Tensor

from .._foundation.options import ABOVE_ZERO, number
from ._batches import Samples, all_at_once, batches, check_order
from ._directions import inner_product, mean_gradient, squared_length
from ._fallbacks import with_fallbacks
from ._gradient_problem import GradientProblem
from ._influence import batch_gradient
from ._norms import squared_norms_and_sum, total
from ._options import Loss, Model, Options, Params
from ._prepare import Arguments
from ._report import Group, Sample, Summary, extra
from ._statistics import NoiseScale, noise_scale

# The edges of the bins of norms: 20 bins for each factor of 10. Norms beyond the edges
# are counted in the first or the last bin.
_EDGES = 10.0 ** torch.arange(-12.0, 8.0, 0.05, dtype=torch.float64)


def summary(
    model: Model,
    loss: Loss,
    loader: Iterable[Any],
    *,
    validation: Samples | None = None,
    validation_loss: Loss | None = None,
    target: str | None = None,
    top: int = 10,
    progress: bool = True,
    **options: Unpack[Options],
) -> Summary:
    """Which samples have long gradients, which oppose the rest, and how noisy they are.

    It reads the loader once if there is a validation batch, or else twice. At any time
    one batch and a few arrays of the model's size are in memory, however many samples
    there are.

    Args:
        model: A module or a function, as for `gradients`.
        loss: Function of a prediction and a target, as for `gradients`.
        loader: Batches of inputs and targets, or dictionaries of inputs, always in the
            same order, such as a `torch.utils.data.DataLoader` that does not shuffle.
        validation: Inputs and targets of a batch, or a loader of batches. Influence is
            measured on their loss. Default: on the mean loss of the loader itself.
        validation_loss: Function of all predictions and targets of `validation` to one
            number, such as `costfn.f_beta_loss`. Default: the mean of `loss`.
        target: As for `influence`.
        top: How many samples to list, at least 1.
        progress: Whether to show a progress bar. It needs rich.
        **options: As for `gradients`.

    Returns:
        The report. `print` shows it as tables, and `plot()` makes a picture. Samples
        are grouped by class under two conditions. The targets are labels, or a tuple
        that begins with labels, or the inputs have an entry `labels`. The predictions,
        or their entry `logits`, are scores `(samples, classes)`.

    Raises:
        TypeError: If an argument has the wrong type, or as the loss says.
        ValueError: If the loader shuffles or has fewer than 2 samples, `top` is below
            1, or as for `gradients`.
        ImportError: If `progress` is true and rich is not installed.
        RuntimeError: If the model draws random numbers.

    Example:
        >>> import torch, costfn
        >>> from costfn import per_sample
        >>> model = torch.nn.Linear(2, 2)
        >>> x, y = torch.eye(2).repeat(4, 1), torch.tensor([0, 1] * 4)
        >>> batches = [(x[:5], y[:5]), (x[5:], y[5:])]
        >>> report = per_sample.summary(
        ...     model, costfn.focal_loss, batches, top=3, progress=False
        ... )
        >>> report.samples, len(report.largest)
        (8, 3)

    Source:
        Norms as a score: Paul et al., "Deep Learning on a Data Diet", NeurIPS 2021
        (GraNd). https://arxiv.org/abs/2107.07075 Influence: Pruthi et al., NeurIPS
        2020. https://arxiv.org/abs/2002.08484
    """
    number("top", top, ABOVE_ZERO)
    check_order("loader", loader)
    arguments = Arguments(model, loss, options)
    tally = _Tally(top)
    influence = _Influence(top)
    direction: Params | None = None
    if validation is not None and validation_loss is not None:
        x, y = all_at_once("validation", validation, target)
        of_all = Arguments(model, validation_loss, options)
        direction = batch_gradient(of_all, x, y)
    elif validation is not None:
        direction = _mean_over(arguments, validation, target)
    start: tuple[Tensor, ...] | None = None
    for problem in _problems(arguments, loader, target, progress, "norms"):
        start = problem.start if start is None else start
        tally.add(problem)
        if direction is not None:
            influence.add(problem, direction)
    if tally.samples < 2:
        raise ValueError(f"loader must hold 2 samples or more, got {tally.samples}")
    if direction is None:
        mean = {name: g / tally.samples for name, g in tally.sums.items()}
        problem.set_random_state(start or ())
        for problem in _problems(arguments, loader, target, progress, "influence"):
            influence.add(problem, mean)
    groups = tally.groups()
    return Summary(
        samples=tally.samples,
        total=_group(None, None, tally.total),
        groups=tuple(_group(*key, counts) for key, counts in groups),
        noise=tally.noise(),
        largest=tuple(tally.largest.samples),
        opposing=tuple(influence.lowest.samples),
        share_opposing=influence.negative / tally.samples,
        against="mean gradient" if validation is None else "validation batch",
        edges=_EDGES,
    )


def _problems(
    arguments: Arguments,
    loader: Iterable[Any],
    target: str | None,
    progress: bool,
    words: str,
) -> Iterator[GradientProblem]:
    if progress:
        loader = extra("rich.progress").track(loader, description=words)
    for x, y in batches("loader", loader, target):
        yield arguments.problem(x, y, in_one_batch=True)


def _mean_over(arguments: Arguments, samples: Samples, target: str | None) -> Params:
    size = 0
    sums: Params = {}
    for x, y in batches("validation", samples, target):
        problem = arguments.problem(x, y, in_one_batch=True)
        found = with_fallbacks(mean_gradient, problem)
        sums = {n: sums.get(n, 0) + g * problem.size for n, g in found.items()}
        size += problem.size
    return {name: g / size for name, g in sums.items()}


class _Norms:
    """The number of samples in each bin of the norm, and the sum of the norms."""

    def __init__(self) -> None:
        self.counts = torch.zeros(len(_EDGES) + 1, dtype=torch.long)
        self.sum = 0.0

    def add(self, norms: Tensor) -> None:
        bins = torch.bucketize(norms, _EDGES)
        self.counts += torch.bincount(bins, minlength=len(self.counts))
        self.sum += norms.sum().item()


class _Top:
    """The samples with the largest keys in all batches so far."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.found: list[tuple[float, Sample]] = []

    def add(
        self, keys: Tensor, scores: Tensor, first: int, classes: "_Classes"
    ) -> None:
        for place in keys.topk(min(self.number, len(keys))).indices.tolist():
            label, predicted = classes.of(place)
            sample = Sample(first + place, label, predicted, scores[place].item())
            self.found.append((keys[place].item(), sample))
        self.found.sort(key=lambda pair: (-pair[0], pair[1].index))
        del self.found[self.number :]

    @property
    def samples(self) -> list[Sample]:
        return [sample for _, sample in self.found]


class _Classes:
    """Labels and predicted classes of a batch, if it has any."""

    def __init__(self, problem: GradientProblem) -> None:
        self.labels: Tensor | None = None
        target = problem.targets[0] if problem.targets else None
        if target is None and isinstance(problem.x, dict):
            target = problem.x.get("labels")
        if not isinstance(target, Tensor) or target.ndim != 1:
            return
        if target.is_floating_point():
            return
        with torch.no_grad(), torch.random.fork_rng(problem.accelerators):
            problem.rewind()
            z = with_fallbacks(lambda p: p.predict_each(p.parameters, p.x), problem)
        z = z.get("logits") if isinstance(z, Mapping) else z
        if isinstance(z, Tensor) and z.ndim == 3 and z.shape[2] > 1:
            self.labels, self.predicted = target.cpu(), z.argmax(2).squeeze(1).cpu()

    def of(self, place: int) -> tuple[int | None, int | None]:
        """Label and prediction of one sample."""
        if self.labels is None:
            return None, None
        return int(self.labels[place]), int(self.predicted[place])


class _Tally:
    """Norms and sums over all batches so far."""

    def __init__(self, top: int) -> None:
        self.samples = 0
        self.sums: Params = {}
        self.squares = 0.0
        self.total = _Norms()
        self.of_group: dict[tuple[int, bool], _Norms] = {}
        self.largest = _Top(top)

    def add(self, problem: GradientProblem) -> None:
        found, sums = with_fallbacks(squared_norms_and_sum, problem)
        squares = total(found).double().cpu()
        norms, classes = squares.sqrt(), _Classes(problem)
        self.sums = {n: self.sums[n] + g if self.sums else g for n, g in sums.items()}
        self.squares += squares.sum().item()
        self.total.add(norms)
        self.largest.add(norms, norms, self.samples, classes)
        if classes.labels is not None:
            right = classes.predicted == classes.labels
            for label in sorted(set(classes.labels.tolist())):
                for correct in (True, False):
                    chosen = (classes.labels == label) & (right == correct)
                    if chosen.any():
                        group = self.of_group.setdefault((label, correct), _Norms())
                        group.add(norms[chosen])
        self.samples += problem.size

    def groups(self) -> list[tuple[tuple[int, bool], _Norms]]:
        """The groups by class, correct predictions first."""
        return sorted(self.of_group.items(), key=lambda g: (g[0][0], not g[0][1]))

    def noise(self) -> NoiseScale:
        """The noise scale of all samples."""
        mean = {n: g.double() / self.samples for n, g in self.sums.items()}
        square = squared_length(mean).cpu()
        mean_square = torch.tensor(self.squares / self.samples, dtype=torch.float64)
        return noise_scale(mean_square, square, self.samples)


class _Influence:
    """Influence over all batches so far."""

    def __init__(self, top: int) -> None:
        self.samples = self.negative = 0
        self.lowest = _Top(top)

    def add(self, problem: GradientProblem, direction: Params) -> None:
        scores = with_fallbacks(lambda p: inner_product(p, direction), problem).cpu()
        self.negative += int((scores < 0).sum())
        self.lowest.add(-scores, scores, self.samples, _Classes(problem))
        self.samples += problem.size


def _group(label: int | None, correct: bool | None, norms: _Norms) -> Group:
    samples = int(norms.counts.sum())
    reached = norms.counts.cumsum(0)
    quantiles = [
        _middle(int((reached < share * samples).sum())) for share in (0.1, 0.5, 0.9)
    ]
    low, half, high = quantiles
    mean = norms.sum / samples
    return Group(label, correct, samples, mean, (low, half, high), norms.counts)


def _middle(place: int) -> float:
    """The geometric mean of a bin's edges; 0 below the first edge."""
    if place == 0:
        return 0.0
    return (_EDGES[place - 1] * _EDGES[min(place, len(_EDGES) - 1)]).sqrt().item()

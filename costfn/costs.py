"""Cost matrices: build them, combine them with targets.

`cost[i, j]` is the cost of deciding `j` when the truth is `i`: a row per true class, a
column per decision, in any unit; losses and expected costs come out in the same unit.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from . import _check
from ._cost_vector import cost_vector
from ._diagnosis import Diagnosis, diagnose
from ._math import floating
from ._options import ABOVE_ZERO, FINITE, number
from ._types import DecisionMatrix, Matrix, PerClass, WiderMatrix

__all__ = [
    "Diagnosis",
    "cost_vector",
    "diagnose",
    "from_hierarchy",
    "from_utility",
    "from_weights",
    "metric_closure",
    "ordinal",
    "with_abstention",
    "zero_one",
]


def zero_one(classes: int) -> Matrix:
    """Cost 1 for every mistake: what accuracy counts.

    `cost[i, j] = 1 if i != j else 0`.

    Args:
        classes: Number of classes, at least 2.

    Returns:
        The matrix `(classes, classes)`, in torch's default dtype.

    Raises:
        ValueError: If `classes` is below 2.

    Example:
        >>> import costfn
        >>> costfn.costs.zero_one(3)
        tensor([[0., 1., 1.],
                [1., 0., 1.],
                [1., 1., 0.]])

    Source:
        Duda and Hart, "Pattern Classification and Scene Analysis", Wiley, 1973.
    """
    _classes(classes)
    return 1 - torch.eye(classes)


def ordinal(classes: int, power: float = 1.0) -> Matrix:
    """Cost by distance, for classes that come in an order.

    `cost[i, j] = abs(i - j) ** power`: power 1 is the mean absolute error of the
    labels, power 2 their squared error and the weights of quadratic kappa.

    Args:
        classes: Number of classes, at least 2.
        power: Exponent, above 0.

    Returns:
        The matrix `(classes, classes)`, in torch's default dtype.

    Raises:
        ValueError: If `classes` is below 2 or `power` not above 0.

    Example:
        >>> import costfn
        >>> costfn.costs.ordinal(3, 2)
        tensor([[0., 1., 4.],
                [1., 0., 1.],
                [4., 1., 0.]])

    Source:
        Gaudette and Japkowicz, "Evaluation Methods for Ordinal Classification",
        Canadian AI 2009. https://doi.org/10.1007/978-3-642-01818-3_25
    """
    _classes(classes)
    exponent = number("power", power, ABOVE_ZERO)
    rank = torch.arange(classes, dtype=torch.get_default_dtype())
    return (rank.unsqueeze(1) - rank).abs() ** exponent


def from_weights(weights: PerClass) -> Matrix:
    """Class weights as a cost matrix: what every mistake on a class costs.

    `cost[i, j] = weights[i] if i != j else 0`. Weights can say that a class matters,
    never which mistake on it matters: for that a full matrix is needed.

    Args:
        weights: Cost of a mistake on each class, at least 0, shape `(classes,)`.

    Returns:
        The matrix `(classes, classes)`, in the dtype of `weights` if that is floating.

    Raises:
        TypeError: If `weights` is no tensor of numbers.
        ValueError: If it is not one axis of 2 or more, negative or not finite.

    Example:
        >>> import torch, costfn
        >>> costfn.costs.from_weights(torch.tensor([1.0, 5.0]))
        tensor([[0., 1.],
                [5., 0.]])

    Source:
        Domingos, "MetaCost", KDD 1999 (costs that depend on the true class alone).
        https://doi.org/10.1145/312129.312220
    """
    _check.per_class("weights", weights)
    _check.cost_values("weights", weights, non_negative=True)
    wide = floating(weights)
    return wide.unsqueeze(1) * (1 - torch.eye(len(wide)).to(wide))


def from_hierarchy(paths: Sequence[Sequence[str]]) -> Matrix:
    """Cost by how far up a tree two classes meet: confusing dogs beats dog for truck.

    `cost[i, j]` is the height of the lowest common ancestor of `i` and `j`: the longest
    way, in edges, from that node down to a class.

    Args:
        paths: For each class its names from below the root to the class itself, such
            as `("animal", "dog")`. All paths start at one root that is not named.

    Returns:
        The matrix `(classes, classes)`, symmetric, in edges, in torch's default dtype.

    Raises:
        ValueError: If there are fewer than 2 classes, a path is empty or given twice,
            or a class lies on the way to another.

    Example:
        >>> import costfn
        >>> costfn.costs.from_hierarchy(
        ...     [("animal", "dog"), ("animal", "cat"), ("vehicle", "truck")]
        ... )
        tensor([[0., 1., 2.],
                [1., 0., 2.],
                [2., 2., 0.]])

    Source:
        Bertinetto et al., "Making Better Mistakes: Leveraging Class Hierarchies with
        Deep Networks", CVPR 2020. https://arxiv.org/abs/1912.09393
    """
    classes = [tuple(path) for path in paths]
    _classes(len(classes))
    nodes = {path[:depth] for path in classes for depth in range(len(path))}
    for path in classes:
        if not path or path in nodes:
            raise ValueError(
                "paths must lead to leaves, each named once from the root down, got "
                f"{path} which is empty or on the way to another class"
            )
        if classes.count(path) > 1:
            raise ValueError(f"paths must be distinct, got {path} twice")
    height = {
        node: max(len(p) - len(node) for p in classes if p[: len(node)] == node)
        for node in nodes
    }
    return torch.tensor(
        [
            [0.0 if a == b else float(height[_meeting(a, b)]) for b in classes]
            for a in classes
        ]
    )


def _meeting(a: tuple[str, ...], b: tuple[str, ...]) -> tuple[str, ...]:
    shared = 0
    while a[shared] == b[shared]:
        shared += 1
    return a[:shared]


def from_utility(utility: DecisionMatrix) -> DecisionMatrix:
    """Gains turned into costs: what each decision loses against the best one.

    `cost[i, j] = max(utility[i]) - utility[i, j]`. Every row then has a 0, and no
    decision changes.

    Args:
        utility: Gain of decision `j` when the truth is `i`, `(classes, decisions)`.

    Returns:
        The regrets, at least 0, in the unit and shape of `utility`.

    Raises:
        TypeError: If `utility` is no tensor of numbers.
        ValueError: If it is no matrix with 2 or more rows and columns, or not finite.

    Example:
        >>> import torch, costfn
        >>> costfn.costs.from_utility(torch.tensor([[10.0, 2.0], [-5.0, 1.0]]))
        tensor([[0., 8.],
                [6., 0.]])

    Source:
        Savage, "The Theory of Statistical Decision", JASA 46, 1951 (regret).
        https://doi.org/10.1080/01621459.1951.10500768
    """
    _check.cost_matrix("utility", utility)
    gains = floating(utility)
    return gains.amax(-1, keepdim=True) - gains


def metric_closure(cost: Matrix) -> Matrix:
    """The largest matrix below `cost` that keeps the triangle inequality.

    `closure[i, j]` is the cost of the cheapest way from `i` to `j` through any classes.

    Args:
        cost: Costs, at least 0, zero on the diagonal, `(classes, classes)`.

    Returns:
        The closure, same shape; `cost` itself if that was a (quasi)metric already.

    Raises:
        TypeError: If `cost` is no tensor of numbers.
        ValueError: If it is not square, negative, or not 0 on the diagonal.

    Example:
        >>> import torch, costfn
        >>> cost = torch.tensor([[0.0, 1.0, 9.0], [1.0, 0.0, 2.0], [9.0, 2.0, 0.0]])
        >>> costfn.costs.metric_closure(cost)
        tensor([[0., 1., 3.],
                [1., 0., 2.],
                [3., 2., 0.]])

    Source:
        Floyd, "Algorithm 97: Shortest Path", CACM 5(6), 1962.
        https://doi.org/10.1145/367766.368168
    """
    _check.cost_matrix("cost", cost, non_negative=True)
    _check.cost_matrix("cost", cost, classes=cost.shape[-1])
    seen = _check.visible(cost)
    if seen is not None and seen.diagonal().any():
        raise ValueError(
            f"cost must be 0 on its diagonal, got {seen.diagonal().tolist()}"
        )
    closure = floating(cost)
    for k in range(len(closure)):
        through = closure[:, k].unsqueeze(1) + closure[k]
        closure = torch.minimum(closure, through)
    return closure


def with_abstention(cost: DecisionMatrix, price: float | Tensor) -> WiderMatrix:
    """The matrix with one more decision, "abstain", that costs the same for any truth.

    Args:
        cost: Costs `(classes, decisions)`.
        price: Cost of abstaining, finite, in the unit of `cost`.

    Returns:
        Costs `(classes, decisions + 1)`; the last column is the abstention.

    Raises:
        TypeError: If `cost` is no tensor of numbers.
        ValueError: If `cost` is no matrix or `price` not finite.

    Example:
        >>> import costfn
        >>> costfn.costs.with_abstention(costfn.costs.zero_one(2), 0.25)
        tensor([[0.0000, 1.0000, 0.2500],
                [1.0000, 0.0000, 0.2500]])

    Source:
        Chow, "On Optimum Recognition Error and Reject Tradeoff", IEEE Trans. Inf.
        Theory 16(1), 1970. https://doi.org/10.1109/TIT.1970.1054406
    """
    _check.cost_matrix("cost", cost)
    price = number("price", price, FINITE)
    wide = floating(cost)
    return torch.cat([wide, torch.zeros_like(wide[:, :1]) + price], dim=-1)


def _classes(classes: int) -> None:
    if classes < 2:
        raise ValueError(f"classes must be at least 2, got {classes}")

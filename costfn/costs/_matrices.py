"""Cost matrices from names, weights and utilities, and changes of them."""

from math import inf, log
from numbers import Integral

import torch
from torch import Tensor

from .._foundation import check, check_costs
from .._foundation.arrays import ArrayLike, as_tensor
from .._foundation.hidden import checked_costs, checked_weights, poisoned
from .._foundation.math import floating
from .._foundation.options import ABOVE_ZERO, FINITE, Rule, number
from .._foundation.types import DecisionMatrix, Matrix, PerClass, WiderMatrix


def zero_one(classes: int) -> Matrix:
    """Cost 1 for every mistake: what accuracy counts.

    `cost[i, j] = 1 if i != j else 0`.

    Args:
        classes: Number of classes, an integer of at least 2.

    Returns:
        The matrix `(classes, classes)`, in torch's default dtype.

    Raises:
        TypeError: If `classes` is no integer.
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
    return 1 - torch.eye(_classes(classes))


def ordinal(classes: int, power: float | Tensor = 1.0) -> Matrix:
    """Cost by distance, for classes that come in an order.

    `cost[i, j] = abs(i - j) ** power`: power 1 is the mean absolute error of the
    labels, power 2 their squared error and the weights of quadratic kappa.

    Args:
        classes: Number of classes, an integer of at least 2.
        power: Exponent, above 0, and such that the largest cost is finite.

    Returns:
        The matrix `(classes, classes)`, in torch's default dtype.

    Raises:
        TypeError: If `classes` is no integer or `power` no number.
        ValueError: If `classes` is below 2, `power` not above 0, or the costs are
            beyond the dtype.

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
    classes, dtype = _classes(classes), torch.get_default_dtype()
    power = number("power", power, ABOVE_ZERO)
    power = number("power", power, _within(classes - 1, dtype))
    rank = torch.arange(classes, dtype=dtype)
    return (rank.unsqueeze(1) - rank).abs() ** power


def _within(base: int, dtype: torch.dtype) -> Rule:
    """The powers of a base that a dtype can hold."""
    info = torch.finfo(dtype)
    largest = (1 - info.eps) * log(info.max) / log(base) if base > 1 else inf
    words = f"such that {base} ** power is finite in {dtype}"
    return Rule(words, lambda power: power <= largest)


def from_weights(weights: PerClass | ArrayLike) -> Matrix:
    """Class weights as a cost matrix: what every mistake on a class costs.

    `cost[i, j] = weights[i] if i != j else 0`. Weights can say that a class matters,
    never which mistake on it matters: for that a full matrix is needed.

    Args:
        weights: Cost of a mistake on each class, at least 0, shape `(classes,)`.

    Returns:
        The matrix `(classes, classes)`, in the dtype of `weights` if that is floating.

    Raises:
        TypeError: If `weights` holds no numbers.
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
    weights = as_tensor("weights", weights)
    check_costs.per_class("weights", weights)
    check.weights("weights", weights, weights.shape)
    wide = checked_weights(weights, floating(weights).dtype)
    # Not a product, in which a NaN would reach the diagonal.
    right = torch.eye(len(wide), dtype=torch.bool, device=wide.device)
    return wide.unsqueeze(1).expand(right.shape).masked_fill(right, 0.0)


def from_utility(utility: DecisionMatrix | ArrayLike) -> DecisionMatrix:
    """Gains turned into costs: what each decision loses against the best one.

    `cost[i, j] = max(utility[i]) - utility[i, j]`. Every row then has a 0, and no
    decision changes.

    Args:
        utility: Gain of decision `j` when the truth is `i`, `(classes, decisions)`.

    Returns:
        The regrets, at least 0, in the unit and shape of `utility`.

    Raises:
        TypeError: If `utility` holds no numbers.
        ValueError: If it is no matrix with 2 or more rows and columns, or it or its
            range is not finite.

    Example:
        >>> import torch, costfn
        >>> costfn.costs.from_utility(torch.tensor([[10.0, 2.0], [-5.0, 1.0]]))
        tensor([[0., 8.],
                [6., 0.]])

    Source:
        Savage, "The Theory of Statistical Decision", JASA 46, 1951 (regret).
        https://doi.org/10.1080/01621459.1951.10500768
    """
    utility = as_tensor("utility", utility)
    check_costs.cost_matrix("utility", utility)
    gains = checked_costs(utility, floating(utility).dtype)
    regrets = gains.amax(-1, keepdim=True) - gains
    check_costs.cost_values("the range of utility", regrets)
    return checked_costs(regrets, gains.dtype)


def metric_closure(cost: Matrix | ArrayLike) -> Matrix:
    """The largest matrix below `cost` that keeps the triangle inequality.

    `closure[i, j]` is the cost of the cheapest path from `i` to `j` through classes.

    Args:
        cost: Costs, at least 0, zero on the diagonal, `(classes, classes)`.

    Returns:
        The closure, same shape; `cost` itself if that was a (quasi)metric already.

    Raises:
        TypeError: If `cost` holds no numbers.
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
    cost = as_tensor("cost", cost)
    check_costs.cost_matrix("cost", cost, non_negative=True)
    check_costs.cost_matrix("cost", cost, classes=cost.shape[-1])
    seen = check.readable_values(cost.diagonal())
    if seen is not None and seen.any():
        raise ValueError(f"cost must be 0 on its diagonal, got {seen.tolist()}")
    closure = checked_costs(cost, floating(cost).dtype, non_negative=True)
    if seen is None:
        # All costs become NaN: the cheapest path could use the bad one.
        bad = closure.isnan().any() | closure.diagonal().ne(0).any()
        closure = poisoned(closure, bad)
    for k in range(len(closure)):
        through = closure[:, k].unsqueeze(1) + closure[k]
        closure = torch.minimum(closure, through)
    return closure


def with_abstention(
    cost: DecisionMatrix | ArrayLike, price: float | Tensor
) -> WiderMatrix:
    """The matrix with one more decision, "abstain", at one cost for all classes.

    Args:
        cost: Costs `(classes, decisions)`.
        price: Cost of abstaining, finite, in the unit of `cost`.

    Returns:
        Costs `(classes, decisions + 1)`; the last column is the abstention.

    Raises:
        TypeError: If `cost` does not hold numbers or `price` is not a number.
        ValueError: If `cost` is not a matrix, or `cost` or `price` is not finite.

    Example:
        >>> import costfn
        >>> costfn.costs.with_abstention(costfn.costs.zero_one(2), 0.25)
        tensor([[0.0000, 1.0000, 0.2500],
                [1.0000, 0.0000, 0.2500]])

    Source:
        Chow, "On Optimum Recognition Error and Reject Tradeoff", IEEE Trans. Inf.
        Theory 16(1), 1970. https://doi.org/10.1109/TIT.1970.1054406
    """
    cost = as_tensor("cost", cost)
    check_costs.cost_matrix("cost", cost)
    wide = checked_costs(cost, floating(cost).dtype)
    price = number("price", price, FINITE)
    price = number("price", price, _finite_in(wide.dtype))
    return torch.cat([wide, torch.zeros_like(wide[:, :1]) + price], dim=-1)


def _finite_in(dtype: torch.dtype) -> Rule:
    """The numbers that do not overflow in a dtype."""
    largest = torch.finfo(dtype).max
    return Rule(f"finite in {dtype}", lambda x: (-largest <= x) & (x <= largest))


def _classes(classes: object) -> int:
    """A number of classes: an integer, of Python or NumPy, of at least 2."""
    # In Python True and False are integers.
    if isinstance(classes, bool) or not isinstance(classes, Integral):
        raise TypeError(f"classes must be an integer, got {type(classes).__name__}")
    if classes < 2:
        raise ValueError(f"classes must be at least 2, got {classes}")
    return int(classes)

"""All invalid values of all arguments, in one table for both libraries.

A row is a call with valid arguments and one invalid argument. If the values can be
read, the call raises an error. If they cannot (compiled, on an accelerator, under
`jit`), the result and its gradient are NaN. Arrays are NumPy arrays; each test converts
them.
"""

from inspect import signature
from typing import Any, NamedTuple

import numpy as np

import batch_losses
from losses import CASES

Array = np.ndarray[Any, np.dtype[Any]]
rng = np.random.default_rng(0)
EXAMPLES, CLASSES = 4, 3
LOGITS = rng.normal(size=(EXAMPLES, CLASSES))
SCORES = rng.normal(size=EXAMPLES)
TABLE = rng.normal(size=(EXAMPLES, 2))
LABELS = np.array([0, 1, 2, 1])
PROBS = rng.dirichlet(np.ones(CLASSES), EXAMPLES)
WEIGHT = np.array([1.0, 2, 3, 5])
COST = batch_losses.COST.numpy()
BINARY_COST = batch_losses.BINARY_COST.numpy()
TRUTH = np.array([1, 0, 1, 0])
SETS = np.array([[1, 0], [0, 1], [1, 1], [0, 0]])
MARKS = np.array([[1, 0, 0], [0, 1, 1], [1, 1, 0], [0, 0, 1]])
# Index of the example with the invalid value
BAD = 1


class Row(NamedTuple):
    """A call that must be refused.

    Attributes:
        function: Its name within the package, such as `costs.from_weights`.
        given: The valid arguments by name.
        bad: The invalid arguments that replace them.
        says: How the error message begins: the name of the argument.
        wrt: The argument whose gradient is NaN too; None if there is no gradient.
        rows: The examples that become NaN; None if the whole result does.
        masked: Whether only the example `BAD` is invalid, so that a mask over it makes
            the call valid.
    """

    function: str
    given: dict[str, Any]
    bad: dict[str, Any]
    says: str
    wrt: str | None = "logits"
    rows: tuple[int, ...] | None = None
    masked: bool = False

    def __repr__(self) -> str:
        static = [f"{k}={v}" for k, v in self.given.items() if not is_array(v)]
        bad = [
            f"{k}: {np.asarray(v).dtype} {wrong(self, k)}" for k, v in self.bad.items()
        ]
        return " ".join([self.function, *static, *bad])

    @property
    def signature(self) -> tuple[Any, ...]:
        """Rows of equal signature differ only in numbers and share a compilation."""
        return (self.function, self.wrt, *sorted(map(repr, kinds(self))))


def is_array(value: object) -> bool:
    return isinstance(value, np.ndarray)


def kinds(row: Row) -> list[Any]:
    """The dtype and shape of each array argument; other arguments unchanged."""
    called = (row.given | row.bad).items()
    return [(k, (v.dtype, v.shape) if is_array(v) else v) for k, v in called]


def wrong(row: Row, name: str) -> list[Any]:
    """The numbers that differ from the valid argument."""
    bad = row.bad[name]
    right = row.given[name].astype(bad.dtype)
    return bad[~((bad == right) & np.isfinite(bad))].tolist()


def spoilt(values: Array, value: Any, at: Any = BAD) -> Array:
    """A copy of the values with one of them replaced."""
    found = values.copy()
    found[at] = value
    return found


def bad_labels(labels: Array = LABELS, classes: int = CLASSES) -> list[Array]:
    """Labels out of range, in every integer type that can represent them."""
    marks = {
        np.int64: (-1, classes, -100, 255),
        np.int32: (-1, classes),
        np.int8: (-1,),
        np.uint8: (classes, 255),
    }
    return [
        spoilt(labels.astype(dtype), mark)
        for dtype, numbers in marks.items()
        for mark in numbers
    ]


def bad_probs(probs: Array = PROBS) -> list[Array]:
    row = np.zeros(probs.shape[-1])
    negative, unknown = row.copy(), probs[BAD].copy()
    negative[:2], unknown[0] = (1.5, -0.5), np.nan
    return [spoilt(probs, x) for x in (2 * probs[BAD], row, negative, unknown)] + [
        spoilt(probs, 2 * probs[BAD]).astype(np.float32)
    ]


def bad_truths(truth: Array) -> list[Array]:
    """Targets outside [0, 1]."""
    marks = {
        np.int64: (-1, 2, 255),
        np.int8: (-1,),
        np.uint8: (2, 255),
        np.float64: (-0.5, 1.5, 255.0, np.nan),
        np.float32: (-1.0, 2.0),
    }
    at = (BAD,) * truth.ndim
    return [
        spoilt(truth.astype(dtype), mark, at)
        for dtype, numbers in marks.items()
        for mark in numbers
    ]


def bad_costs(cost: Array, *, negative: bool, at: Any) -> list[Array]:
    """Costs that are not finite, and negative ones if the loss refuses them."""
    wrong = [spoilt(cost, x, at) for x in (np.nan, np.inf, -np.inf)]
    if negative:
        wrong += [spoilt(cost, -0.5, at), spoilt(np.ceil(cost).astype(int), -1, at)]
    return wrong


def bad_weights() -> list[Array]:
    wrong = [spoilt(WEIGHT, x) for x in (-1.0, np.nan, np.inf)]
    return [*wrong, *(spoilt(WEIGHT.astype(t), -1) for t in (np.int64, np.int32))]


def of_tensors(options: dict[str, Any]) -> dict[str, Any]:
    """Numbers as 0-d arrays: a compiled loss cannot read their values."""
    return {
        name: np.array(value) if type(value) is float else value
        for name, value in options.items()
    }


# They take a log of a sum weighted by the costs, or need a distance.
NON_NEGATIVE = (
    "log_cost_loss",
    "sum_to_zero_loss",
    "generalized_wasserstein_dice_loss",
)


def of_examples() -> list[Row]:
    """The losses per example, in each form of their arguments."""
    rows = []
    for case in CASES:
        name, rows_of = case.loss.name, range(EXAMPLES)
        if case.form == "actions" or not (
            case.options == case.loss.options[0] or case.options.get("base")
        ):
            continue
        if case.loss.per_label:
            rows += of_labels(case) if case.form == "marks" else []
            continue
        target = "target"
        if name in ("soft_target_loss", "sinkhorn_loss"):
            target = "target_probs"
        logits, _, extras = case.draw(batch=(EXAMPLES,))
        if case.form in ("marks", "memberships"):
            logits = LOGITS  # none so small that the margin cuts it to 0
        given: dict[str, Any] = {"logits": logits}
        targets = {"probs": PROBS, "vector": None, "marks": MARKS}
        targets["memberships"] = MARKS.astype(float)
        given[target] = targets.get(case.form, LABELS)
        given |= dict(zip(case.takes, extras, strict=True))
        if name == "generalized_wasserstein_dice_loss":
            given["cost"] = COST
        given |= of_tensors(case.options) | {
            k: v for k, v in case.options.items() if k == "iterations"
        }
        if "iterations" in given:
            given["iterations"] = 3
        each = case.loss.per_sample
        one = (BAD,) if each else None
        if case.form == "probs":
            touched = None if not each else tuple(rows_of)
            wrong = bad_probs()
        elif case.form == "vector":
            touched, wrong = one, []
        elif case.form in ("marks", "memberships"):
            touched, wrong = one, bad_truths(given[target])
        else:
            # The examples whose labels choose the changed row of the costs.
            touched = tuple(np.flatnonzero(LABELS[BAD] == LABELS)) if each else None
            wrong = bad_labels()

        def row(bad: dict[str, Any], **kind: Any) -> Row:
            ((argument, x),) = bad.items()
            right = given[argument]  # noqa: B023
            if argument == target and right.dtype.kind == x.dtype.kind:  # noqa: B023
                right = right.astype(x.dtype)
            full = given | {argument: right}  # noqa: B023
            return Row(name, full, bad, argument, **kind)  # noqa: B023

        rows += [row({target: x}, rows=one, masked=True) for x in wrong]
        if "cost" in given:
            at: Any = {"each": (BAD, LABELS[BAD], 0), "vector": (BAD, 0)}
            at = at.get(case.form, (LABELS[BAD], 0))
            log = name in NON_NEGATIVE or case.options.get("base") == "log_cost"
            own = case.form in ("each", "vector")
            for x in bad_costs(given["cost"], negative=log, at=at):
                rows.append(row({"cost": x}, rows=one if own else touched))
        if name == "generalized_wasserstein_dice_loss":
            rows.append(row({"cost": spoilt(COST, 1.0, (1, 1))}))
            rows.append(row({"cost": spoilt(COST.astype(int), 1, (1, 1))}))
            for x in bad_weights():
                weighted = given | {"sample_weight": WEIGHT.astype(x.dtype)}
                bad = {"sample_weight": x}
                rows.append(Row(name, weighted, bad, "sample_weight", masked=True))
        if "prior" in given:
            values = (0.0, -1.0, np.nan, np.inf)
            bad = [spoilt(given["prior"], x) for x in values]
            bad += [spoilt(np.array([3, 2, 1]), x) for x in (0, -1)]
            rows += [row({"prior": x}, rows=tuple(rows_of)) for x in bad]
        if "transition" in given:
            seen = tuple(rows_of)
            square = given["transition"]
            for x in bad_probs(square):
                rows.append(row({"transition": x}, rows=seen))
        if case.form == case.loss.forms[0]:
            numbers = [o for o in case.loss.bad_options if len(o) == 1]
            for options in numbers:
                ((option, value),) = options.items()
                if type(value) is not float:
                    continue
                default = signature(case.loss.torch).parameters[option].default
                known = given.get(option, np.array(default))
                every = tuple(rows_of) if each else None
                bad = {option: np.array(value)}
                rows.append(Row(name, given | {option: known}, bad, option, rows=every))
    return rows


def of_labels(case: Any) -> list[Row]:
    """The losses per label; here each label is an example."""
    name = case.loss.name
    given = {"logits": SCORES, "target": TRUTH}
    rows = [
        Row(
            name,
            given | {"target": TRUTH.astype(x.dtype)},
            {"target": x},
            "target",
            rows=(BAD,),
            masked=True,
        )
        for x in bad_truths(TRUTH)
    ]
    defaults = signature(case.loss.torch).parameters
    side = {"gamma_pos": TRUTH == 1, "gamma_neg": TRUTH == 0, "margin": TRUTH == 0}
    for options in case.loss.bad_options:
        ((option, value),) = options.items()
        known = given | {option: np.array(defaults[option].default)}
        used = np.flatnonzero(side.get(option, TRUTH >= 0))
        bad = {option: np.array(value)}
        rows.append(Row(name, known, bad, option, rows=tuple(used)))
    return rows


# The docstrings of the count-based losses require at least 0, or above 0.
OPTIONS = {
    "beta": (-1.0, np.nan, np.inf),
    "alpha": (-1.0, np.nan, np.inf),
    "gamma": (0.0, -1.0, np.nan, np.inf),
    "smooth": (-1.0, np.nan, np.inf),
}


def of_counts() -> list[Row]:
    """The count-based losses, for each task."""
    rows = []
    for name in batch_losses.NAMES:
        cost = {"cost": COST} if name in batch_losses.COSTS else {}
        given = {"logits": LOGITS, "target": LABELS, **cost}
        forms = [(given, bad_labels())]
        forms.append((given | {"target": PROBS}, bad_probs()))
        binary = {"logits": SCORES, "task": "binary"}
        binary |= {"cost": BINARY_COST} if cost else {}
        several = {"logits": TABLE, "task": "multilabel"}
        truths = (TRUTH, SETS)
        tasks = [binary] + [several] * (name in batch_losses.MULTILABEL)
        for options, truth in zip(tasks, truths, strict=False):
            for x in bad_truths(truth):
                right = truth.astype(x.dtype)
                forms.append((options | {"target": right}, [x]))
        for right, wrong in forms:
            rows += [
                Row(name, right, {"target": x}, "target", masked=True) for x in wrong
            ]
        for x in bad_weights():
            right = given | {"sample_weight": WEIGHT.astype(x.dtype)}
            rows.append(
                Row(name, right, {"sample_weight": x}, "sample_weight", masked=True)
            )
        if cost:
            for x in bad_costs(COST, negative=False, at=(1, 0)):
                rows.append(Row(name, given, {"cost": x}, "cost"))
        if "class_weight" in batch_losses.takes(name):
            numbers = np.array([2.0, 3, 1])
            right = given | {"class_weight": numbers}
            wrong = [spoilt(numbers, x) for x in (-1.0, np.nan, np.inf)]
            wrong.append(spoilt(numbers.astype(int), -1))
            rows += [
                Row(name, right, {"class_weight": x}, "class_weight") for x in wrong
            ]
        for option in sorted(OPTIONS.keys() & set(batch_losses.takes(name))):
            values = OPTIONS[option] + (0.0,) * (name == "f_beta_loss" == option)
            right = given | {option: np.array(0.5)}
            rows += [Row(name, right, {option: np.array(x)}, option) for x in values]
    shares = np.array([0.2, 0.5, 0.8])
    given = {"logits": LOGITS, "target": MARKS, "alpha": shares}
    rows += [
        Row(
            "sigmoid_focal_loss",
            given,
            {"alpha": spoilt(shares, x)},
            "alpha",
            rows=tuple(range(EXAMPLES)),
        )
        for x in (-0.5, 1.5, np.nan)
    ]
    for x in bad_weights():  # average over samples: each is a separate table
        right = {"logits": TABLE, "target": SETS, "task": "multilabel"}
        right |= {"average": "samples", "sample_weight": WEIGHT.astype(x.dtype)}
        rows.append(Row("f_beta_loss", right, {"sample_weight": x}, "sample_weight"))
    return rows


def of_sorting() -> list[Row]:
    multi = {"logits": LOGITS, "target": LABELS}
    binary = {"logits": SCORES, "target": TRUTH}
    return [
        Row(
            name,
            given | {"target": given["target"].astype(x.dtype)},
            {"target": x},
            "target",
            masked=True,
        )
        for name, given, wrong in (
            ("lovasz_softmax_loss", multi, bad_labels()),
            ("lovasz_softmax_loss", multi | {"classes": "all"}, bad_labels()),
            ("lovasz_hinge_loss", binary, bad_labels(TRUTH, 2)),
        )
        for x in wrong
    ]


def of_relaxations() -> list[Row]:
    numbers = {
        "softmax": {"temperature": (0.0, -1.0, np.nan, np.inf)},
        "sigmoid": {"slope": (0.0, -1.0, np.nan), "threshold": (np.nan, np.inf)},
        "amplified": {"slope": (0.0, -1.0, np.inf)},
        "raised_cosine": {"threshold": (np.nan, np.inf), "width": (0.0, -1.0, np.nan)},
        "piecewise_linear": {
            "threshold": (0.0, 1.0, -0.5, 1.5, np.nan),
            "delta": (0.0, 0.5, -0.1, 0.7, np.nan),
        },
    }
    right = {"temperature": 1.0, "slope": 1.0, "threshold": 0.5, "width": 0.3}
    right["delta"] = 0.2
    given = {"logits": LOGITS}
    return [
        Row(
            f"relaxations.{name}",
            given | {option: np.array(right[option])},
            {option: np.array(value)},
            option,
        )
        for name, options in numbers.items()
        for option, values in options.items()
        for value in values
    ]


def of_counting() -> list[Row]:
    """`counts` and `confusion_matrix`."""
    soft = {"decisions": PROBS, "target": LABELS}
    binary = {"decisions": PROBS[:, 0], "target": TRUTH, "task": "binary"}
    several = {"decisions": PROBS[:, :2], "target": SETS, "task": "multilabel"}
    rows = []

    def add(
        function: str,
        given: dict[str, Any],
        name: str,
        wrong: list[Array],
        wrt: str | None = "decisions",
    ) -> None:
        for x in wrong:
            right = given | {name: given[name].astype(x.dtype)}
            rows.append(Row(function, right, {name: x}, name, wrt, masked=True))

    outside = [
        lambda a, x=x: spoilt(a, x, (BAD, 0)[: a.ndim]) for x in (-0.5, 1.5, 4.0)
    ]
    weighted = soft | {"sample_weight": WEIGHT}
    for function in ("counts", "confusion_matrix"):
        add(function, soft, "target", bad_labels())
        add(function, soft | {"target": PROBS[::-1]}, "target", bad_probs(PROBS[::-1]))
        add(function, weighted, "sample_weight", bad_weights())
        add(function, soft, "decisions", [f(PROBS) for f in outside], "decisions")
        hard = {"decisions": LABELS, "target": LABELS[::-1].copy(), "classes": 3}
        add(function, hard, "decisions", bad_labels(), None)
        add(function, hard, "target", bad_labels(hard["target"]), None)
    for given in (binary, several):
        add("counts", given, "target", bad_truths(given["target"]))
        add("counts", given, "decisions", [f(given["decisions"]) for f in outside])
        hard = given | {"decisions": given["target"][::-1].copy()}
        wrong = [
            spoilt(hard["decisions"], x, (BAD,) * hard["decisions"].ndim)
            for x in (-1, 2, 3)
        ]
        add("counts", hard, "decisions", wrong, None)
    return rows


def of_the_rest() -> list[Row]:
    """Reductions, costs, decisions and weights."""
    rows = []

    def add(
        function: str,
        given: dict[str, Any],
        name: str,
        wrong: list[Array],
        wrt: str | None = None,
        **kind: Any,
    ) -> None:
        rows.extend(Row(function, given, {name: x}, name, wrt, **kind) for x in wrong)

    losses = {"losses": rng.uniform(1, 2, EXAMPLES), "weight": WEIGHT}
    for how in ("mean", "sum", "none"):
        one = (BAD,) if how == "none" else None
        given = losses | {"reduction": how}
        add("reduce", given, "weight", bad_weights(), "losses", rows=one, masked=True)
    for log_space in (False,):
        given = {"prediction": SCORES + 5, "target": SCORES + 6}
        given |= {"log_space": log_space}
        wrong = [spoilt(given["target"], x) for x in (-1.0, -1e-3)]
        add("q_error_loss", given, "target", wrong, "prediction", rows=(BAD,))
        floors = [np.array(x) for x in (0.0, -1.0, np.nan, np.inf)]
        given |= {"floor": np.array(0.1)}
        every = tuple(range(EXAMPLES))
        add("q_error_loss", given, "floor", floors, "prediction", rows=every)
    finite = bad_costs(COST, negative=False, at=(1, 0))
    priced = bad_costs(COST, negative=True, at=(1, 0))
    temperatures = [np.array(x) for x in (0.0, -1.0, np.nan, np.inf)]
    given = {"cost": COST, "temperature": np.array(1.0)}
    add("soft_targets", given, "cost", finite)
    add("soft_targets", given, "temperature", temperatures, "cost")
    mixing = np.array([[0.8, 0.1, 0.1], [0.2, 0.6, 0.2], [0.0, 0.3, 0.7]])
    given = {"probs": PROBS, "soft_targets": mixing}
    add("unmix", given, "probs", bad_probs(), "probs", rows=(BAD,))
    add("unmix", given, "soft_targets", bad_probs(mixing), "probs")
    numbers = np.array([9.0, 3, 1])
    of_classes = [spoilt(numbers, x) for x in (-1.0, np.nan, np.inf)]
    of_classes.append(spoilt(numbers.astype(int), -1))
    given = {"counts": numbers, "beta": 0.9}
    add("class_balanced_weights", given, "counts", of_classes)
    betas = [np.array(x) for x in (-0.1, 1.0, np.nan)]
    given = {"counts": numbers, "beta": np.array(0.9)}
    add("class_balanced_weights", given, "beta", betas)
    add("costs.from_weights", {"weights": numbers}, "weights", of_classes)
    powers = [np.array(x) for x in (0.0, -1.0, np.nan, np.inf)]
    add("costs.ordinal", {"classes": 3, "power": np.array(1.0)}, "power", powers)
    add("costs.from_utility", {"utility": COST}, "utility", finite)
    diagonal = [spoilt(COST.astype(t), 1, (1, 1)) for t in (float, int)]
    add("costs.metric_closure", {"cost": COST}, "cost", [*priced, *diagonal])
    prices = [np.array(x) for x in (np.nan, np.inf)]
    given = {"cost": COST, "price": np.array(0.5)}
    add("costs.with_abstention", given, "cost", finite)
    add("costs.with_abstention", given, "price", prices)
    given = {"target": LABELS, "cost": COST}
    add("costs.cost_vector", given, "target", bad_labels(), rows=(BAD,))
    add("costs.cost_vector", given, "cost", finite)
    given = {"target": PROBS, "cost": COST}
    add("costs.cost_vector", given, "target", bad_probs(), rows=(BAD,))
    given = {"probs": PROBS, "cost": COST}
    add("decisions.expected_costs", given, "probs", bad_probs(), "probs", rows=(BAD,))
    add("decisions.expected_costs", given, "cost", finite, "probs")
    matrix = {"matrix": np.array([[3.0, 1, 0], [2, 4, 1], [0, 1, 5]]), "cost": COST}
    for name in ("expected_cost", "normalized_cost", "savings", "regret"):
        add(f"metrics.{name}", matrix, "cost", finite, "matrix")
    return rows


def of_decisions() -> list[Row]:
    """Integers have no NaN, so they can be refused only if their values are read."""
    given = {"probs": PROBS, "cost": COST}
    finite = bad_costs(COST, negative=False, at=(1, 0))
    rows = []
    for name, more in (
        ("minimum_cost_decision", {}),
        ("abstain", {"price": np.array(0.5)}),
    ):
        name = f"decisions.{name}"
        rows += [
            Row(name, given | more, {"probs": x}, "probs", None) for x in bad_probs()
        ]
        rows += [Row(name, given | more, {"cost": x}, "cost", None) for x in finite]
    rows += [
        Row("decisions.abstain", given, {"price": np.array(x)}, "price", None)
        for x in (np.nan, np.inf)
    ]
    rows += [
        Row("costs.diagnose", {"cost": COST}, {"cost": x}, "cost", None) for x in finite
    ]
    given = {"logits": LOGITS, "labels": LABELS}
    rows += [
        Row("decisions.calibrate_temperature", given, {"labels": x}, "labels", None)
        for x in bad_labels()
    ]
    infinite = spoilt(LOGITS, np.inf)
    bad = {"logits": infinite}
    rows.append(Row("decisions.calibrate_temperature", given, bad, "logits", None))
    singular = {"probs": PROBS, "soft_targets": np.full((3, 3), 1 / 3)}
    good = singular | {"soft_targets": np.eye(3)}
    bad = {"soft_targets": singular["soft_targets"]}
    rows.append(Row("unmix", good, bad, "soft_targets", None))
    return rows


SEEN = of_decisions()
ROWS = [
    *of_examples(),
    *of_counts(),
    *of_sorting(),
    *of_relaxations(),
    *of_counting(),
    *of_the_rest(),
]

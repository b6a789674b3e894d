"""Invalid values: refused if they can be read, NaN if they cannot.

Each call runs in three ways in both libraries: plain, with the values hidden, and
compiled. In each way, a mask over the example with the bad value makes it valid.
"""

import ast
import inspect
from collections import defaultdict
from functools import cache
from itertools import groupby
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

import batch_losses
import costfn
import costfn_jax
from hidden_values import BAD, EXAMPLES, ROWS, SEEN, is_array, spoilt

# jaxtyping's checks come before ours and cannot be compiled.
pytestmark = [pytest.mark.unchecked, pytest.mark.usefixtures("quick")]

OF = defaultdict(list)
for _row in ROWS:
    OF[_row.function].append(_row)
each_function = pytest.mark.parametrize("function", OF)
# In slow runs these are tried with every row.
WHOLE = (*batch_losses.EXEMPLARS, "log_cost_loss")
OTHERS = [f for f in OF if f in WHOLE or f not in batch_losses.NAMES]
some_functions = pytest.mark.parametrize("function", OTHERS)


def to_torch(x):
    return torch.tensor(x) if is_array(x) else x


def to_jax(x):
    return jnp.asarray(x) if is_array(x) else x


def split(arguments):
    arrays = {k: v for k, v in arguments.items() if is_array(v)}
    return arrays, {k: v for k, v in arguments.items() if k not in arrays}


def function_of(package, name):
    """A public function; of a relaxation what it makes, called."""
    function = package
    for part in name.split("."):
        function = getattr(function, part)
    if name.startswith("relaxations."):
        return lambda logits, **options: function(**options)(logits)
    return function


def flat(xp, found):
    """Counts as one array, not of equal weight, or what is in two would cancel."""
    if isinstance(found, tuple):
        return xp.concatenate([i * x.reshape(-1) for i, x in enumerate(found, 1)])
    return found


def of_torch(row, static, where=None):
    """A function of arrays: value and gradient, by `costfn`."""
    function = function_of(costfn, row.function)

    def value(x, arrays):
        if row.wrt is not None:
            arrays = arrays | {row.wrt: x}
        found = flat(torch, masked(costfn, function, row, arrays | static, where))
        return found.sum(), found

    def run(arrays):
        if row.wrt is None:
            return value(None, arrays)[1], None
        differentiated = torch.func.grad(value, has_aux=True)
        gradient, found = differentiated(arrays[row.wrt], arrays)
        return found, gradient

    return run


def of_jax(row, static, where=None):
    """The same, by `costfn_jax`."""
    function = function_of(costfn_jax, row.function)

    def value(x, arrays):
        if row.wrt is not None:
            arrays = arrays | {row.wrt: x}
        found = flat(jnp, masked(costfn_jax, function, row, arrays | static, where))
        return found.sum(), found

    def run(arrays):
        if row.wrt is None:
            return value(None, arrays)[1], None
        differentiated = jax.grad(value, has_aux=True)
        gradient, found = differentiated(arrays[row.wrt], arrays)
        return found, gradient

    return run


def masked(package, function, row, arguments, where):
    """With a mask: of the function, or where it has none of the reduction after it."""
    if where is None:
        return function(**arguments)
    if "where" in keywords(row.function):
        return function(**arguments, where=where)
    losses = function(**arguments)
    of_each = where.reshape(where.shape + (1,) * (losses.ndim - 1))
    every = of_each & (losses == losses) | of_each  # of their shape, in both libraries
    return package.reduce(losses, where=every, reduction="sum")


@cache
def keywords(name):
    parameters = inspect.signature(function_of(costfn, name)).parameters
    counting = ["where"] if "counting" in parameters else []
    return [*parameters, *counting]


def torch_of(row, arguments, where=None):
    """Value and gradient as NumPy."""
    arrays, static = split(arguments)
    where = None if where is None else torch.tensor(where)
    found = of_torch(row, static, where)(
        {k: torch.tensor(v) for k, v in arrays.items()}
    )
    return tuple(None if x is None else x.detach().numpy() for x in found)


def is_poisoned(row, value, gradient):
    """What is wrong with what came of a bad value that could not be seen, if anything.

    NaN in the value and in the gradient, at least of the example that is wrong.
    """
    if row.rows is None:
        rows = range(len(gradient)) if gradient is not None and gradient.ndim else ()
        rows = (BAD,) if row.masked else rows
        if not np.isnan(value).any():
            return f"{row}: value {value}"
    else:
        rows = row.rows
        value = value.reshape(EXAMPLES, -1)
        if not np.isnan(value[list(rows)]).any(-1).all():
            return f"{row}: values {value}"
        if row.masked and len(rows) == 1:
            if np.isnan(np.delete(value, rows, 0)).any():
                return f"{row}: every value {value}"
            if gradient is not None and np.isnan(np.delete(gradient, rows, 0)).any():
                return f"{row}: every gradient {gradient}"
    if gradient is not None:
        spared = [i for i in rows if not np.isnan(gradient[i]).any()]
        if spared:
            return f"{row}: gradient of {spared} {gradient[spared]}"
    return None


def jax_of(row, arguments, where=None):
    arrays, static = split(arguments)
    where = None if where is None else jnp.asarray(where)
    found = of_jax(row, static, where)({k: jnp.asarray(v) for k, v in arrays.items()})
    return tuple(None if x is None else np.asarray(x) for x in found)


@pytest.fixture
def hidden(monkeypatch):
    """No value can be read, as on an accelerator."""
    for package in (costfn, costfn_jax):
        monkeypatch.setattr(
            package._foundation.check, "readable_values", lambda values: None
        )


def report(failures):
    failures = [failure for failure in failures if failure]
    assert not failures, f"{len(failures)}:\n" + "\n".join(failures[:12])


def refusal(convert, package, row):
    """A message if a readable bad value is not refused correctly, otherwise None."""
    arguments = {k: convert(v) for k, v in (row.given | row.bad).items()}
    try:
        found = function_of(package, row.function)(**arguments)
    except ValueError as error:
        if str(error).startswith(f"{row.says} must be "):
            return None
        return f"{row}: {error}"
    return f"{row}: {found}"


@pytest.mark.parametrize("function", sorted({row.function for row in [*ROWS, *SEEN]}))
@pytest.mark.parametrize("library", ["torch", "jax"])
def test_a_bad_value_that_is_seen_is_refused(function, library):
    convert, package = (
        (to_torch, costfn) if library == "torch" else (to_jax, costfn_jax)
    )
    rows = [row for row in [*ROWS, *SEEN] if row.function == function]
    report(refusal(convert, package, row) for row in rows)


@each_function
def test_right_values_are_not_refused_and_are_numbers(function, hidden):
    """Without this, a NaN for a bad value would prove nothing."""
    for row in OF[function]:
        for x in torch_of(row, row.given):
            assert x is None or np.isfinite(x).all(), row


@each_function
def test_a_bad_value_that_is_hidden_makes_value_and_gradient_nan(function, hidden):
    report(
        is_poisoned(row, *torch_of(row, row.given | row.bad)) for row in OF[function]
    )


def groups(rows):
    """Groups of rows that differ only in numbers and share a compilation."""
    return [list(found) for _, found in groupby(sorted(rows, key=key), key=key)]


def key(row):
    return repr(row.signature)


def one_for_each_check(rows):
    """A group for each argument that is bad, as labels and as probabilities."""
    found = {}
    for group in groups(rows):
        bad = group[0].bad.items()
        kinds = frozenset((k, v.dtype.kind) for k, v in bad if is_array(v))
        found.setdefault((frozenset(group[0].bad), kinds), group)
    return list(found.values())


@some_functions
def test_a_bad_value_makes_a_compiled_loss_nan(function):
    """Every check of a few functions, one of the others: hidden, all are tried."""
    compiled = one_for_each_check(OF[function])
    for rows in compiled if function in WHOLE else compiled[:1]:
        torch._dynamo.reset()
        _, static = split(rows[0].given | rows[0].bad)
        f = torch.compile(
            of_torch(rows[0], static), backend="aot_eager", fullgraph=True
        )
        for row in rows:
            arrays, _ = split(row.given | row.bad)
            found = f({k: torch.tensor(v) for k, v in arrays.items()})
            value, gradient = (None if x is None else x.numpy() for x in found)
            report([is_poisoned(row, value, gradient)])


@some_functions
def test_a_bad_value_that_is_hidden_in_jax_makes_value_and_gradient_nan(
    function, hidden
):
    """Every row of a few functions, and one row of each kind of the others."""
    rows = OF[function]
    if function not in WHOLE:
        wide = groups(filter(is_wide, rows))
        rows = [group[-1] for group in wide]
    report(is_poisoned(row, *jax_of(row, row.given | row.bad)) for row in rows)


@some_functions
def test_a_bad_value_under_jit_makes_value_and_gradient_nan(function):
    rows = groups(OF[function])[0]
    every = [split(row.given | row.bad) for row in rows]
    stacked = {k: jnp.stack([arrays[k] for arrays, _ in every]) for k in every[0][0]}
    value, gradient = jax.jit(jax.vmap(of_jax(rows[0], every[0][1])))(stacked)
    report(
        is_poisoned(
            row,
            np.asarray(value[i]),
            None if gradient is None else np.asarray(gradient[i]),
        )
        for i, row in enumerate(rows)
    )


def is_wide(row):
    return all(x.dtype in (np.int64, np.float64) for x in row.bad.values())


def without(row):
    """The valid arguments without the example `BAD`."""
    return {
        k: np.delete(v, BAD, 0) if is_array(v) and v.shape[:1] == (EXAMPLES,) else v
        for k, v in row.given.items()
    }


def is_excused(row, of, *, own_mask):
    """A message if masking the bad example does not excuse it, otherwise None.

    Value and gradient must be those of the other examples alone.
    """
    keep = np.arange(EXAMPLES) != BAD
    others = of(row, without(row), None if own_mask else keep[:-1] | True)
    bads = [row.bad]
    if own_mask and row.wrt is not None:  # masked logits may hold any value
        bads.append(row.bad | {row.wrt: spoilt(row.given[row.wrt], np.nan)})
    for bad in bads:
        try:
            value, gradient = of(row, row.given | bad, keep)
        except ValueError as error:
            return f"{row}: {error}"
        alone, slope = others
        if value.ndim and alone.shape[0] == EXAMPLES - 1 != value.shape[0]:
            alone = np.insert(alone, BAD, 0, 0)
        if not np.allclose(value, alone, rtol=1e-6, atol=1e-12):
            return f"{row} {list(bad)}: {value} for {alone}"
        if slope is not None:
            slope = np.insert(slope, BAD, 0, 0)
            if not np.allclose(gradient, slope, rtol=1e-6, atol=1e-12):
                return f"{row} {list(bad)}: gradient {gradient} for {slope}"
    return None


def excusable(function):
    """A row of each kind in which only one example is bad.

    Also whether the function has a mask. A mask in the reduction after a loss comes too
    late if the value can be read.
    """
    kinds = groups(filter(lambda row: row.masked, OF[function]))
    return [rows[0] for rows in kinds], "where" in keywords(function)


WITH_MASK = [f for f in OF if "where" in keywords(f)]
MASKED = [f for f in OF if any(row.masked for row in OF[f])]
IN_JAX = [f for f in MASKED if f in OTHERS]


@pytest.mark.parametrize("function", WITH_MASK)
def test_a_mask_excuses_what_is_seen(function):
    rows, own = excusable(function)
    report(is_excused(row, torch_of, own_mask=own) for row in rows)


@pytest.mark.parametrize("function", MASKED)
def test_a_mask_excuses_what_is_hidden(function, hidden):
    rows, own = excusable(function)
    report(is_excused(row, torch_of, own_mask=own) for row in rows)


@pytest.mark.parametrize("function", [f for f in IN_JAX if f in WITH_MASK])
def test_a_mask_excuses_what_is_seen_in_jax(function):
    rows, own = excusable(function)
    report(is_excused(row, jax_of, own_mask=own) for row in filter(is_wide, rows))


@pytest.mark.parametrize("function", IN_JAX)
def test_a_mask_excuses_what_is_hidden_in_jax(function, hidden):
    rows, own = excusable(function)
    report(is_excused(row, jax_of, own_mask=own) for row in filter(is_wide, rows))


@pytest.mark.parametrize("function", ["counts", "f_beta_loss", "accuracy_loss"])
@pytest.mark.parametrize("of", [torch_of, jax_of], ids=["torch", "jax"])
def test_a_mask_of_labels_excuses_one_label(function, of):
    """One label of an example is unknown, the others are known."""
    failures = []
    for row in OF[function]:
        if row.given.get("task") != "multilabel" or not row.masked:
            continue
        if "target" not in row.bad:
            continue
        keep = np.ones((EXAMPLES, 2), bool)
        keep[BAD, BAD] = False
        expected = of(row, row.given, keep)
        for found, right in zip(
            of(row, row.given | row.bad, keep), expected, strict=True
        ):
            if found is not None and not np.allclose(found, right, rtol=1e-12):
                failures.append(f"{row}: {found} for {right}")
    report(failures)


def sites(package):
    """The places that raise a ValueError after reading values."""
    found = set()
    for path in Path(package.__file__).parent.rglob("*.py"):
        if path.parent.name == "per_sample":  # it runs losses, and is none
            continue
        for function in ast.walk(ast.parse(path.read_text())):
            if not isinstance(function, ast.FunctionDef):
                continue
            nodes = list(ast.walk(function))
            looks = [
                node.lineno
                for node in nodes
                if isinstance(node, ast.Call)
                and ast.unparse(node.func).split(".")[-1] == "readable_values"
            ]
            found |= {
                (str(path), node.lineno, node.end_lineno)
                for node in nodes
                if isinstance(node, ast.Raise)
                and looks
                and node.lineno > min(looks)
                and "ValueError" in ast.unparse(node)
            }
    return found


def raised(convert, package, row):
    """The file and line where a bad value was refused."""
    arguments = {k: convert(v) for k, v in (row.given | row.bad).items()}
    try:
        function_of(package, row.function)(**arguments)
    except ValueError as error:
        last = error.__traceback__
        while last.tb_next is not None:
            last = last.tb_next
        return last.tb_frame.f_code.co_filename, last.tb_lineno
    return None


@pytest.mark.parametrize(
    "package, convert", [(costfn, to_torch), (costfn_jax, to_jax)], ids=["torch", "jax"]
)
def test_the_table_has_a_row_for_every_check_of_values(package, convert):
    """Names each check of values that has no row, so none for hidden values."""
    met = {raised(convert, package, row) for row in [*ROWS, *SEEN]} - {None}
    missing = [
        f"{file}:{first}"
        for file, first, last in sorted(sites(package))
        if not any(f == file and first <= line <= last for f, line in met)
    ]
    assert not missing, missing


# Their bad values are refused by the functions that they call.
LIKE_OTHERS = {
    "metric_loss",
    "with_metrics",
    "cost_of",
    "confusion_informed_weights",
    "decisions.plug_in_decision",
}
WITH_VALUES = {
    "class_weight",
    "target",
    "target_probs",
    "labels",
    "probs",
    "soft_targets",
    "decisions",
    "cost",
    "utility",
    "transition",
    "prior",
    "weight",
    "weights",
    "sample_weight",
    "counts",
}


def public(namespace, prefix=""):
    for name in namespace.__all__:
        value = getattr(namespace, name)
        if inspect.isfunction(value) and prefix + name not in LIKE_OTHERS:
            yield prefix + name, value


FUNCTIONS = {
    **dict(public(costfn)),
    **dict(public(costfn.costs, "costs.")),
    **dict(public(costfn.decisions, "decisions.")),
    **dict(public(costfn.relaxations, "relaxations.")),
    **dict(public(costfn.confusion)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_table_has_a_row_for_every_argument_with_values(name):
    parameters = inspect.signature(FUNCTIONS[name]).parameters
    needed = {
        p.name
        for p in parameters.values()
        if (p.name in WITH_VALUES or "float | " in str(p.annotation))
        and "Literal" not in str(p.annotation)
        and p.name != "zero_division"  # a Python number of three
    }
    if "counting" in parameters:
        needed |= {"sample_weight"}
    spoiled = {k for row in [*ROWS, *SEEN] if row.function == name for k in row.bad}
    assert needed - spoiled == set()

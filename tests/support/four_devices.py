"""Data parallelism in JAX, run by `test_jax_devices.py` where there are 4 devices.

For each way to take the gradient it prints, as JSON, the difference from the global
batch on one device: of the value of each loss, and of the gradient of their sum. The
sum is used so that only one gradient is compiled.
"""

import json
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

import costfn_jax

DEVICES, EACH, FEATURES, CLASSES = 4, 3, 4, 3
COST = jnp.asarray([[0.0, 1.0, 4.0], [2.0, 0.0, 1.0], [5.0, 3.0, 0.0]])
BATCH, ALL = P("batch"), P()
over_batch = partial(jax.lax.psum, axis_name="batch")


def expected_cost(logits, labels, *, sample_weight, where=None, sum_counts=None):
    """A weighted mean of a loss per example: sum both parts, then divide."""
    total = sum_counts or (lambda x: x)
    losses = costfn_jax.expected_cost_loss(logits, labels, COST)
    summed = partial(
        costfn_jax.reduce, weight=sample_weight, where=where, reduction="sum"
    )
    return total(summed(losses)) / total(summed(jnp.ones_like(losses)))


LOSSES = {
    "f_beta_loss": costfn_jax.f_beta_loss,
    "mcc_loss": costfn_jax.mcc_loss,
    "normalized_cost_loss": partial(costfn_jax.normalized_cost_loss, cost=COST),
    "expected_cost": expected_cost,
}


def all_losses(logits, labels, weight, where=None, *, total=None):
    values = {
        name: loss(logits, labels, sample_weight=weight, where=where, sum_counts=total)
        for name, loss in LOSSES.items()
    }
    return sum(values.values()), values


def problem():
    rng = np.random.default_rng(7)
    n = DEVICES * EACH
    parameters = {
        "replicated": rng.normal(size=(FEATURES, CLASSES)),
        "sharded": rng.normal(size=(FEATURES, CLASSES)),
        "inputs": rng.normal(size=(n, FEATURES)),
    }
    labels = rng.integers(CLASSES, size=n)
    # Different on each device, so that a mean of local means is not the global mean.
    weight = np.repeat(np.arange(1.0, DEVICES + 1), EACH)
    return jax.tree.map(jnp.asarray, (parameters, labels, weight))


PARAMETERS, LABELS, WEIGHT = problem()
SPECS = {"replicated": ALL, "sharded": BATCH, "inputs": BATCH}


def scores(parameters, gather=lambda rows: rows):
    matrix = parameters["replicated"] + gather(parameters["sharded"])
    return jnp.matmul(parameters["inputs"], matrix, precision="highest")


def gathered(rows):
    return jax.lax.all_gather(rows, "batch", tiled=True)


derivative = partial(jax.value_and_grad, has_aux=True)


def error(actual, expected):
    """The largest difference, relative to the largest expected number."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape
    return float(abs(actual - expected).max() / abs(expected).max())


def errors(found, expected):
    ((_, values), gradient), ((_, wanted), slope) = found, expected
    return {
        **jax.tree.map(error, values, wanted),
        **jax.tree.map(error, gradient, slope),
    }


def on_one_device():
    def f(parameters):
        return all_losses(scores(parameters), LABELS, WEIGHT)

    return jax.jit(derivative(f))(PARAMETERS)


def place(mesh, values, specs):
    return jax.tree.map(
        lambda x, spec: jax.device_put(x, NamedSharding(mesh, spec)), values, specs
    )


def by_shard_map(mesh, check_vma):
    """Gradients taken outside and inside `shard_map`."""
    arguments = place(mesh, (PARAMETERS, LABELS, WEIGHT), (SPECS, BATCH, BATCH))
    shard_map = partial(
        jax.shard_map, mesh=mesh, in_specs=(SPECS, BATCH, BATCH), check_vma=check_vma
    )

    def local(parameters, labels, weight):
        logits = scores(parameters, gathered)
        return all_losses(logits, labels, weight, total=over_batch)

    def with_gradient(parameters, labels, weight):
        value, gradient = derivative(local)(parameters, labels, weight)
        mean = jax.lax.pmean(gradient["replicated"], "batch")
        wrong = jax.lax.psum(gradient["replicated"], "batch")
        return (value, {**gradient, "replicated": mean}), wrong

    outside = derivative(shard_map(local, out_specs=ALL))
    inside = shard_map(with_gradient, out_specs=((ALL, SPECS), ALL))
    return jax.jit(outside)(*arguments), *jax.jit(inside)(*arguments)


def by_vmap():
    """Like the former `pmap`: one program per entry of the first axis."""

    def split(x):
        return x.reshape(DEVICES, EACH, *x.shape[1:])

    def f(parameters):
        def local(inputs, labels, weight):
            logits = scores({**parameters, "inputs": inputs})
            return all_losses(logits, labels, weight, total=over_batch)

        parts = (split(parameters["inputs"]), split(LABELS), split(WEIGHT))
        each = jax.vmap(local, axis_name="batch")(*parts)
        return jax.tree.map(lambda x: x.mean(0), each)

    return jax.jit(derivative(f))(PARAMETERS)


def by_placement(mesh):
    """Only arrays that are distributed over several devices."""
    specs = {**SPECS, "sharded": ALL}
    arguments = place(mesh, (PARAMETERS, LABELS, WEIGHT), (specs, BATCH, BATCH))

    def f(parameters, labels, weight):
        return all_losses(scores(parameters), labels, weight)

    return jax.jit(derivative(f))(*arguments)


def with_padding(mesh):
    """The last device has one real example; the others are padding."""
    n = DEVICES * EACH
    real = np.arange(n) < n - 2
    logits = scores(PARAMETERS)
    padded = jnp.where(real[:, None], logits, 1e3)
    values = place(mesh, (padded, LABELS, WEIGHT, jnp.asarray(real)), (BATCH,) * 4)
    local = jax.shard_map(
        partial(all_losses, total=over_batch),
        mesh=mesh,
        in_specs=(BATCH,) * 4,
        out_specs=ALL,
    )
    value, gradient = jax.jit(derivative(local))(*values)
    expected, slope = jax.jit(derivative(all_losses))(
        logits[real], LABELS[real], WEIGHT[real]
    )
    gradient = np.asarray(gradient)
    return {
        **jax.tree.map(error, value[1], expected[1]),
        "gradient": error(gradient[real], slope),
        "padding": float(abs(gradient[~real]).max()),
    }


def without_the_sum(mesh):
    """The errors without `sum_counts`: mean of local losses, loss of one device."""
    logits = scores(PARAMETERS)
    arguments = place(mesh, (logits, LABELS, WEIGHT), (BATCH,) * 3)
    _, expected = jax.jit(all_losses)(logits, LABELS, WEIGHT)

    def mean(*arguments):
        return jax.lax.pmean(all_losses(*arguments)[1], "batch")

    def of_one_device(*arguments):
        return all_losses(*arguments)[1]

    def run(local, check_vma):
        mapped = jax.shard_map(
            local,
            mesh=mesh,
            in_specs=(BATCH,) * 3,
            out_specs=ALL,
            check_vma=check_vma,
        )
        return jax.tree.map(error, jax.jit(mapped)(*arguments), expected)

    try:
        run(of_one_device, check_vma=True)
    except ValueError as problem:
        refused = str(problem)
    else:
        refused = ""
    return {
        "mean": run(mean, check_vma=True),
        "one": run(of_one_device, check_vma=False),
        "refused": refused,
    }


def sorting(mesh):
    """Sorting a batch with explicit axes: the error of JAX, and the workaround."""
    logits, labels = place(mesh, (scores(PARAMETERS), LABELS), (BATCH, BATCH))
    loss = costfn_jax.lovasz_softmax_loss
    try:
        jax.jit(loss)(logits, labels)
    except Exception as problem:  # its type is not public
        refused = type(problem).__name__
    else:
        refused = ""
    mended = jax.sharding.auto_axes(loss, out_sharding=ALL)
    value, gradient = jax.jit(jax.value_and_grad(mended))(logits, labels)
    expected = jax.jit(jax.value_and_grad(loss))(scores(PARAMETERS), LABELS)
    return {
        "refused": refused,
        "value": error(value, expected[0]),
        "gradient": error(gradient, expected[1]),
    }


def main():
    expected = on_one_device()
    four_times = 4 * expected[1]["replicated"]
    report: dict[str, Any] = {"vmap": errors(by_vmap(), expected)}
    for kind in (AxisType.Auto, AxisType.Explicit):
        mesh = jax.make_mesh((DEVICES,), ("batch",), axis_types=(kind,))
        for check_vma in (True, False):
            outside, inside, wrong = by_shard_map(mesh, check_vma)
            key = f"{kind.name} {check_vma}"
            report[f"{key} outside"] = errors(outside, expected)
            report[f"{key} inside"] = errors(inside, expected)
            report[f"{key} psum"] = error(wrong, four_times)
        report[f"{kind.name} placement"] = errors(by_placement(mesh), expected)
    report["padding"] = with_padding(mesh)
    report["without the sum"] = without_the_sum(mesh)
    with jax.set_mesh(mesh):
        report["sorting"] = sorting(mesh)
    print(json.dumps(report))


if __name__ == "__main__":
    main()

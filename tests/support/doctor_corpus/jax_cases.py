"""Losses of JAX."""

import numpy as np

from doctor_corpus.case import case


def _jx():
    import jax
    import jax.numpy as jnp

    return jax, jnp


def jlogits(n=8, c=5):
    def ex(seed=0):
        r = np.random.default_rng(seed)
        return r.normal(size=(n, c)).astype("float32") * 2, r.integers(0, c, n)

    return ex


def jreal(*shape):
    def ex(seed=0):
        r = np.random.default_rng(seed)
        return r.normal(size=shape).astype("float32"), r.normal(size=shape).astype(
            "float32"
        )

    return ex


@case(
    "j01_argmax_accuracy",
    "google-deepmind/dm-haiku#442 zero gradients after argmax",
    True,
    {"INDEX_OP", "HARD_THRESHOLD"},
    "top = jnp.argmax(pred, axis=-1)",
    "jax returns zeros silently",
    framework="jax",
)
def _():
    jax, jnp = _jx()

    def loss(pred, target):
        top = jnp.argmax(pred, axis=-1)
        return 1.0 - jnp.mean(top == target)

    return loss, jlogits()


@case(
    "j02_where_sqrt",
    "jax-ml/jax#347, #5798 nan through where",
    True,
    {"NAN_WHERE"},
    "r = jnp.where(e > 1e-6, jnp.sqrt(e), 0.0)",
    "perfect prediction -> nan",
    framework="jax",
)
def _():
    jax, jnp = _jx()

    def loss(pred, target):
        e = (pred - target) ** 2
        r = jnp.where(e > 1e-6, jnp.sqrt(e), 0.0)
        return jnp.mean(r)

    return loss, jreal(10)


@case(
    "j03_norm_at_zero",
    "jax-ml/jax#3058, #4177 norm gradient at 0",
    True,
    {"NAN_SINGULAR"},
    "return jnp.linalg.norm(pred - target) ** 2",
    "squared norm through norm",
    framework="jax",
)
def _():
    jax, jnp = _jx()

    def loss(pred, target):
        return jnp.linalg.norm(pred - target) ** 2

    return loss, jreal(10)


@case(
    "j04_numpy_inside",
    "PythonOT/POT#625 TracerArrayConversionError",
    True,
    {"NUMPY_ESCAPE"},
    "s = np.sort(np.asarray(pred))",
    "numpy call on a tracer raises",
    framework="jax",
)
def _():
    jax, jnp = _jx()

    def loss(pred, target):
        s = np.sort(np.asarray(pred))
        return jnp.mean((s - jnp.sort(target)) ** 2)

    return loss, jreal(10)


@case(
    "j05_rounded_f1",
    "stackoverflow 65318064 in jnp",
    True,
    {"PIECEWISE_CONST"},
    "hard = jnp.round(jax.nn.sigmoid(pred))",
    "zero gradient",
    framework="jax",
)
def _():
    jax, jnp = _jx()

    def loss(pred, target):
        hard = jnp.round(jax.nn.sigmoid(pred))
        y = (target > 0).astype(jnp.float32)
        return 1 - (2 * (hard * y).sum() + 1) / (hard.sum() + y.sum() + 1)

    return loss, jreal(20)


@case(
    "j06_stop_gradient_term",
    "somuchtome/SimAC#3 pattern written with lax.stop_gradient",
    True,
    {"DETACH", "DEAD_TERM"},
    "pen = jax.lax.stop_gradient(jnp.mean(pred ** 2))",
    "added term never trains",
    framework="jax",
)
def _():
    jax, jnp = _jx()

    def loss(pred, target):
        pen = jax.lax.stop_gradient(jnp.mean(pred**2))
        return jnp.mean((pred - target) ** 2) + 0.3 * pen

    return loss, jreal(12)


@case(
    "j07_softmax_ce_ok",
    "optax.softmax_cross_entropy_with_integer_labels re-expressed",
    False,
    framework="jax",
)
def _():
    jax, jnp = _jx()

    def loss(pred, target):
        lp = jax.nn.log_softmax(pred, axis=-1)
        return -jnp.mean(jnp.take_along_axis(lp, target[:, None], axis=-1))

    return loss, jlogits()


@case("j08_double_where_ok", "jax-ml/jax#5798 (answer)", False, framework="jax")
def _():
    jax, jnp = _jx()

    def loss(pred, target):
        e = (pred - target) ** 2
        ok = e > 1e-6
        return jnp.mean(jnp.where(ok, jnp.sqrt(jnp.where(ok, e, 1.0)), 0.0))

    return loss, jreal(10)


@case(
    "j09_ste_ok",
    "pytorch/functorch#353 (JAX version with stop_gradient)",
    False,
    note="TRAP",
    framework="jax",
)
def _():
    jax, jnp = _jx()

    def loss(pred, target):
        q = pred + jax.lax.stop_gradient(jnp.round(pred) - pred)
        return jnp.mean((q - target) ** 2)

    return loss, jreal(12)

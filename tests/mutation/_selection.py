"""Which tests a change in a file could fail, the cheapest first."""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

# Words in the names of the losses of a file: of the rows of tests/losses.py.
ROWS = {
    "_cost": "expected_cost or log_cost or cost_regularized or soft_decision or risk",
    "_margin": "margin or hinge or cost_regression or sum_to_zero",
    "_scoring_rules": "energy or ranked_probability",
    "_soft_targets": "soft_target or forward_corrected or unmix or transition",
    "_transport": "sinkhorn or wasserstein or transport or dice",
    "_imbalance": "focal_loss or logit_adjusted or class_balanced or prior",
}
FIRST = {
    "_cost": ("limits",),
    "_imbalance": ("decisions",),
    "_soft_targets": ("decisions", "limits"),
    "_transport": ("dice", "limits"),
    "_math": ("values", "reduce", "costs", "lovasz"),
    "_check": ("errors", "reduce", "costs", "decisions", "counts"),
    "_reduce": ("reduce", "dice"),
    "_cost_vector": ("costs",),
    "_duality": ("duality",),
    "_lovasz": ("lovasz",),
    "_regression": ("regression",),
    "_tracking": ("regression",),
    "_averaging": ("batch_losses", "table_metrics", "metrics_sklearn"),
    "_class_metrics": ("batch_losses", "metrics_sklearn"),
    "_overlap_metrics": ("batch_losses", "metrics_sklearn"),
    "_table_metrics": ("table_metrics", "batch_losses"),
    "_cost_metrics": ("table_metrics", "batch_losses"),
    "_metric_loss": ("batch_losses", "batch_transforms"),
    "_cost_metric_losses": ("batch_losses", "duality"),
    "_overlap_losses": ("batch_losses", "metric_modules"),
    "_rate_losses": ("batch_losses", "metric_modules"),
    "_table_losses": ("batch_losses", "metric_modules"),
    "_generalized_dice": ("peer_defects", "batch_losses"),
    "_diagnosis": ("costs",),
    "confusion": ("counts", "batch_losses"),
    "costs": ("costs",),
    "decisions": ("decisions", "duality"),
    "relaxations": ("relaxations", "peer_defects"),
    "metrics": ("table_metrics",),
    "_from_jax": ("from_jax",),
}
COUNTS = ("one_rounding", "counts", "table_metrics", "metrics_sklearn", "batch_losses")
COUNTS += ("batch_transforms", "peer_defects", "metric_modules", "duality", "dice")
COUNTS += ("lovasz", "public_api")
TABLE = ("values", "gradients", "numbers", "errors", "transforms", "properties")
TABLE += ("limits", "compile", "modules", "module_habits", "calibration", "catalogue")
OF_COUNTS = ("_averaging", "_class_metrics", "_overlap_metrics", "_table_metrics")
OF_COUNTS += ("_cost_metrics", "_metric_loss", "_cost_metric_losses", "confusion")
OF_COUNTS += ("_overlap_losses", "_rate_losses", "_table_losses", "_generalized_dice")
OF_COUNTS += ("metrics", "relaxations")
LEAVES = ("_diagnosis", "_duality", "_lovasz", "_generalized_dice", "_reduce")
LEAVES += ("_regression", "_tracking", "costs", "decisions")
LONG = ("gradients", "numbers", "transforms", "compile", "modules", "calibration")
LONG += ("module_habits", "metrics_sklearn", "batch_transforms", "math", "per_sample")
CHEAP = {"_math": ("math",), "_check": ("mirror_errors",)}  # of JAX
BOTH = ("mirror", "crosscheck")  # of both libraries
LONG += BOTH
ELSEWHERE = ("cli", "compare", "doctor", "forum", "testing")
CHEAP |= dict.fromkeys((*ROWS, "_reduce"), ("mirror_numbers",))
CHEAP |= dict.fromkeys(OF_COUNTS, ("mirror_counting", "mirror_functions"))
JAX_ROWS = {
    "_overlap_metrics": "f_beta or jaccard or dice or tversky",
    "_overlap_losses": "f_beta or jaccard or dice or tversky",
    "_class_metrics": "precision or recall or specificity or edness or fowlkes",
    "_rate_losses": "precision or recall or specificity or edness or fowlkes",
    "_table_metrics": "accuracy or g_mean or mcc or kappa or hss",
    "_table_losses": "accuracy or g_mean or mcc or kappa or hss",
    "_cost_metrics": "normalized_cost or savings or regret",
    "_cost_metric_losses": "normalized_cost or savings or regret",
    "_generalized_dice": "generalized_dice",
    "_lovasz": "lovasz",
    "_regression": "q_error",
    "_metric_loss": "f_beta or mcc or savings or precision",
    "_averaging": "f_beta or precision or jaccard",
}


@cache
def _all(root: Path, side: str) -> tuple[str, ...]:
    """The tests that import the library of one side; those of JAX last."""
    package = {"torch": "costfn", "jax": "costfn_jax"}[side]
    imported = re.compile(rf"^(import|from) ({package}|tests|crosscheck)\b", re.M)
    other = re.compile(r"\bcostfn_jax\b")
    names = {}
    for path in (root / "tests").glob("test_*.py"):
        name, text = path.stem.removeprefix("test_"), path.read_text()
        of_jax = bool(other.search(text)) or "jax" in name
        if imported.search(text) or of_jax == (side == "jax"):
            names[name] = of_jax
    kept = [name for name in sorted(names) if not name.startswith(ELSEWHERE)]
    return tuple(sorted(kept, key=names.__getitem__))


def stages(root: Path, side: str, file: str) -> Iterator[list[str]]:
    """Arguments of pytest, one list after the other; together all that matters."""
    name = Path(file).stem
    everything = _all(root, side)
    if side == "jax":
        yield from _of_jax(name, everything)
        return
    first = FIRST.get(name, ())
    if name in ROWS:
        words, apart = ROWS[name], "not _loss"
        yield [file, *_files([*first, "values"]), "-k", words]
        second = ("one_rounding", "errors", "numbers", "gradients")
        yield [*_files(second), "-k", words]
        done = (*first, "values", *second)
        rest = [x for x in TABLE if x not in done]
        yield [*_files(rest), "-k", f"({words}) or {apart}"]
        yield [*_files(done), "-k", f"{apart} and not ({words})"]
        yield _files(x for x in everything if x not in TABLE + done + COUNTS)
        return
    yield [file, *_files(first)]
    rest = [x for x in _scope(root, file, everything) if x not in first]
    yield _files(x for x in rest if not x.startswith(LONG))
    yield _files(x for x in rest if x.startswith(LONG))


def _of_jax(name: str, everything: tuple[str, ...]) -> Iterator[list[str]]:
    """Mostly the tests over the tables, by the names of the losses in the file."""
    words = ROWS.get(name) or JAX_ROWS.get(name)
    first = [x for x in everything if x.startswith("mirror")]
    if name == "_from_jax":
        first = ["from_jax"]
    rest = [x for x in everything if x not in (*first, "crosscheck")]
    of_rows = ["-k", words] if words else []
    yield [*_files(CHEAP.get(name, ("mirror_functions",))), *of_rows]
    numbers = "both_frameworks" + (f" and ({words})" if words else "")
    yield ["tests/test_crosscheck.py", "-k", numbers]
    if words:
        yield [*_files(first), "-k", words]
        yield [*_files(first), "-k", f"not ({words})"]
    else:
        yield _files(first)
    yield _files(rest)


def _scope(root: Path, file: str, everything: tuple[str, ...]) -> list[str]:
    """Tests that may use the file; of one that no loss uses, those that name it."""
    name = Path(file).stem
    if name in OF_COUNTS:
        return [x for x in everything if x in COUNTS or x.startswith(BOTH)]
    if name not in LEAVES:
        return list(everything)
    words = "|".join(re.findall(r"^def ([a-z]\w+)", (root / file).read_text(), re.M))
    return [
        x
        for x in everything
        if x.startswith(BOTH)
        or re.search(rf"\b({words})\b", (root / f"tests/test_{x}.py").read_text())
    ]


def _files(names: Sequence[str] | Iterator[str]) -> list[str]:
    return [f"tests/test_{name}.py" for name in names]

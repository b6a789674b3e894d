"""Which tests a change in a file could fail, the cheapest first."""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

# Words in the names of the losses of a file: of the rows of tests/losses.py.
ROWS = {
    "_cost": "expected_cost or log_cost or cost_regularized or soft_decision or risk",
    "_margin": "margin or hinge or cost_regression or sum_to_zero or offset",
    "_scoring_rules": "energy or ranked_probability",
    "_soft_targets": "soft_target or forward_corrected or unmix or transition",
    "_transport": "sinkhorn or wasserstein or transport or dice",
    "_imbalance": "focal_loss or logit_adjusted or class_balanced or prior",
    "_per_label": "per_label or sigmoid_focal or asymmetric",
}
FIRST = {
    "_cost": ("limits", "field"),
    "_imbalance": ("decisions",),
    "_margin": ("field",),
    "_per_label": ("per_label",),
    "_soft_targets": ("decisions", "limits"),
    "_transport": ("dice", "limits"),
    "_math": ("values", "field", "reduce", "costs", "lovasz", "half_precision"),
    "_check": ("errors", "field", "reduce", "costs", "decisions", "counts"),
    "_hidden": ("field", "per_label", "hidden_values"),
    "_options": ("option_values", "field"),
    "_arrays": ("arrays",),
    "_reduce": ("reduce", "dice"),
    "_groups": ("images", "zero_division", "ignored"),
    "_counting": ("counts", "four_cells", "field", "four_cells_corners"),
    "_counts": ("counts", "four_cells"),
    "_soft_decisions": ("relaxations", "four_cells"),
    "_cost_vector": ("costs",),
    "_duality": ("duality",),
    "_lovasz": ("lovasz", "class_choice", "field"),
    "_regression": ("regression",),
    "_tracking": ("regression",),
    "_averaging": ("four_cells", "class_choice", "zero_division", "table_metrics"),
    "_class_metrics": ("four_cells", "table_metrics"),
    "_overlap_metrics": ("four_cells", "table_metrics"),
    "_table_metrics": ("four_cells", "table_metrics", "class_choice"),
    "_cost_metrics": ("table_metrics", "batch_losses"),
    "_metric_loss": ("batch_losses", "images", "ignored", "options_arrive"),
    "_cost_metric_losses": ("batch_losses", "duality"),
    "_overlap_losses": ("options_arrive", "batch_losses", "metric_modules"),
    "_rate_losses": ("options_arrive", "batch_losses", "metric_modules"),
    "_table_losses": ("options_arrive", "batch_losses", "metric_modules"),
    "_generalized_dice": ("peer_defects", "batch_losses"),
    "_diagnosis": ("costs",),
    "_calibration": ("decisions",),
    "_hierarchy": ("costs", "costs_refused"),
    "confusion": ("counts", "batch_losses"),
    "costs": ("costs", "costs_refused"),
    "decisions": ("decisions", "ties", "duality"),
    "relaxations": ("relaxations", "pickling"),
    "metrics": ("table_metrics",),
    "_from_jax": ("from_jax",),
}
COUNTS = ("one_rounding", "counts", "table_metrics", "metrics_sklearn", "batch_losses")
COUNTS += ("batch_transforms", "peer_defects", "metric_modules", "duality", "dice")
COUNTS += ("lovasz", "public_api", "four_cells", "four_cells_corners", "images")
COUNTS += ("ignored", "zero_division", "class_choice", "options_arrive", "relaxations")
# Of losses of counts and of others.
SHARED = ("field", "field_jax", "hidden_values", "rare_shapes", "other_devices")
SHARED += ("half_precision", "pickling", "tracing", "module_arguments", "module_masks")
TABLE = ("values", "gradients", "numbers", "errors", "transforms", "properties")
TABLE += ("limits", "compile", "modules", "module_habits", "calibration", "catalogue")
OF_COUNTS = ("_averaging", "_class_metrics", "_overlap_metrics", "_table_metrics")
OF_COUNTS += ("_cost_metrics", "_metric_loss", "_cost_metric_losses", "confusion")
OF_COUNTS += ("_overlap_losses", "_rate_losses", "_table_losses", "_generalized_dice")
OF_COUNTS += ("metrics", "relaxations", "_soft_decisions", "_counting", "_counts")
OF_COUNTS += ("_groups",)
LEAVES = ("_diagnosis", "_duality", "_lovasz", "_generalized_dice", "_reduce")
LEAVES += ("_regression", "_tracking", "_calibration", "_hierarchy", "costs")
LEAVES += ("decisions",)
LONG = ("gradients", "numbers", "transforms", "compile", "modules", "calibration")
LONG += ("metrics_sklearn", "batch_transforms", "math", "four_cells_corners", "hidden")
LONG += ("module_", "every_module", "tracing", "half_precision", "pickling")
LONG += ("field_jax",)
BOTH = ("mirror", "crosscheck")  # of both libraries
MODULES = ("module_arguments",)
LONG += BOTH
ELSEWHERE = ("cli", "compare", "doctor", "forum", "per_sample", "testing")
CHEAP = dict.fromkeys((*ROWS, "_reduce"), ("mirror_numbers", "field_jax"))  # of JAX
CHEAP |= dict.fromkeys(OF_COUNTS, ("mirror_counting", "mirror_functions"))
CHEAP |= {
    "_math": ("math", "field_jax"),
    "_check": ("mirror_errors", "field_jax"),
    "_hidden": ("poisoned_jax", "field_jax"),
    "_options": ("mirror_option_values",),
    "_reduce": ("mirror_functions", "mirror_numbers"),
    "_per_label": ("per_label", "mirror_numbers"),
    "_arrays": ("arrays",),
    "_groups": ("field_jax", "mirror_ignored"),
    "_counting": ("mirror_cells", "mirror_counting"),
    "_averaging": ("field_jax", "mirror_cells", "mirror_counting"),
    "_soft_decisions": ("mirror_functions", "mirror_cells"),
    "_lovasz": ("mirror_counting", "field_jax"),
    "relaxations": ("mirror_functions", "pickling"),
    "decisions": ("mirror_functions", "ties"),
}
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
    "_averaging": "f_beta or precision or jaccard or classes or background",
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
    if "costfn_nn" in Path(file).parts:
        yield _files(MODULES)
        tests = {x: (root / f"tests/test_{x}.py").read_text() for x in everything}
        rest = [x for x in everything if "module" in x or "costfn_nn" in tests[x]]
        yield from _short_then_long(x for x in rest if x not in MODULES)
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
        yield from _short_then_long(
            x for x in everything if x not in TABLE + done + COUNTS
        )
        return
    yield [file, *_files(first)]
    rest = [x for x in _scope(root, file, everything) if x not in first]
    yield from _short_then_long(rest)


def _short_then_long(names: Iterable[str]) -> Iterator[list[str]]:
    listed = list(names)
    yield _files(x for x in listed if not x.startswith(LONG))
    yield _files(x for x in listed if x.startswith(LONG))


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
    yield from _short_then_long(rest)


def _scope(root: Path, file: str, everything: tuple[str, ...]) -> list[str]:
    """Tests that may use the file; of one that no loss uses, those that name it."""
    name = Path(file).stem
    if name in OF_COUNTS:
        return [x for x in everything if x in COUNTS + SHARED or x.startswith(BOTH)]
    if name not in LEAVES:
        return list(everything)
    words = "|".join(re.findall(r"^def ([a-z]\w+)", (root / file).read_text(), re.M))
    return [
        x
        for x in everything
        if x.startswith(BOTH)
        or re.search(rf"\b({words})\b", (root / f"tests/test_{x}.py").read_text())
    ]


def _files(names: Iterable[str]) -> list[str]:
    return [f"tests/test_{name}.py" for name in names]

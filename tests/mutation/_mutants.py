"""What is tried: a sample of small changes by cosmic-ray, and the faults by hand."""

import ast
import difflib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator

from .faults import FAULTS

FOLDERS = {"torch": "costfn", "jax": "adapters/costfn_jax"}
# Names and types only, or the list of losses, which has no numbers of its own.
LEFT_OUT = ("__init__", "types", "entry", "catalogue")
# Rooms whose tests take long, or whose numbers are words for people.
OTHER_ROOMS = ("_cli", "compare", "per_sample", "testing")
BINARY = ("Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul", "BitAnd_BitOr", "BitOr_BitAnd")
COMPARISONS = ("Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt", "Lt_Gt", "Gt_Lt", "Eq_NotEq")
COMPARISONS += ("NotEq_Eq", "Is_IsNot", "IsNot_Is")
OPERATORS = {
    "NumberReplacer": "a number one higher or lower",
    "AddNot": "a condition the other way round",
    "ReplaceAndWithOr": "and, or",
    "ReplaceOrWithAnd": "and, or",
    "ReplaceTrueWithFalse": "True, False",
    "ReplaceFalseWithTrue": "True, False",
    "ReplaceUnaryOperator_Delete_USub": "a sign lost",
    "ReplaceUnaryOperator_Delete_Invert": "a negation lost",
    "ReplaceUnaryOperator_Delete_Not": "a negation lost",
    "ReplaceBinaryOperator_Pow_Mul": "another operator",
    **{f"ReplaceBinaryOperator_{name}": "another operator" for name in BINARY},
    **{
        f"ReplaceComparisonOperator_{name}": "another comparison"
        for name in COMPARISONS
    },
}


@dataclass(frozen=True)
class Mutant:
    """A file of the library with one change in it.

    Attributes:
        side: `torch` or `jax`.
        file: Its path from the root.
        kind: What was done, in words.
        line: Where, counted from 1.
        before: The lines that differ, as they were.
        after: The same lines as they are now.
        source: The whole file with the change.
        planted: By hand, and so always tried; the others are a sample.
    """

    side: str
    file: str
    kind: str
    line: int
    before: str
    after: str
    source: str
    planted: bool

    @property
    def key(self) -> str:
        """The same as long as the file and the change are."""
        return hashlib.sha256((self.file + self.source).encode()).hexdigest()[:16]


def chosen(root: Path, side: str, size: int, seed: int) -> list[Mutant]:
    """A sample of `size` changes, in proportion from each file, and all by hand."""
    files = {path: list(_positions(path)) for path in _files(root / FOLDERS[side])}
    everything = sum(map(len, files.values()))
    sample = []
    for path, positions in files.items():
        share = min(len(positions), max(1, round(size * len(positions) / everything)))
        draw = Random(f"{seed} {path.relative_to(root)}")
        sample += [
            _sampled(root, side, path, *position)
            for position in draw.sample(positions, share)
        ]
    by_hand = [_planted(root, side, *fault) for fault in FAULTS[side]]
    return [*by_hand, *sample]


def _files(folder: Path) -> list[Path]:
    paths = sorted(folder.rglob("*.py"))
    rooms = {path: path.relative_to(folder).parts[0] for path in paths}
    return [
        path
        for path in paths
        if rooms[path] not in OTHER_ROOMS
        and not path.stem.endswith(("entries", *LEFT_OUT))
    ]


def _positions(path: Path) -> Iterator[tuple[str, int, int]]:
    """Operator, its how-manieth place in the file, and line of each possible change."""
    source = path.read_text()
    nodes, types = list(ast_nodes(get_ast(source))), _types(ast.parse(source))
    for name in OPERATORS:
        operator = get_operator(f"core/{name}")()
        found = (p for node in nodes for p in operator.mutation_positions(node))
        for occurrence, (start, _) in enumerate(found):
            if not any(first <= start < last for first, last in types):
                yield name, occurrence, start[0]


def _types(tree: ast.Module) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Where annotations and the names of types are: from (line, column) to there."""
    nodes: list[ast.expr | None] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            nodes.append(node.returns)
        elif isinstance(node, ast.arg | ast.AnnAssign):
            nodes.append(node.annotation)
    for line in tree.body:
        if isinstance(line, ast.Assign) and ast.unparse(line.targets[0])[0].isupper():
            nodes.append(line.value)
    return [
        (
            (node.lineno, node.col_offset),
            (node.end_lineno or 0, node.end_col_offset or 0),
        )
        for node in nodes
        if node is not None
    ]


def _sampled(
    root: Path, side: str, path: Path, name: str, occurrence: int, line: int
) -> Mutant:
    source = path.read_text()
    mutated = mutate_code(source, get_operator(f"core/{name}")(), occurrence)
    assert mutated is not None
    file = str(path.relative_to(root))
    change = _difference(source, mutated)
    return Mutant(side, file, OPERATORS[name], line, *change, mutated, False)


def _planted(root: Path, side: str, name: str, old: str, new: str, what: str) -> Mutant:
    path = (
        root / ("adapters" if name.startswith("costfn_nn/") else FOLDERS[side]) / name
    )
    source = path.read_text()
    if source.count(old) != 1:
        raise ValueError(
            f"faults must each be in one place, got {source.count(old)} of {old!r} "
            f"in {path}"
        )
    mutated = source.replace(old, new)
    ast.parse(mutated)
    line = source[: source.index(old)].count("\n") + 1
    file = str(path.relative_to(root))
    return Mutant(side, file, what, line, *_difference(source, mutated), mutated, True)


def _difference(before: str, after: str) -> tuple[str, str]:
    lines = list(difflib.ndiff(before.splitlines(), after.splitlines()))
    old, new = (
        " ".join(line[2:].strip() for line in lines if line.startswith(mark))
        for mark in ("- ", "+ ")
    )
    return old, new

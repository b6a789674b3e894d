"""Which file of the library imports which: read from the sources, nothing is run."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]


def packages() -> dict[str, Path]:
    """The import names of the library and the folders that hold them."""
    folders = [ROOT / "costfn", *sorted((ROOT / "adapters").iterdir())]
    return {f.name: f for f in folders if (f / "__init__.py").exists()}


def module_name(path: Path, folder: Path) -> str:
    parts = path.relative_to(folder.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {
    module_name(path, folder): path
    for folder in packages().values()
    for path in sorted(folder.rglob("*.py"))
}


def imported_names(module: str) -> Iterator[str]:
    """Everything that a file imports, wherever in it, by its full name."""
    path = FILES[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            steps = package.split(".")
            parents = steps[: len(steps) + 1 - node.level] if node.level else []
            start = ".".join([*parents, *filter(None, [node.module])])
            yield from (f"{start}.{alias.name}" for alias in node.names)


def imported_files(module: str) -> set[str]:
    """The files of the library that a file imports."""
    found = set()
    for name in imported_names(module):
        # `from costfn import reduce` is of a file `costfn`, not of one `costfn.reduce`.
        holder = name if name in FILES else name.rpartition(".")[0]
        found |= {holder} & FILES.keys()
    return found - {module}


GRAPH = {module: imported_files(module) for module in FILES}

"""What holds for the files of the tests themselves."""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
FILES = {
    path.relative_to(TESTS).as_posix(): path for path in sorted(TESTS.rglob("*.py"))
}


def imported_modules(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            yield from (module, *(f"{module}.{alias.name}" for alias in node.names))


@pytest.mark.parametrize("path", FILES.values(), ids=FILES)
def test_no_file_imports_from_a_file_of_tests(path):
    """What two files share is in tests/support, under a name that says what it is."""
    parts = {part for name in imported_modules(path) for part in name.split(".")}
    assert not [part for part in parts if part.startswith("test_")]

"""The lowest versions that are stated are those that `make test-lowest` installs."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_lowest_versions_are_those_that_are_tried():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    stated = {*project["dependencies"], *(x for extra in extras for x in extra)}
    pins = (ROOT / "constraints-lowest.txt").read_text()
    tried = dict(re.findall(r"^([\w-]+)==([\d.]+)$", pins, re.M))
    for requirement in stated - {"numpy>=1.26"}:  # with JAX it is higher
        name, _, bound = requirement.partition(">=")
        assert f"{tried[name]}.0".startswith(f"{bound}."), requirement
    assert tried.keys() == {requirement.partition(">=")[0] for requirement in stated}


def test_ci_has_the_stated_python_and_names_actions_by_their_commit():
    workflow = (ROOT / ".github/workflows/ci.yml").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert f'"{project["requires-python"].removeprefix(">=")}"' in workflow
    used = re.findall(r"uses: (\S+)", workflow)
    assert used
    assert all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", action) for action in used)
    targets = set(re.findall(r"target: \[?([\w-]+)", workflow))
    made = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.M))
    assert targets <= made

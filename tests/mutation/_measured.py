"""Plugin of pytest: how long each test takes, and which hand code to `torch.compile`.

What is compiled runs outside of Python, where no tracer sees its lines.
"""

import json
import os
from collections import defaultdict
from collections.abc import Generator
from pathlib import Path
from unittest.mock import patch

import pytest
import torch

WRITTEN_TO = "COSTFN_MEASURED"  # in the environment
_seconds: dict[str, float] = defaultdict(float)
_unseen: set[str] = set()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    original = torch.compile

    def noted(*arguments, **options):
        item.user_properties.append(("compiles", True))
        return original(*arguments, **options)

    with patch.object(torch, "compile", noted):
        return (yield)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _seconds[report.nodeid] += report.duration
    # A test that fails while it is traced still is a witness when it is not.
    if report.failed or ("compiles", True) in report.user_properties:
        _unseen.add(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if not hasattr(session.config, "workerinput"):  # each report has come here
        found = {"seconds": _seconds, "unseen": sorted(_unseen)}
        Path(os.environ[WRITTEN_TO]).write_text(json.dumps(found))

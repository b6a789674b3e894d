"""The pages that are written from the catalogue, and the names they write by hand."""

import re
from pathlib import Path

import costfn
from costfn.catalogue import LOSSES

DOCS = Path(__file__).parents[2] / "docs"
REFERENCE = (DOCS / "reference.md").read_text()


def test_the_reference_has_every_loss_by_the_catalogue_and_every_other_function():
    """`docs/conf.py` sorts the losses into these four groups."""
    groups = re.findall(r"^\.\. losses:: (.*)$", REFERENCE, re.M)
    assert groups == ["classes", "labels", "confusion matrix", "regression"]
    by_hand = re.findall(r"^\.\. autofunction:: (\w+)$", REFERENCE, re.M)
    functions = {x for x in costfn.__all__ if hasattr(getattr(costfn, x), "__code__")}
    assert sorted(by_hand) == sorted(functions - set(LOSSES))


def test_the_tables_of_losses_are_not_written_by_hand():
    assert "```{choices}\n```" in (DOCS / "choosing.md").read_text()
    assert "```{synonyms}\n```" in (DOCS / "scope.md").read_text()
    for name, entry in LOSSES.items():
        assert entry.use or "._metrics." in entry.loss.__module__, name

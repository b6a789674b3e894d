"""Sphinx configuration: `make docs`.

Three directives write what the catalogue knows: `losses` the reference of a group of
losses, `choices` the table of when to choose which, `synonyms` the names of one loss.
"""

from collections.abc import Iterator

from docutils.nodes import Node
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from costfn.catalogue import LOSSES, Entry

project = "costfn"
html_theme = "furo"
html_title = "costfn"
extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "myst_parser",
]
exclude_patterns = ["_build"]
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3
napoleon_custom_sections = [("Source", "notes_style")]
napoleon_use_ivar = True
default_role = "py:obj"  # `costfn.focal_loss` links; `logits` is plain code
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"

RULES = {
    "argmax": "argmax",
    "argmin": "**argmin**",
    "minimum_cost": "minimum-cost rule",
    "unmix": "`unmix`, then minimum-cost rule",
    "threshold": "threshold",
}


def group(entry: Entry) -> str:
    """Under which heading of the reference a loss stands."""
    if entry.task == "values":
        return "regression"
    if entry.per_label:
        return "labels"
    of_counts = "._metrics." in entry.loss.__module__
    return "confusion matrix" if of_counts else "classes"


class Losses(SphinxDirective):
    """The reference of each loss of a group."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[Node]:
        """One entry for each."""
        names = [e.name for e in LOSSES.values() if group(e) == self.arguments[0]]
        return self.parse_text_to_nodes(
            "\n".join(f".. autofunction:: costfn.{name}" for name in names)
        )


class Table(SphinxDirective):
    """A table of the catalogue, in Markdown."""

    heading: tuple[str, ...]

    def rows(self) -> Iterator[tuple[str, ...]]:
        """Cells in Markdown."""
        raise NotImplementedError

    def run(self) -> list[Node]:
        """The heading and a line for each row."""
        rule = ("---",) * len(self.heading)
        lines = [f"| {' | '.join(row)} |" for row in (self.heading, rule, *self.rows())]
        return self.parse_text_to_nodes("\n".join(lines))


class Choices(Table):
    """When to choose which loss."""

    heading = ("loss", "choose it when", "decide by")

    def rows(self) -> Iterator[tuple[str, ...]]:
        """One for each loss that the catalogue has this of."""
        for entry in LOSSES.values():
            if entry.use:
                rules = ", ".join(RULES[rule] for rule in entry.decisions)
                yield link(entry.name), entry.use, rules or "its value"


class Synonyms(Table):
    """The losses that are another one by another name."""

    heading = ("loss", "is", "where", "why it has a name of its own")

    def rows(self) -> Iterator[tuple[str, ...]]:
        """One for each loss that the catalogue has this of."""
        for entry in LOSSES.values():
            if (other := entry.synonym) is not None:
                options = ", ".join(f"`{k}={v!r}`" for k, v in other.options.items())
                where = "; ".join(filter(None, (options, other.where))) or "always"
                yield link(entry.name), link(other.of), where, other.why


def link(name: str) -> str:
    """A loss in MyST, linked to the reference."""
    return f"{{py:obj}}`{name} <costfn.{name}>`"


def setup(app: Sphinx) -> None:
    """Makes the directives known."""
    app.add_directive("losses", Losses)
    app.add_directive("choices", Choices)
    app.add_directive("synonyms", Synonyms)

"""One page for a person who was not there: `report.html`."""

from .page import render

__all__ = ["render"]

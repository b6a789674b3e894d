"""Sphinx configuration: `make docs`."""

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

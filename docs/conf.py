"""How Sphinx builds the documentation site: `make docs`, pages in site/index.html.

Nothing comes from another host, neither when the site is built nor when it is read.
"""

import sys
from pathlib import Path

import lipexplore

sys.path.insert(0, str(Path(__file__).parents[1]))

project = "lipexplore"
author = "the authors of lipexplore"
copyright = author
release = version = lipexplore.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "docs._ext.docstrings",
    "sphinx.ext.napoleon",
    "docs._ext.mathml",
    "docs._ext.method_pages",
    "docs._ext.course_pages",
    "docs._ext.reference_pages",
]
exclude_patterns = ["_ext", "_static"]
highlight_language = "none"
language = "en_GB"

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4
suppress_warnings = ["myst.header"]  # notebooks skip levels of headings

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_typehints_format = "short"
ALIASES = "Array ArrayLike Function Region Shape Settings OnProgress Model Method Executor"
autodoc_type_aliases = {name: name for name in ALIASES.split()}
autodoc_preserve_defaults = True
napoleon_google_docstring = False
napoleon_use_rtype = False

html_theme = "furo"
html_title = f"lipexplore {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_math_renderer = "mathml"
html_theme_options = {"navigation_with_keys": True}

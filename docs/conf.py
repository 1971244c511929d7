"""The site, by Sphinx with MyST and furo; ``python -m docs`` builds it. The folder of the sources is the repository.

Of the generators that are kept well today Sphinx is the one that refuses a reference to a name that does not exist, and
reads docstrings and notebooks by well-kept extensions. MkDocs had no release since 2024, and the makers of its theme
Material moved on to another program; furo looks well in light and dark and loads nothing from elsewhere.
"""

import sys
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from fixlip.plots.colours import NEGATIVE, NEGATIVE_DARK, POSITIVE  # noqa: E402

project = "fixlip"
release = metadata.version("fixlip")
copyright = "the authors of fixlip, MIT License"
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "sphinx_copybutton",
    "docs.docstrings",
]
root_doc = "docs/index"
include_patterns = ["*.md", "docs/**", "benchmarks/results/*", "notebooks/*"]
exclude_patterns = ["README.md", "docs/_*", "build", "runs", "tests", ".*"]
html_extra_path = ["_extra"]
nitpicky = True
nitpick_ignore_regex = [
    (
        r"py:(class|obj)",
        r"fixlip\.(io\.schema|runtime\.memory|runtime\.threads|encoders\.running|plots\.style|cluster\.job)\.(M|T|R|F|Function|_not_infinite)",
    ),  # type variables, and a check within a type
    (r"py:.*", r"(?!fixlip)(\w+\.)+\w+"),  # names of other libraries: nothing is fetched to link them
    (
        r"py:class",
        r"Shown|Artist|Axes|Axis|Colormap|Colorbar|Figure|(dict|tuple|list)\[\w+",
    ),  # these too, known to type checkers only
    (
        r"py:class",
        r"(fixlip\.\w+\.(style\.)?)?(RegionsLike|Columns|Drawn|E|Number|Quadrature|Side)",
    ),  # types with a name
]

myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence", "deflist"]
myst_heading_anchors = 4
nb_execution_mode = "off"
nb_merge_streams = True

autosummary_generate = False
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
napoleon_use_param = False  # arguments that belong together are described together
napoleon_use_rtype = False
napoleon_custom_sections = [("Options", "params_style"), ("Attributes", "params_style")]
python_maximum_signature_line_length = 88
add_module_names = False
toc_object_entries_show_parents = "hide"
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

# Formulas are drawn as SVG by one file of MathJax that comes as a package: no fonts, no network.
MATHJAX = Path(
    str(metadata.distribution("sphinx-mathjax-offline").locate_file("sphinx-mathjax-offline/static/mathjax"))
)
mathjax_path = "tex-svg-full.js"

html_theme = "furo"
html_title = "fixlip"
html_static_path = ["_static", str(MATHJAX / mathjax_path)]
html_css_files = ["fixlip.css"]
html_favicon = "_static/logo.svg"
html_show_sphinx = False
html_copy_source = False
html_theme_options = {
    "light_logo": "logo.svg",
    "dark_logo": "logo.svg",
    "light_css_variables": {
        "color-brand-primary": NEGATIVE,
        "color-brand-content": NEGATIVE,
        "color-fixlip-negative": NEGATIVE,
        "color-fixlip-positive": POSITIVE,
        "color-api-name": NEGATIVE_DARK,
        "color-api-pre-name": NEGATIVE_DARK,
    },
    "dark_css_variables": {
        "color-brand-primary": "#7db5f2",
        "color-brand-content": "#7db5f2",
        "color-fixlip-positive": POSITIVE,
        "color-api-name": "#a9cdf6",
        "color-api-pre-name": "#a9cdf6",
    },
}

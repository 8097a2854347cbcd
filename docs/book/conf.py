"""How Sphinx makes the book; `tools/book.py` gathers its pages and calls it."""

import re
import shutil
from collections.abc import Iterable
from importlib.metadata import distribution
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.ext.napoleon import Config, GoogleDocstring

from lifting.drawing.widgets.page import book_sources

project = "lifting"
author = "The lifting developers"
project_copyright = "the lifting developers; Apache-2.0, data under licences of their own"
html_title = "Lifting from the Deep, equation by equation"
language = "en"
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.mathjax", "sphinx.ext.viewcode"]

# Notebooks: as they are stored, nothing from elsewhere.
nb_execution_mode = "off"
nb_ipywidgets_js: dict[str, dict[str, str]] = {}
myst_enable_extensions = ["amsmath", "dollarmath"]
myst_heading_anchors = 4
mathjax_path = "tex-svg.js"
suppress_warnings = ["myst.header"]  # the notebooks of the solutions have the third level alone

# The API: docstrings are plain text with `code`.
autodoc_typehints = "signature"
autodoc_class_signature = "separated"
SECTIONS = Config(napoleon_use_ivar=True, napoleon_use_rtype=False)
toc_object_entries = False

# The site: nothing is fetched, and the search must work from the file system, where a page can't read others.
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"
html_theme = "furo"
html_theme_options = {"navigation_with_keys": True}
html_static_path = ["static"]
html_css_files = ["book.css", "lifting-view.css"]
html_js_files = ["lifting-view.js"]
html_copy_source = False
html_show_sourcelink = False
html_show_search_summary = False


def put_scripts(app: Sphinx, exception: Exception | None) -> None:
    """Add what draws the widgets, and the one file of MathJax that needs no fonts (its package would copy all)."""
    if exception is None:
        for name, text in book_sources().items():
            (app.outdir / "_static" / name).write_text(text, encoding="utf-8")
        file = distribution("sphinx-mathjax-offline").locate_file("sphinx-mathjax-offline/static/mathjax/tex-svg.js")
        shutil.copy(Path(str(file)), app.outdir / "_static" / "tex-svg.js")


def as_restructured_text(app: Sphinx, kind: str, name: str, thing: object, options: object, lines: list[str]) -> None:
    """Make reStructuredText of a docstring: its sections, its indented formulas, its `code`; all else is plain text."""
    if kind not in ("attribute", "data"):  # of those, what stands before a colon would be taken for a type
        lines[:] = GoogleDocstring(lines, SECTIONS, app, kind, name, thing, options).lines()
    made: list[str] = []
    last, formulas = "", False
    for line in lines:
        indented = line.startswith("    ")
        if formulas and (indented or not line):
            made.append(line)
            continue
        formulas = indented and bool(last) and not made[-1] and not last.startswith((":", "- ", "..", " "))
        if formulas:
            made += ["::", "", line]
        else:
            made.append(line if line.startswith(">>>") else without_markup(line))
            last = line or last
    lines[:] = made


def without_markup(line: str) -> str:
    """A line in which reStructuredText finds no markup but **bold** and `code`."""
    pieces = re.split(r"(`+[^`]*`+|\*\*[^ *][^*]*\*\*)", line)
    pieces[::2] = [re.sub(r"(?<!\\)([*|]|(?<=\w)_(?!\w))", r"\\\1", piece) for piece in pieces[::2]]
    return "".join(f"``{one.strip('`')}``" if one.startswith("`") else one for one in pieces)


def formulas_as_they_are(app: Sphinx, doctree: nodes.document) -> None:
    """Leave displayed formulas as the notebooks have them: Sphinx would split them at line breaks, which ends tags."""
    for formula in doctree.findall(nodes.math_block):
        if not (formula.get("no-wrap") or formula.get("nowrap")):
            formula["no-wrap"] = True
            formula.children = [nodes.Text(rf"\[{formula.astext()}\]")]


def forget_what_has_no_source(app: Sphinx) -> Iterable[tuple[str, dict, str]]:
    """Leave modules without a source, such as those that Python makes for named tuples, out of the index of sources."""
    modules = getattr(app.env, "_viewcode_modules", {})
    for name in [name for name, entry in modules.items() if not entry]:
        del modules[name]
    return []


def setup(app: Sphinx) -> None:
    """Connect them."""
    app.connect("autodoc-process-docstring", as_restructured_text)
    app.connect("doctree-read", formulas_as_they_are)
    app.connect("html-collect-pages", forget_what_has_no_source, priority=100)
    app.connect("build-finished", put_scripts)

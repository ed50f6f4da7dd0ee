"""Browser libraries from this machine: Plotly out of the Python package, MathJax out of npm or else MathML."""

from __future__ import annotations

import html
import shutil
from importlib.resources import as_file, files
from pathlib import Path

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util.math import get_node_equation_number

PLOTLY = "plotly.min.js"
MATHJAX = ("tex-mml-chtml.js", "output/chtml/fonts/woff-v2")  # what a page with formulas loads


def setup(app: Sphinx) -> None:
    app.add_config_value("course_mathjax", "", "env", str)
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math_block, None))
    app.connect("config-inited", choose_math_renderer)
    app.connect("builder-inited", copy_libraries)


def choose_math_renderer(app: Sphinx, config) -> None:
    """MathJax where ``course_mathjax`` names its folder, else MathML, which browsers draw without any library."""
    config.mathjax_path = "mathjax/" + MATHJAX[0]
    config.html_math_renderer = "mathjax" if config.course_mathjax else "mathml"


def copy_libraries(app: Sphinx) -> None:
    if app.builder.format != "html":
        return
    static = Path(app.outdir) / "_static"
    static.mkdir(parents=True, exist_ok=True)
    with as_file(files("plotly") / "package_data" / PLOTLY) as bundle:
        _copy(bundle, static / PLOTLY)
    if app.config.course_mathjax:
        for name in MATHJAX:
            _copy(Path(app.config.course_mathjax) / name, static / "mathjax" / name)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    elif not target.is_file() or target.stat().st_size != source.stat().st_size:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def visit_math(self, node: nodes.math) -> None:
    self.body.append(_mathml(node, block=False))
    raise nodes.SkipNode


def visit_math_block(self, node: nodes.math_block) -> None:
    self.body.append(self.starttag(node, "div", CLASS="math"))
    if node["number"]:
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})</span>')
    self.body.append(_mathml(node, block=True) + "</div>\n")
    raise nodes.SkipNode


def _mathml(node: nodes.Element, block: bool) -> str:
    """The formula as MathML, or as its source where docutils cannot convert it: a missing Node is no reason to fail."""
    try:
        return tex2mathml(node.astext(), as_block=block)
    except MathError:
        return f'<code class="math">{html.escape(node.astext())}</code>'

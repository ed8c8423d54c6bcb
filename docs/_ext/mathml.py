"""Formulas as MathML, which browsers draw by themselves: no script, no font, no network."""

import re

from docutils import nodes
from math_core import LatexError, LatexToMathML
from sphinx.errors import ExtensionError

CONVERTER = LatexToMathML()

ALIGNED = re.compile(r"\\\\|&")


def mathml(text, display):
    """
    Return a formula as MathML.

    Parameters
    ----------
    text : str
        LaTeX; several lines are aligned at ``&``.
    display : bool
        Whether it stands on a line of its own.

    Returns
    -------
    str

    Raises
    ------
    ExtensionError
        If the formula is not understood.
    """
    if ALIGNED.search(text) and r"\begin" not in text:
        text = rf"\begin{{aligned}}{text}\end{{aligned}}"
    try:
        return CONVERTER.convert_with_local_state(text, displaystyle=display)
    except LatexError as error:
        raise ExtensionError(f"the formula {text!r} is not understood ({error}): write it otherwise") from error


def visit_inline(self, node):
    """Write a formula within a line."""
    self.body.append(mathml(node.astext(), display=False))
    raise nodes.SkipNode


def visit_block(self, node):
    """Write a formula on a line of its own, with its number if it has one."""
    self.body.append(self.starttag(node, "div", CLASS="math"))
    if node["number"]:
        self.body.append(f'<span class="eqno">({node["number"]})</span>')
    self.body.append(mathml(node.astext(), display=True) + "</div>")
    raise nodes.SkipNode


def setup(app):
    """Register the renderer, for ``html_math_renderer = "mathml"``."""
    app.add_html_math_renderer("mathml", inline_renderers=(visit_inline, None), block_renderers=(visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""What the theme leaves out for a small screen and for a screen reader; the keyboard's part is in ``_static``."""

import re

from docutils import nodes
from sphinx import addnodes

LONG_NAME = re.compile(r'(?<=<span class="pre">)[\w.]{25,}(?=</span></code>)')
"""A name within a text that is wider than a column of a table."""


def open_pictures(app, doctree):
    """Let a picture of a page lead to itself at full size: Sphinx does so for those whose width is given."""
    if app.env.docname.startswith("tutorials/"):
        return
    links = [*doctree.findall(nodes.reference), *doctree.findall(addnodes.pending_xref)]
    linked = [picture for link in links for picture in link.findall(nodes.image)]
    for picture in doctree.findall(nodes.image):
        if picture not in linked:
            picture["width"] = "100%"


def give_captions_a_level(app, pagename, templatename, context, doctree):
    """Say on which level the captions of the menu are headings, without which they are none."""
    menu = context.get("furo_navigation_tree", "")
    context["furo_navigation_tree"] = menu.replace('role="heading"', 'role="heading" aria-level="2"')


def let_long_names_break(app, pagename, templatename, context, doctree):
    """Let long names go on in the next line after a ``_`` or a dot: a table would run out of the page."""
    body = context.get("body", "")
    context["body"] = LONG_NAME.sub(lambda found: re.sub(r"(?<=\w)([_.])(?=\w)", r"\1<wbr>", found[0]), body)


def take_references_for_no_list(app, pagename, templatename, context, doctree):
    """Leave the role of a list away where docutils gives its entries the role of references: a list has items."""
    as_list, as_is = '<div role="list" class="citation-list">', '<div class="citation-list">'
    context["body"] = context.get("body", "").replace(as_list, as_is)


def setup(app):
    """Change pages after they are read, and the menu after the theme has made it."""
    app.connect("doctree-read", open_pictures)
    app.connect("html-page-context", give_captions_a_level, priority=900)
    app.connect("html-page-context", let_long_names_break)
    app.connect("html-page-context", take_references_for_no_list)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

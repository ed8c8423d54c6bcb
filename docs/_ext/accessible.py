"""What the theme leaves out for a small screen and for a screen reader; the keyboard's part is in ``_static``."""

from docutils import nodes
from sphinx import addnodes


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


def setup(app):
    """Change pages after they are read, and the menu after the theme has made it."""
    app.connect("doctree-read", open_pictures)
    app.connect("html-page-context", give_captions_a_level, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

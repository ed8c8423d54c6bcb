"""Check the links of the built site: those within it in full, others by their form, as there may be no network."""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sphinx.errors import ExtensionError

DOI = re.compile(r"/10\.\d{4,9}/\S+")

LOADED = {
    "img": "src",
    "script": "src",
    "audio": "src",
    "source": "src",
    "video": "src",
    "iframe": "src",
    "link": "href",
}
"""What a browser loads without being asked; it has to lie within the site."""


class Page(HTMLParser):
    """
    Anchors and links of a page.

    Parameters
    ----------
    text : str
        Its HTML.
    """

    def __init__(self, text):
        super().__init__()
        self.anchors, self.links, self.loaded = set(), [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        """Keep what the tag names."""
        found = dict(attrs)
        self.anchors |= {found[name] for name in ("id", "name") if found.get(name)}
        if tag == "a" and found.get("href"):
            self.links.append(found["href"])
        if found.get(LOADED.get(tag)):
            self.loaded.append(found[LOADED[tag]])


def problems(folder):
    """
    Return what is wrong with the links of a site.

    Parameters
    ----------
    folder : path-like
        The built site.

    Returns
    -------
    problems : list of str
        One sentence for each.
    counts : tuple of int
        Links within the site that were followed, and addresses of other sites whose form was checked.
    """
    folder = Path(folder).resolve()
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in folder.rglob("*.html")}
    found, inner, outer = [], 0, 0
    for path, page in pages.items():
        name = path.relative_to(folder)
        for link in [*page.links, *page.loaded]:
            parts = urlsplit(link)
            if parts.scheme == "data" or link == "#":
                continue
            if parts.scheme or parts.netloc:
                outer += 1
                if link in page.loaded:
                    found.append(f"{name} loads {link} from the network")
                elif not is_well_formed(link):
                    found.append(f"{name} links to {link!r}, which is no https address")
                continue
            inner += 1
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.is_file():
                found.append(f"{name} links to {link}, which does not exist")
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
                found.append(f"{name} links to {link}, whose anchor does not exist")
    for path in folder.rglob("*.css"):
        remote = re.findall(r"(?:url\(|@import)\s*['\"]?((?:https?:)?//[^)'\"]+)", path.read_text(encoding="utf-8"))
        found += [f"{path.relative_to(folder)} loads {address} from the network" for address in remote]
    return found, (inner, outer)


def is_well_formed(address):
    """Return whether an address of another site may be right: https, a host, and if it is a DOI the form of one."""
    parts = urlsplit(address)
    if parts.scheme != "https" or "." not in parts.netloc or re.search(r"\s", address):
        return False
    return parts.netloc != "doi.org" or DOI.fullmatch(unquote(parts.path)) is not None


def check(app, exception):
    """Stop a build whose links are wrong."""
    if exception is not None or app.builder.format != "html":
        return
    found, (inner, outer) = problems(app.outdir)
    if found:
        raise ExtensionError("links are wrong:\n" + "\n".join(sorted(found)))
    print(f"links: {inner} within the site followed, {outer} to other sites checked for their form only")


def setup(app):
    """Check at the end of each build."""
    app.connect("build-finished", check)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

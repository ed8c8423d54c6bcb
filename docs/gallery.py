"""Make the pictures of gallery.md from its own lines: ``python docs/gallery.py [NAME ...]``, by default all of them."""

import os
import re
import sys
import tempfile
from pathlib import Path

import matplotlib

HERE = Path(__file__).parent

BLOCK = re.compile(r"```python\n(.*?)```(?:\n\n!\[[^\]]*\]\(gallery_(\w+)\.png\))?", re.DOTALL)
"""A block of the page, and the name of the picture below it, if there is one."""

WIDTH = 1200
"""Width of a picture in pixels at most, at which the page shows it on a fine screen."""


def blocks():
    """Return (code, name of its picture or an empty string) of each block of the page."""
    return BLOCK.findall((HERE / "gallery.md").read_text(encoding="utf-8"))


def main(names):
    """Run the blocks in an empty folder, one after the other, and save what each draws beside the page."""
    from brian2 import prefs
    from matplotlib import pyplot

    matplotlib.use("Agg")
    prefs.codegen.target = "numpy"  # nothing to compile
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for code, name in blocks():
            if name and names and name not in names:
                continue
            exec(compile(code, f"gallery.md: {name or 'run'}", "exec"), {"__name__": "gallery"})
            if name:
                figure = pyplot.gcf()
                figure.savefig(HERE / f"gallery_{name}.png", dpi=min(160, WIDTH / figure.get_figwidth()))
            pyplot.close("all")
        os.chdir(HERE)


if __name__ == "__main__":
    main(sys.argv[1:])

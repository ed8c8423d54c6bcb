"""The site: built by ``make docs``, read from disk without a network."""

import importlib
import inspect
import os
import pkgutil
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent)]

import hetbrian  # noqa: E402

project, author, release = "hetbrian", "The hetbrian developers", hetbrian.__version__
project_copyright = author
extensions = [
    "accessible",
    "links",
    "mathml",
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "_templates", "gpu"]
templates_path = ["_templates"]
default_role = "py:obj"

html_theme = "furo"
html_title = f"hetbrian {release}"
html_math_renderer = "mathml"
html_static_path = ["_static"]
html_css_files = ["hetbrian.css"]
html_js_files = ["scrolled.js"]
html_copy_source = False
html_show_sphinx = False

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

autosummary_generate = True
autodoc_default_options = {
    "members": True,
    "ignore-module-all": True,
    "show-inheritance": True,
    "member-order": "bysource",
}
numpydoc_show_class_members = False


sphinx_gallery_conf = {
    "examples_dirs": "../tutorials",
    "gallery_dirs": "tutorials",
    "filename_pattern": r"\.py$",
    "within_subsection_order": "FileNameSortKey",
    "reset_modules": ("matplotlib", "gallery.as_it_was"),
    "abort_on_example_error": True,
    "only_warn_on_example_error": False,
    "capture_repr": ("_repr_html_",),
    "remove_config_comments": True,
    "show_memory": False,
    "min_reported_time": 0,
    "image_srcset": ["2x"],
    "write_computation_times": False,
    "download_all_examples": False,
    "plot_gallery": "True",
}


def show_checked_functions():
    """Let autodoc take functions that `check_units` wraps for the module's own, with their signature."""
    names = [found.name for found in pkgutil.walk_packages(hetbrian.__path__, "hetbrian.")]
    for name in ("hetbrian", *(name for name in names if name != "hetbrian.__main__")):
        module = importlib.import_module(name)
        for item in vars(module).values():
            original = getattr(item, "_orig_func", None)
            if original is not None and original.__module__ == module.__name__:
                item.__module__, item.__wrapped__ = original.__module__, original


show_checked_functions()


def constructor(app, what, name, item, options, signature, result):
    """Return the signature of a constructor; Brian2's metaclass hides it."""
    if what != "class" or signature != "(*args, **kw)":
        return None
    parameters = inspect.signature(getattr(item.__init__, "_orig_func", item.__init__)).parameters
    return str(inspect.Signature(list(parameters.values())[1:])), result


def setup(app):
    """Show the signatures of our Brian2 objects."""
    app.connect("autodoc-process-signature", constructor)

"""Every block of code in the documentation runs, every link leads somewhere, every tutorial ends with its picture."""

import ast
import contextvars
import functools
import importlib
import os
import pkgutil
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

import hetbrian
from benchmarks import page
from benchmarks.__main__ import BENCHMARKS
from hetbrian import cli

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
PAGES += sorted((ROOT / "docs" / "guides").glob("*.md"))
TUTORIALS = sorted(path.stem for path in (ROOT / "tutorials").glob("plot_*.py"))

CHECKS = {
    "README.md": ["learned = output.t_ > 0.5\nassert ((output.z[0] - output.y[0])[learned]**2).mean() < 0.1\n"],
    "devices.md": [
        "assert dataset.attrs['values'].startswith('{\"neurons.eta\"')\n",
        "assert np.isfinite(z_of_the_second).all() and len(its_spikes) and run.sizes['output'] == 3\n",
    ],
}
"""What has to hold after each of the last Python blocks of a page."""

PRINTED = {"torch.md": "spikes agree over 20. ms", "protocols.md": "cpp_standalone"}
"""What the last block of a page has to print."""

NOT_RUN, CHECKED, SAVED = "not run here: ", "options are checked, nothing is computed here: ", "saved as "


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text and the comment above it."""

    language: str
    text: str
    comment: str
    line: int


def blocks(text):
    """Return the blocks of a page; those of Sphinx, ``{name}``, are none."""
    from markdown_it import MarkdownIt

    found, comment = [], ""
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        if token.type == "code_block":
            raise ValueError(f"line {token.map[0] + 1} is an indented block, expected a fenced one: name its language.")
        if token.type == "fence" and not token.info.startswith("{"):
            if token.info not in ("python", "console", "text"):
                raise ValueError(
                    f"line {token.map[0] + 1} begins a block of {token.info or 'nothing'!r}, expected python, console "
                    "or text: name its language."
                )
            found.append(Block(token.info, token.content, comment, token.map[0] + 1))
        is_comment = token.type == "html_block" and token.content.startswith("<!--")
        comment = token.content.strip()[4:-3].strip() if is_comment else ""
    return found


def check_not_run(block):
    """Check what can be checked of a block that does not run: its syntax, and that its targets exist."""
    if block.language == "python":
        ast.parse(block.text)
        return
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for line in block.text.splitlines():
        command = shlex.split(line, comments=True)
        if command[0] == "make":
            assert command[1] in targets, line
        if command[1:3] == ["-m", "benchmarks"]:
            assert set(command[3:4]) <= set(BENCHMARKS), line


class ReachedError(Exception):
    """The command would compute now."""


def check_options(block, monkeypatch):
    """Parse commands of hetbrian with the protocol and its values, up to where it would compute."""
    real = cli.load_protocol

    def loaded(path, function="compute"):
        module = real(path, function)

        @functools.wraps(module.compute)
        def compute(*arguments, **options):
            raise ReachedError

        monkeypatch.setattr(module, "compute", compute)
        return module

    modules = dict(sys.modules)
    with monkeypatch.context() as patch:
        patch.setattr(cli, "load_protocol", loaded)
        for line in block.text.splitlines():
            program, *arguments = shlex.split(line, comments=True)
            assert program == "hetbrian", line
            # in a context of its own, as the command says where sweeps go
            result = contextvars.copy_context().run(CliRunner().invoke, cli.app, arguments)
            sys.modules.update(modules)  # it loads protocols anew
            assert isinstance(result.exception, ReachedError), (line, result.output, result.exception)


def run(block, check, folder):
    """Run a block as if pasted, in a folder that looks like the checkout."""
    environment = {**os.environ, "MPLBACKEND": "Agg", "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    if block.language == "python":
        name = block.comment.removeprefix(SAVED) if block.comment.startswith(SAVED) else "pasted.py"
        (folder / name).write_text(block.text + check)
        command = [sys.executable, name]
    else:
        command = ["bash", "-euo", "pipefail", "-c", block.text]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"line {block.line}:\n{block.text}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if "\n```" in page.read_text()], ids=lambda page: page.name)
def test_every_block_runs(page, tmp_path, monkeypatch):
    for name in ("benchmarks", "docs"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "brian_preferences").write_text("codegen.target = 'numpy'\n")  # nothing to wait for
    monkeypatch.chdir(tmp_path)
    found = blocks(page.read_text())
    pasted = [block for block in found if block.language == "python" and not block.comment.startswith(NOT_RUN)]
    checks = CHECKS.get(page.name, [])
    after = dict(zip(pasted[len(pasted) - len(checks) :], checks, strict=True))
    said = ""
    for block in found:
        if block.comment.startswith(NOT_RUN):
            check_not_run(block)
        elif block.comment.startswith(CHECKED):
            check_options(block, monkeypatch)
        elif block.language != "text":
            said += run(block, after.get(block, ""), tmp_path)
    assert PRINTED.get(page.name, "") in said


def test_a_block_without_a_language_is_refused():
    with pytest.raises(ValueError, match="line 3 is an indented block, expected a fenced one"):
        blocks("text\n\n    code\n")
    with pytest.raises(ValueError, match="line 1 begins a block of 'nothing', expected python, console or text"):
        blocks("```\ncode\n```\n")


def test_a_comment_belongs_to_the_block_below_it_only():
    first, second = blocks("<!-- not run here: why -->\n```python\n1\n```\n\n```console\nls\n```\n")
    assert (first.comment, second.comment) == ("not run here: why", "")


def test_a_block_that_fails_is_an_error(tmp_path):
    run(Block("console", "true", "", 1), "", tmp_path)
    for block in (Block("console", "false\ntrue", "", 1), Block("python", "1/0", "", 1)):
        with pytest.raises(AssertionError, match="line 1:"):
            run(block, "", tmp_path)


def test_commands_that_do_not_exist_are_found(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    check_options(Block("console", "hetbrian run fig4 --small", "", 1), monkeypatch)
    for command in ("hetbrian run fig4 --smalll", "hetbrian run fig7", "hetbrian run melody --workers 2"):
        with pytest.raises(AssertionError):
            check_options(Block("console", command, "", 1), monkeypatch)
    for command in ("make nothing", "python -m benchmarks nothing"):
        with pytest.raises(AssertionError):
            check_not_run(Block("console", command, "", 1))


@pytest.fixture
def links(monkeypatch):
    """Return the module that checks links."""
    monkeypatch.syspath_prepend(ROOT / "docs" / "_ext")
    return importlib.import_module("links")


@pytest.fixture
def accessible(monkeypatch):
    """Return the module that adds what the theme leaves out."""
    pytest.importorskip("sphinx")
    monkeypatch.syspath_prepend(ROOT / "docs" / "_ext")
    return importlib.import_module("accessible")


BROKEN = {
    '<a href="b.html">': "links to b.html, which does not exist",
    '<a href="#nowhere">': "links to #nowhere, whose anchor does not exist",
    '<a href="http://example.org">': "which is no https address",
    '<a href="https://doi.org/10.1/x">': "which is no https address",
    '<script src="https://example.org/x.js"></script>': "loads https://example.org/x.js from the network",
    '<link rel="stylesheet" href="//example.org/x.css">': "loads //example.org/x.css from the network",
    '<img src="missing.png">': "links to missing.png, which does not exist",
}


@pytest.mark.parametrize("html", BROKEN)
def test_a_broken_link_is_found(html, links, tmp_path):
    (tmp_path / "a.html").write_text(html)
    (problem,), _ = links.problems(tmp_path)
    assert BROKEN[html] in problem


def test_a_font_from_the_network_is_found(links, tmp_path):
    (tmp_path / "a.css").write_text("@font-face { src: url(https://example.org/x.woff2) }")
    assert links.problems(tmp_path)[0] == ["a.css loads https://example.org/x.woff2 from the network"]


def test_good_links_are_none_of_the_problems(links, tmp_path):
    (tmp_path / "a.html").write_text(
        '<p id="here"><a href="#here"><a href="a.html#here"><a href="https://doi.org/10.1038/s41467-017-01827-3">'
    )
    assert links.problems(tmp_path) == ([], (2, 1))


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "CONTRIBUTING.md"], ids=lambda page: page.name)
def test_files_that_the_front_pages_link_to_are_there(page, links):
    for address in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if address.startswith("http"):
            assert links.is_well_formed(address), address
        else:
            assert (ROOT / address.partition("#")[0]).is_file(), address


def unnamed(text):
    """Return the pictures of a page without words of their own or in their link, for who cannot see them."""
    from markdown_it import MarkdownIt

    found = []
    for line in MarkdownIt("commonmark").enable("table").parse(text):
        words, pictures = "", []
        for part in line.children or []:
            if part.type in ("link_open", "link_close"):
                found += pictures if not words.strip() else []
                words, pictures = "", []
            elif part.type == "image" and not part.content.strip():
                pictures.append(part.attrs["src"])
            elif part.type == "text" and part.level > 0:
                words += part.content
        found += pictures
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_picture_says_what_it_shows(page):
    assert unnamed(page.read_text()) == []


def test_a_picture_without_words_is_found():
    assert unnamed("![](a.png) words that are not in a link\n\n[![](b.png)](b.md) words behind it") == [
        "a.png",
        "b.png",
    ]
    assert unnamed("![A sine](a.png)\n\n[![](b.png) What b is](b.md) [![A cosine](c.png)](c.md)") == []


def test_a_picture_leads_to_itself_at_full_size_unless_it_leads_elsewhere(accessible):
    from docutils import nodes
    from sphinx import addnodes

    alone, *linked = [nodes.image(uri=f"{name}.png") for name in "abc"]
    link, link_to_a_page = (
        nodes.reference("", "", linked[0]),
        addnodes.pending_xref("", nodes.inline("", "", linked[1])),
    )
    page = nodes.section("", alone, link, link_to_a_page)
    for name in ("tutorials/index", "index"):
        assert "width" not in alone
        accessible.open_pictures(SimpleNamespace(env=SimpleNamespace(docname=name)), page)
    assert alone["width"] == "100%" and not any("width" in picture for picture in linked)


def test_captions_of_the_menu_are_headings_of_a_level(accessible):
    context = {"furo_navigation_tree": '<p class="caption" role="heading">Guides</p>'}
    accessible.give_captions_a_level(None, "index", "page.html", context, None)
    assert context["furo_navigation_tree"] == '<p class="caption" role="heading" aria-level="2">Guides</p>'


def test_references_are_no_list_without_items(accessible):
    context = {
        "body": '<div role="list" class="citation-list"><div class="citation" role="doc-biblioentry"></div></div>'
    }
    accessible.take_references_for_no_list(None, "api", "page.html", context, None)
    assert context["body"] == '<div class="citation-list"><div class="citation" role="doc-biblioentry"></div></div>'


def test_long_names_break_where_a_word_ends_and_short_ones_do_not(accessible):
    long, short = "test_of_what.is_too_long_for_a_column", "hetbrian.network"
    code = '<code><span class="pre">{}</span></code>'
    context = {"body": code.format(long) + code.format(short)}
    accessible.let_long_names_break(None, "traps", "page.html", context, None)
    broken = long.replace("_", "_<wbr>").replace(".", ".<wbr>")
    assert context["body"] == code.format(broken) + code.format(short)


@pytest.mark.slow
@pytest.mark.standalone
def test_the_site_is_built_without_warnings_and_every_tutorial_ends_with_its_picture():
    """As ``make docs``: one execution of the tutorials is both the build and their test; links are checked in it."""
    built = ROOT / "docs" / "_build" / "html"
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-b", "html", "docs", built],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert re.search(r"links: \d{3,} within the site followed", done.stdout)
    for name in TUTORIALS:
        page = (built / "tutorials" / f"{name}.html").read_text()
        pictures = re.findall(r"_images/(sphx_glr_" + name + r"_\d+[^\"\s,]*\.png)", page)
        assert pictures and all((built / "_images" / picture).stat().st_size > 5000 for picture in pictures), name
        assert "Traceback" not in page, name
        assert f'alt="{name.replace("_", " ")}"' not in page, "a picture without a title is named after its file"
    assert (built / "tutorials" / "plot_3_sound.html").read_text().count("<audio") == 4
    for found in pkgutil.walk_packages(hetbrian.__path__, "hetbrian."):
        if not found.name.startswith("hetbrian._"):
            assert (built / "api" / f"{found.name}.html").exists(), found.name
    assert "<math" in (built / "science.html").read_text()
    pages = "".join(path.read_text() for path in built.rglob("*.html"))
    assert 'role="heading" aria-level="2"' in pages and 'role="heading">' not in pages
    assert '<a class="reference internal" href="_images/fig3.png"><img' in pages
    rules = re.sub(
        r"/\*.*?\*/|\{[^{}]*\}", "", (ROOT / "docs" / "_static" / "hetbrian.css").read_text(), flags=re.DOTALL
    )
    missing = {name for name in re.findall(r"[.#]([a-z_][\w-]*)", rules) if name not in pages}
    assert missing <= {"eqno"}, "a part of the theme that our style sheet mends is gone; no formula has a number now"


def test_a_formula_that_is_not_understood_stops_the_build(monkeypatch):
    pytest.importorskip("sphinx")
    monkeypatch.syspath_prepend(ROOT / "docs" / "_ext")
    mathml = importlib.import_module("mathml")
    assert "<mfrac>" in mathml.mathml(r"\frac{a}{b}", display=True)
    assert mathml.mathml(r"a &= 1 \\ b &= 2", display=True).count("<mtr>") == 2
    with pytest.raises(mathml.ExtensionError, match="is not understood"):
        mathml.mathml(r"\frac{a}", display=False)


def test_the_tests_that_the_page_of_traps_names_exist():
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs" / "traps.md").read_text()))
    defined = {
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
    }
    assert len(named) > 25 and named <= defined, named - defined


def test_the_tables_of_the_page_on_speed_are_made_from_what_was_measured():
    assert page.current() == (ROOT / "docs" / "speed.md").read_text(encoding="utf-8")

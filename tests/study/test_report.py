import base64
import json
import os
import re
import shutil
import subprocess
import sys
from types import ModuleType, SimpleNamespace

import html5lib
import numpy as np
import pytest
import xarray
from matplotlib.image import imread

from hetbrian.published.protocols.common.statements import STATEMENTS, claim
from hetbrian.simulation.record import load, save
from hetbrian.study.claims import Claim, Evidence
from hetbrian.study.figure import archived
from hetbrian.study.protocol import protocol_of, statements
from hetbrian.study.report import collect, render, write
from tests.study.browser import Browser

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def protocol(name):
    if name != "fig4":
        return None

    def claims(dataset):
        if "x" not in dataset:
            raise ValueError("values of 'x' are missing")
        return [
            claim("F1", (Evidence("silent <b>", (0.9, 0.91), ">", 0.5),), "N = 3"),
            claim("F6", (Evidence("works", (0.2,), ">", 0.5, "exact"),)),
        ]

    return SimpleNamespace(__doc__="Figure 4: first & second.\n\nMore.\n\nNot shown.", claims=claims)


@pytest.fixture
def folder(tmp_path):
    for place, name in (("fig4", "fig4"), ("big", "fig4"), ("song", "song")):
        (tmp_path / place).mkdir()
        dataset = xarray.Dataset({"x": ("seed", [1.0, 2.0])}, {"seed": [3, 4]}, {"numpy": "9.9", "gain": "2. nA"})
        dataset.attrs["parameters"] = '{"eta": "1. nA"}'
        save(dataset if place != "big" else dataset.drop_vars("x"), tmp_path / place / f"{name}.nc")
    (tmp_path / "fig4" / "fig4.png").write_bytes(PNG)
    return tmp_path


def test_the_page_has_every_figure_claim_setting_version_and_seed(folder):
    page = write(collect(folder, protocol), folder / "deep" / "report.html", STATEMENTS).read_text()
    document = html5lib.parse(page, namespaceHTMLElements=False)
    assert [item.text for item in document.iter("h2")] == ["Claims", "big/fig4", "fig4", "song"]
    rows = {row[0].text: row for row in document.iter("tr") if row[0].tag == "td" and len(row) == 4}
    assert set(rows) == set(STATEMENTS)
    verdicts = {name: row[1].text for name, row in rows.items()}
    assert verdicts["F1"] == "reproduced" and verdicts["F6"] == "not reproduced"
    assert set(verdicts.values()) - {verdicts["F1"], verdicts["F6"]} == {"not measured here"}
    text = "".join(document.itertext())
    for part in ("Figure 4: first & second. More.", "seeds 3, 4", "2. nA", "9.9", "eta 1. nA", "silent <b>"):
        assert part in text, part
    assert "Not shown" not in text
    assert "Claims could not be read: ValueError: values of 'x' are missing" in text
    (image,) = document.iter("img")
    assert base64.b64decode(image.get("src").removeprefix("data:image/png;base64,")) == PNG
    assert image.get("alt") == "Figure of fig4"


def test_claims_of_a_user_carry_their_sentence(folder):
    def mine(name):
        claims = [Claim("U1", (Evidence("works", (0.2,), ">", 0.1),), statement="It works.")]
        return SimpleNamespace(__doc__="", claims=lambda dataset: claims)

    page = render(collect(folder, mine))
    assert page.count("It works.") == 3 and "not measured here" not in page


def test_the_page_is_valid_needs_no_other_file_and_fits_a_phone(folder):
    page = render(collect(folder, protocol), STATEMENTS)
    parser = html5lib.HTMLParser(strict=True)  # raises at the first parse error
    document = parser.parse(page)
    assert document is not None
    links = re.findall(r"""(?:src|href)\s*=\s*["']?([^"'\s>]+)""", page) + re.findall(r"url\(([^)]*)\)", page)
    assert links and all(link.startswith(("#", "data:")) for link in links)
    assert not re.search(r"<script|@import|<iframe", page)
    assert '<meta name="viewport" content="width=device-width' in page
    anchors = set(re.findall(r'id="([^"]+)"', page))
    assert {link[1:] for link in links if link.startswith("#")} <= anchors


def test_a_folder_without_results_is_refused(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"holds no results, expected .nc files that 'hetbrian run' wrote: run a"
    ):
        collect(tmp_path, protocol)


TEXT = """(function text(node) {
  if (["STYLE", "SCRIPT"].includes(node.tagName)) return ""
  const inside = [...(node.shadowRoot ? node.shadowRoot.childNodes : []), ...node.childNodes]
  return inside.map(part => part.nodeType == 3 ? part.data : text(part)).join(" ")
})(document.body)"""
"""What a page says, also in the shadow of its elements."""

NAMELESS = """(function nameless(node) {
  const own = [...node.querySelectorAll("input, select, textarea, [role=slider]")].filter(control =>
    !control.ariaLabel && ![...control.labels ?? []].some(label => label.textContent.trim()))
  const shadows = [...node.querySelectorAll("*")].map(part => part.shadowRoot).filter(root => root)
  return [...own.map(control => control.outerHTML), ...shadows.flatMap(nameless)]
})(document)"""
"""Controls without a name, also in the shadow of elements."""

has_chromium = pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium")


@pytest.mark.slow
@has_chromium
def test_a_browser_draws_it_as_narrow_as_a_phone(folder, tmp_path):
    """The picture of a phone's screen shows the heading and is not empty."""
    page = write(collect(folder, protocol), tmp_path / "report.html")
    with Browser(tmp_path / "c") as browser:
        browser.open(page.as_uri(), 390)
        browser.picture(tmp_path / "shot.png")
    picture = imread(tmp_path / "shot.png")
    assert picture.shape[:2] == (900, 390) and np.ptp(picture[..., :3]) > 0.5


@pytest.fixture
def asked(tmp_path):
    """Return a folder with figures that can be asked: figure 4 with runs, and figure 3 as it is archived."""
    pytest.importorskip("bokeh")
    from tests.published.test_ask import with_runs

    for name, dataset in (("fig3", load(archived("fig3"))), ("fig4", with_runs())):
        (tmp_path / name).mkdir()
        save(dataset, tmp_path / name / f"{name}.nc")
        (tmp_path / name / f"{name}.png").write_bytes(PNG)
    return tmp_path


def test_a_figure_to_ask_is_in_the_page_as_json_that_bokeh_reads(asked):
    from bokeh.document import Document

    from tests.published.test_ask import with_runs

    page = render(collect(asked, protocol_of))
    document = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(page)
    items = {
        item.get("data-asked"): json.loads(item.text) for item in document.iter("script") if item.get("data-asked")
    }
    places = [item.get("id") for item in document.iter("div") if item.get("class") == "asked"]
    assert list(items) == places == ["asked-1", "asked-2"]
    cells = Document.from_json(items["asked-2"]["doc"]).select_one({"name": "cells"}).data
    data = with_runs()
    np.testing.assert_allclose(cells["mse"], np.log10(data.mse.median("seed").values.ravel()))
    assert sorted(set(cells["bottom"])) == [0.5, 1.5, 2.5, 4.0]
    slider = Document.from_json(items["asked-1"]["doc"]).select_one({"name": "level"})
    assert slider.end == 7
    # the pictures stay for those who have no JavaScript
    assert len(list(document.iter("img"))) == 2 == page.count("<noscript>")
    scripts = [item for item in document.iter("script") if not item.get("data-asked")]
    assert all(item.get("src") is None for item in scripts) and sum(len(item.text) for item in scripts) < 2e6
    assert len(page) < 2.2e6


def test_without_bokeh_the_page_is_what_it_was_and_says_so(asked, monkeypatch):
    monkeypatch.setattr("hetbrian.study.report.missing", lambda name: [name])
    page = render(collect(asked, protocol_of))
    assert "<script" not in page and page.count("<img") == 2
    assert page.count("The figure cannot be asked, bokeh is not installed: pip install &#39;hetbrian[sweep]&#39;") == 2


def test_a_bokeh_that_cannot_be_imported_is_said_and_the_page_written(asked, monkeypatch):
    monkeypatch.setitem(sys.modules, "bokeh.embed", None)
    page = render(collect(asked, protocol_of))
    assert page.count("<img") == 2 and page.count("The figure cannot be asked, bokeh cannot be imported (") == 2
    assert page.count("pip install --upgrade &#39;hetbrian[sweep]&#39;") == 2


def test_a_dataset_that_its_figure_cannot_be_made_of_is_said(asked):
    save(xarray.Dataset({"x": 1.0}), asked / "fig4" / "fig4.nc")
    first, second = collect(asked, protocol_of)
    assert first.asked and not first.unasked
    assert second.asked is None and "mse" in second.unasked
    assert "The figure cannot be asked, KeyError: " in render([second]) and "<script" not in render([second])


def test_what_is_no_model_of_bokeh_is_refused(folder, monkeypatch):
    pytest.importorskip("bokeh")
    module = ModuleType("mine")
    exec("def ask(dataset):\n    return 5", module.__dict__)
    with pytest.raises(TypeError, match=r"ask of mine returned 5, expected a model of Bokeh, as bokeh.layouts"):
        collect(folder, lambda name: module)


def test_texts_of_a_dataset_cannot_leave_the_json(asked):
    data = load(archived("fig3"))
    evil = "a</script><script>alert(1)</script><!--"
    names = [evil, *data.curve.values[1:]]
    save(data.assign_coords(curve=names), asked / "fig3" / "fig3.nc")
    save(data.assign(reset=("curve", [evil] * 6)), asked / "fig3" / "fig3.nc")
    page = render(collect(asked, protocol_of))
    assert evil not in page and "\\u003c/script\\u003e\\u003cscript\\u003ealert(1)" in page
    html5lib.HTMLParser(strict=True).parse(page)


@pytest.mark.slow
@has_chromium
@pytest.mark.parametrize("width", [390, 1280])
def test_a_browser_answers_clicks_keys_and_the_pointer(asked, tmp_path, width):
    page = write(collect(asked, protocol_of), tmp_path / "report.html")
    figure_3, figure_4 = 0, 1

    def model(name, document):
        return f"Bokeh.documents[{document}].get_model_by_name('{name}')"

    def shown(name, document):
        """Return the view of a model, after scrolling it into the window."""
        view = f"Bokeh.index.find_one_by_id({model(name, document)}.id)"
        browser.evaluate(f"{view}.el.scrollIntoView({{block: 'center'}})")
        return view

    with Browser(tmp_path / "c") as browser:
        browser.open(page.as_uri(), width)
        browser.wait("Bokeh.documents.length == 2 && Bokeh.documents.every(d => d.is_idle)")
        assert [url for url in browser.asked if not url.startswith("data:")] == [page.as_uri()]
        assert browser.evaluate("document.documentElement.scrollWidth") <= width
        # panel b, then the cell at G = 2 nA, Q = 3 nA: number 11 of all
        browser.evaluate(f"{model('group', figure_4)}.value = 'b   current'")
        view = shown("map", figure_4)
        left, top = browser.evaluate(f"(box => [box.x, box.y])({view}.el.getBoundingClientRect())")
        x, y = browser.evaluate(f"[{view}.frame.x_scale.compute(3), {view}.frame.y_scale.compute(2)]")
        browser.move(left + x - 2, top + y)
        browser.move(left + x, top + y)
        browser.wait(f"{TEXT}.includes('works with 9 of 10 seeds')")
        browser.picture(tmp_path / "hover.png")
        assert "G = 2 nA, Q = 3 nA" in browser.evaluate(TEXT)
        browser.click(left + x, top + y)
        browser.wait(f"{model('output', figure_4)}.data.z.length > 0")
        assert browser.evaluate(f"{model('said', figure_4)}.text").startswith("b   current: G = 2 nA, Q = 3 nA")
        assert browser.evaluate(f"{model('output', figure_4)}.data.z[0]") == 11
        assert browser.evaluate(f"{model('raster', figure_4)}.data.neuron") == [11]
        # the arrow key moves the slider of figure 3 by one level
        assert browser.evaluate(f"{model('dots', figure_3)}.data.error.length") == 20 * 8
        browser.evaluate(f"{shown('level', figure_3)}.shadow_el.querySelector('.noUi-handle').focus()")
        browser.press("ArrowRight", 39)
        browser.wait(f"{model('level', figure_3)}.value == 1")
        assert "(pA) 5; rate" in browser.evaluate(TEXT)
        handle = f"{shown('level', figure_3)}.shadow_el.querySelector('.noUi-handle')"
        assert browser.evaluate(f"[{handle}.ariaLabel, {handle}.ariaValueText]") == [
            "half width of background current (pA)",
            "5",
        ]
        # without a pointer: the arrow key goes from cell to cell of panel b, whose second is G = 1 nA, Q = 3 nA
        browser.evaluate(f"{shown('walk', figure_4)}.shadow_el.querySelector('.noUi-handle').focus()")
        browser.press("ArrowRight", 39)
        browser.wait(f"{model('said', figure_4)}.text.startsWith('b   current: G = 1 nA, Q = 3 nA')")
        handle = f"{shown('walk', figure_4)}.shadow_el.querySelector('.noUi-handle')"
        assert browser.evaluate(f"[{handle}.ariaLabel, {handle}.ariaValueText]") == ["cell", "G = 1 nA, Q = 3 nA"]
        # every control has a name for who cannot see it
        assert browser.evaluate(NAMELESS) == []
        assert browser.errors == []
        browser.picture(tmp_path / "slider.png")
        for name in ("hover", "slider"):
            assert np.ptp(imread(tmp_path / f"{name}.png")[..., :3]) > 0.5
        # without JavaScript the pictures are there, and nothing else is promised
        browser.open(page.as_uri(), width, is_scripted=False)
        assert browser.evaluate("document.images.length") == 2
        assert "With JavaScript this figure can be asked." in browser.evaluate("document.body.innerText")


def test_the_command_line_writes_it(folder):
    done = subprocess.run(
        [sys.executable, "-m", "hetbrian", "report", folder, "--out", folder / "r.html"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "it opens offline" in done.stderr
    page = (folder / "r.html").read_text()
    assert page.count("not measured here") == len(STATEMENTS)  # the protocol of the checkout cannot read these results
    assert all(sentence in page for sentence in STATEMENTS.values())


def test_a_picture_is_a_regular_png_in_the_folder(folder, tmp_path_factory):
    picture = folder / "song" / "song.png"
    outside = tmp_path_factory.mktemp("outside")
    (outside / "a.png").write_bytes(PNG)
    (outside / "secret").write_text("secret")

    def refused(message):
        with pytest.raises(ValueError, match=message):
            collect(folder, protocol)
        picture.unlink()

    os.mkfifo(picture)
    refused(r"song.png' is a folder, a pipe or a device, expected a picture: give a regular file")
    picture.write_text("secret")
    refused(r"song.png' is no PNG, expected the picture of a result: remove it, or draw it again")
    for place in ("a.png", "secret", "nowhere"):
        picture.symlink_to(outside / place)
        refused(r"song.png' is a link that leads out of .*, expected what is in it: put the file there")
    picture.symlink_to("../fig4/fig4.png")  # within the folder
    assert [result.image for result in collect(folder, protocol) if result.name == "song"] == [
        base64.b64encode(PNG).decode()
    ]
    picture.unlink()
    picture.mkdir()
    with pytest.raises(ValueError, match=r"song.png' is a folder, a pipe or a device"):
        collect(folder, protocol)


def test_a_result_is_in_the_folder(folder, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "x.nc"
    save(xarray.Dataset(attrs={"secret": 1}), outside)
    (folder / "x.nc").symlink_to(outside)
    with pytest.raises(ValueError, match=r"x.nc' is a link that leads out of"):
        collect(folder, protocol)


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (5, "claims of mine returned 5, expected a list of Claim"),
        ([5], "claims of mine returned 5, expected Claims in"),
    ],
)
def test_claims_that_are_none_are_refused(folder, returned, message):
    module = SimpleNamespace(__name__="mine", claims=lambda dataset: returned)
    with pytest.raises(TypeError, match=message):
        collect(folder, lambda name: module)


@pytest.mark.parametrize("text", ["STATEMENTS = 5", "STATEMENTS = {'a': 1}", ""])
def test_statements_are_sentences_by_name(tmp_path, monkeypatch, text):
    (tmp_path / "common").mkdir()
    (tmp_path / "common" / "statements.py").write_text(text)
    monkeypatch.setattr(sys, "path", list(sys.path))
    with pytest.raises(TypeError, match=r"STATEMENTS of .* is .*, expected a dict of names to sentences: make it one"):
        statements(tmp_path)

import base64
import os
import re
import shutil
import subprocess
import sys
from types import SimpleNamespace

import html5lib
import numpy as np
import pytest
import xarray

from hetbrian.published.protocols.common.statements import STATEMENTS, claim
from hetbrian.simulation.record import save
from hetbrian.study.claims import Claim, Evidence
from hetbrian.study.protocol import statements
from hetbrian.study.report import collect, render, write

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


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium")
def test_a_browser_draws_it_as_narrow_as_a_phone(folder, tmp_path):
    """The picture of a phone's screen shows the heading and is not empty."""
    from matplotlib.image import imread

    page = write(collect(folder, protocol), tmp_path / "report.html")
    shot = tmp_path / "shot.png"
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--window-size=500,900", f"--user-data-dir={tmp_path}/c"]
    subprocess.run(
        ["chromium", *flags, f"--screenshot={shot}", page.as_uri()], check=True, capture_output=True, timeout=120
    )
    picture = imread(shot)
    assert picture.shape[:2] == (900, 500) and np.ptp(picture[..., :3]) > 0.5


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

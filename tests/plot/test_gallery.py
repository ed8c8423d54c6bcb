"""The page of pictures has every function, and the picture of each is there; its blocks run in tests/test_docs.py."""

import importlib.util
import re
from pathlib import Path

import pytest

from hetbrian import plot

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def gallery():
    spec = importlib.util.spec_from_file_location("gallery_page", DOCS / "gallery.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_function_has_a_block_that_draws_its_picture(gallery):
    drawn = {name: code for code, name in gallery.blocks() if name}
    assert drawn.keys() == set(plot.__all__)
    for name, code in drawn.items():
        assert re.search(rf"hb\.plot\.{name}\(", code), name


def test_every_picture_is_there_at_the_size_of_the_page(gallery):
    from matplotlib.image import imread

    pictures = sorted(DOCS.glob("gallery_*.png"))
    assert {path.stem.removeprefix("gallery_") for path in pictures} == set(plot.__all__)
    for path in pictures:
        height, width, _ = imread(path).shape
        assert 600 <= width <= gallery.WIDTH and 300 <= height <= gallery.WIDTH, path


def test_a_picture_is_made_of_the_lines_above_it(gallery, tmp_path, monkeypatch):
    """The page's own blocks are drawn anew into another folder, for one that needs no run."""
    drawn = [(code, name) for code, name in gallery.blocks() if name]
    monkeypatch.setattr(gallery, "HERE", tmp_path)
    monkeypatch.setattr(gallery, "blocks", lambda: drawn)
    monkeypatch.chdir(tmp_path)
    gallery.main(["phase_plane"])
    assert (tmp_path / "gallery_phase_plane.png").stat().st_size > 5000
    assert not (tmp_path / "gallery_raster.png").exists()

"""A study that ``hetbrian new`` writes runs, is tested and is drawn as it is; what cannot be one is refused."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hetbrian import cli
from hetbrian._new import write_study
from hetbrian._new.study import NAME, SOURCE
from hetbrian._support.scratch import prefix
from hetbrian.study.figure import FIGURES, find_figure
from hetbrian.study.protocol import load_protocol, protocols
from tests.full_disk import full_disk

ROOT = Path(__file__).parents[1]
LARGE = {"song"}
"""Protocols without a small size."""


def python(folder, *arguments):
    """Run Python in a folder that knows nothing of the checkout, without C++."""
    (folder / "brian_preferences").write_text("codegen.target = 'numpy'\n")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "Agg"}
    command = [sys.executable, "-P", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.parametrize(("source", "options"), [(None, ["--device", "numpy"]), ("demo", [])])
def test_a_new_study_runs_and_passes_its_test_at_once(tmp_path, source, options):
    begin = [] if source is None else ["--from", source]
    done = python(tmp_path, "-m", "hetbrian", "new", "mine", *begin)
    assert done.returncode == 0 and "next: hetbrian run mine/mine.py --small" in done.stderr, done.stderr
    done = python(tmp_path, "-m", "hetbrian", "run", "mine/mine.py", "--small", *options)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "out" / "mine").glob("mine.*")} == {"mine.nc", "mine.png", "mine.pdf"}
    done = python(tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", "mine")
    assert done.returncode == 0 and " passed" in done.stdout and "skipped" not in done.stdout, done.stdout


@pytest.mark.parametrize("source", sorted(protocols().keys() - LARGE))
def test_every_published_protocol_can_be_copied(tmp_path, monkeypatch, source):
    monkeypatch.setattr(sys, "path", list(sys.path))
    protocol, *others = write_study(tmp_path / "mine", source)
    module = load_protocol(protocol)
    assert module.__file__ == str(tmp_path / "mine" / "mine.py") and module.SMALL
    has_figure = (FIGURES / f"{source}.py").is_file()
    assert (find_figure(module) is not None) == (has_figure or source in {"ablation", "melody"})
    asked = find_figure(load_protocol(protocols()[source]), "ask")
    assert (find_figure(module, "ask") is not None) == (asked is not None)
    readme = (tmp_path / "mine" / "README.md").read_text()
    files = {path.name for path in (protocol, *others)} - {"README.md"}
    assert {name for name in ("mine.py", "mine_figure.py", "test_mine.py") if f"| `{name}` |" in readme} == files
    for path in others:
        assert NAME not in path.read_text() and SOURCE not in path.read_text()
    for name in ("mine", "mine_figure"):
        sys.modules.pop(name, None)


REFUSED = {
    "my-study": "'my-study' is no name for a study, expected up to 60 letters, digits and under.*: take 'my_study'",
    61 * "a": r"'a{61}' is no name for a study, expected up to 60 letters.*: take 'a{20}', say.",
    "3rd": "'3rd' is no name for a study, expected .*: take 'study_3rd', say.",
    "class": "'class' is no name for a study, expected .*: take 'study_class', say.",
    "numpy": "'numpy' is the name of a Python module, which the study would hide, expected another: take 'my_numpy'",
    "full": r"full' exists and is not empty, expected a new folder: choose another name.",
    "file": r"file' exists and is not empty, expected a new folder: choose another name.",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_can_be_no_study_is_refused(tmp_path, name):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.py").write_text("")
    (tmp_path / "file").write_text("")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ValueError, match=REFUSED[name]):
        write_study(tmp_path / name)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("fig33", "--from is 'fig33', expected one of ablation, .*: did you mean 'fig3'?"),
        (
            "song",
            "--from is 'song', which has no small size to be tested at, expected a protocol with SMALL: choose an",
        ),
    ],
)
def test_what_cannot_be_copied_is_refused(tmp_path, monkeypatch, capsys, source, message):
    monkeypatch.setattr(sys, "argv", ["hetbrian", "new", str(tmp_path / "mine"), "--from", source])
    with pytest.raises(SystemExit, match="1"):
        cli.main()
    assert re.search(message, capsys.readouterr().err)
    assert not (tmp_path / "mine").exists()


def test_an_empty_folder_is_filled_and_the_protocol_named_first(tmp_path):
    (tmp_path / "mine").mkdir()
    written = write_study(tmp_path / "mine")
    assert [path.name for path in written] == [
        "mine.py",
        "README.md",
        "mine_figure.py",
        "mine_model.py",
        "test_mine.py",
    ]


@pytest.mark.parametrize("exists", [False, True])
def test_on_a_full_disk_nothing_is_left_and_the_next_try_works(tmp_path, exists):
    place = tmp_path / "deep" / "mine"
    if exists:
        place.mkdir(parents=True)
    before = sorted(tmp_path.rglob("*"))
    message = r"mine' could not be written \(File too large\), expected a folder with space: choose another folder."
    with full_disk(1500), pytest.raises(OSError, match=message):  # the first file is shorter
        write_study(place)
    assert sorted(tmp_path.rglob("*")) == before
    assert len(write_study(place)) == 5 and len(os.listdir(place)) == 5


def test_what_a_killed_one_left_is_no_study(tmp_path):
    dead = prefix().replace(f"-{os.getpid()}-", "-4194305-")  # more than any process has
    (tmp_path / "mine" / f"{dead}x").mkdir(parents=True)
    assert len(write_study(tmp_path / "mine")) == 5 and len(os.listdir(tmp_path / "mine")) == 5

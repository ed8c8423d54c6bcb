"""What says the same in several places does: pyproject.toml, CITATION.cff, .zenodo.json, README and the release."""

import json
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

import hetbrian

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ZENODO = json.loads((ROOT / ".zenodo.json").read_text())


@pytest.fixture(scope="module")
def citation():
    yaml = pytest.importorskip("yaml")
    return yaml.safe_load((ROOT / "CITATION.cff").read_text())


def test_version_title_licence_and_authors_agree(citation):
    assert citation["version"] == ZENODO["version"] == hetbrian.__version__ == version("hetbrian")
    assert citation["title"] == ZENODO["title"] and citation["type"] == ZENODO["upload_type"] == "software"
    assert citation["license"] == ZENODO["license"] == PROJECT["license"]
    names = [author["name"] for author in PROJECT["authors"]]
    assert [item["name"] for item in citation["authors"]] == [item["name"] for item in ZENODO["creators"]] == names
    assert ZENODO["keywords"] == PROJECT["keywords"]


def test_the_paper_is_cited_by_its_doi_everywhere(citation):
    (paper,) = citation["references"]
    (related,) = ZENODO["related_identifiers"]
    assert related["identifier"] == paper["doi"] and related["scheme"] == "doi"
    assert f"https://doi.org/{paper['doi']}" in (ROOT / "README.md").read_text()


def test_the_changelog_begins_with_this_version():
    first = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert first is not None and first[1] == hetbrian.__version__


def test_the_table_of_extras_has_each_of_them():
    rows = re.findall(r"^\| (`[^|]*) \|", (ROOT / "README.md").read_text(), re.M)
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == PROJECT["optional-dependencies"].keys()


def test_the_release_builds_checks_and_publishes_without_a_password():
    yaml = pytest.importorskip("yaml")
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text()
    jobs = yaml.safe_load(text)["jobs"]
    runs = [step["run"] for step in jobs["build"]["steps"] if "run" in step]
    assert "python -m build" in runs and any("hetbrian figure fig4" in run for run in runs)
    assert jobs["publish"]["needs"] == "build" and jobs["publish"]["permissions"] == {"id-token": "write"}
    assert jobs["publish"]["if"] == "github.event_name == 'release'"
    assert not re.search(r"secrets\.|password|token:", text.replace("id-token:", "").replace("no password is kept", ""))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("hetbrian run fig4_s", {"fig4_step", "fig4_strengths"}),
        ("hetbrian new mine --from mel", {"melody"}),
        ("hetbrian figure exch", {"exchange"}),
        ("hetbrian fig", {"figure"}),
    ],
)
def test_the_tab_key_completes_commands_and_protocols(words, expected):
    asked = {"_HETBRIAN_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    command = [sys.executable, "-c", "import sys; sys.argv[0] = 'hetbrian'; from hetbrian.cli import main; main()"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **asked}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert set(done.stdout.split()) == expected, done

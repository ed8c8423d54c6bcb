import re
from pathlib import Path

from hetbrian._support.provenance import provenance


def test_git_revision(tmp_path, monkeypatch):
    monkeypatch.chdir(Path(__file__).parent)
    assert re.fullmatch(r"none|.*[0-9a-f]{7,}(-dirty)?", provenance()["git_revision"])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert provenance()["git_revision"] == "none"
    monkeypatch.setenv("PATH", str(tmp_path))  # no git at all
    assert provenance()["git_revision"] == "none"

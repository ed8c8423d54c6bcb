import re
import subprocess
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


def test_git_runs_nothing_that_a_foreign_repository_configures(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]

    def git(*arguments):
        subprocess.run(["git", *arguments], check=True, capture_output=True)

    git("init")
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / ".gitattributes").write_text("*.txt filter=evil")
    git("add", ".")
    git(*identity, "commit", "-m", "a")
    clean = provenance()["git_revision"]
    assert re.fullmatch("[0-9a-f]{12}", clean)
    (tmp_path / "a.txt").write_text("b")
    assert provenance()["git_revision"] == f"{clean}-dirty"
    for name in ("filter.evil.clean", "core.fsmonitor"):
        git("config", name, f"touch {tmp_path}/ran; cat")
        assert provenance()["git_revision"] == f"{clean}-unchecked" and not (tmp_path / "ran").exists()
        git("config", "--unset", name)

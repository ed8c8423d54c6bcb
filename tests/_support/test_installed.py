"""Whose a file is does not hang on where an environment keeps its packages."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hetbrian._support.installed import is_installed
from hetbrian._support.lines import owner

PLACES = (
    "home/me/.local/lib/python3.12/site-packages",  # pip install --user
    "usr/lib/python3/dist-packages",  # Debian's, as an environment with system packages sees it
    "opt/base/lib/python3.12/site-packages",  # an environment on which another builds
)


@pytest.mark.parametrize("place", PLACES)
def test_packages_of_other_environments_are_not_the_users(tmp_path, place):
    for file in (tmp_path / place / "typer" / "core.py", tmp_path / place / "six.py"):
        assert is_installed(file) and owner(str(file)) == ""


def test_a_folder_of_packages_without_a_name_is_known_by_what_the_installer_left(tmp_path, monkeypatch):
    packages, study = tmp_path / "packages", tmp_path / "study"
    (packages / "typer-0.1.dist-info").mkdir(parents=True)
    study.mkdir()
    monkeypatch.setattr(sys, "path", [str(study), str(packages), ""])
    monkeypatch.chdir(study)
    assert is_installed(packages / "typer" / "core.py")
    assert not is_installed(study / "mine.py") and owner(str(study / "mine.py")) == "user"
    monkeypatch.setattr(sys, "path", [str(study)])
    assert not is_installed(packages / "typer" / "core.py")  # nobody imports from there


def test_what_python_and_this_environment_have_is_installed():
    assert all(map(is_installed, (json.__file__, np.__file__)))


@pytest.mark.slow
def test_a_command_ends_well_where_packages_lie_elsewhere(tmp_path):
    """Typer's end was taken for the user's: "your code ended the process" after a figure was written."""
    (tmp_path / "packages").mkdir()
    for package in ("typer", "click", "typer-*.dist-info"):
        for found in Path(np.__file__).parents[1].glob(package):
            subprocess.run(["cp", "-r", found, tmp_path / "packages"], check=True)
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'packages')!r})\n"
        "import typer; assert 'packages' in typer.__file__ and 'site' not in typer.__file__\n"
        "from hetbrian import cli; sys.argv = ['hetbrian', 'new', 'mine']; cli.main()"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "Error" not in done.stderr and (tmp_path / "mine" / "mine.py").exists(), done

"""The folder for machines without a network, with wheels that are made up; real ones come from the registry."""

import json
import re
import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import version

import pytest

from hetbrian._gpu import bundle


def wheel(folder, name, files):
    """Write a wheel as pip takes it."""
    path = folder / f"{name}-1.0-py3-none-any.whl"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nRequires-Dist: nothing\n"
    tags = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    described = {f"{name}-1.0.dist-info/METADATA": metadata, f"{name}-1.0.dist-info/WHEEL": tags}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for entry, text in (files | described | {f"{name}-1.0.dist-info/RECORD": ""}).items():
            file.writestr(entry, text)
    return path


def test_holds_what_brian2_and_its_needs_are_and_no_torch():
    found = bundle.needed()
    assert found.keys() >= {"brian2", "brian2cuda", "numpy", "sympy", "cython", "xarray", "pandas", "torchmetrics"}
    assert found["brian2"] == version("brian2")
    assert not [name for name in found if name == "torch" or name.startswith(("nvidia", "scipy", "matplotlib"))]


def test_the_archive_holds_the_wheels_as_they_were_but_stored(tmp_path):
    text = "x = 1\n" * 1000
    wheel(tmp_path, "one", {"one.py": text})
    bundle.pack(tmp_path, tmp_path / "wheels.tar.xz")
    with tarfile.open(tmp_path / "wheels.tar.xz") as together:
        together.extractall(tmp_path / "out", filter="data")
    with zipfile.ZipFile(tmp_path / "out" / "one-1.0-py3-none-any.whl") as file:
        assert file.read("one.py").decode() == text and file.getinfo("one.py").compress_type == zipfile.ZIP_STORED


def made(tmp_path, monkeypatch):
    """Make the folder of a wheel whose check prints its arguments; pip and build are told what they shall do."""
    program = "import json, sys\nimport hetbrian\nprint(json.dumps([hetbrian.__file__, *sys.argv[1:]]))\n"
    files = {"hetbrian/__init__.py": "", "hetbrian/_gpu/__init__.py": "", "hetbrian/_gpu/__main__.py": program}
    commands = []

    def run(command, **_):
        commands.append(command)
        if "build" in command:
            wheel(bundle.Path(command[command.index("--outdir") + 1]), "hetbrian", files)

    monkeypatch.setattr(bundle.subprocess, "run", run)
    with monkeypatch.context() as small:
        small.setattr(bundle, "needed", lambda: {"one": "1.0"})
        size = bundle.bundle(tmp_path / "bundle")
    monkeypatch.undo()
    assert commands[0][-1] == "one==1.0" and "--no-deps" in commands[0] and not re.search("http", str(commands))
    return tmp_path / "bundle", size


def test_its_script_installs_without_a_network_beside_itself_and_starts_the_check(tmp_path, monkeypatch):
    folder, size = made(tmp_path, monkeypatch)
    assert size == sum(path.stat().st_size for path in folder.iterdir())
    environment = {"PATH": "/usr/bin:/bin", "PYTHON": sys.executable}
    for _ in range(2):  # the second time nothing is installed
        done = subprocess.run(
            [folder / "check", "--minutes", "6"], env=environment, cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        found, *arguments = json.loads(done.stdout)
        assert re.fullmatch(rf"{folder}/site/lib/python3[.0-9]+/site-packages/hetbrian/__init__.py", found)
        assert arguments == ["--out", str(folder / "out"), "--minutes", "6"]
    assert not (folder / "wheels").exists()


def test_too_large_a_folder_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(bundle, "LARGEST", 100)
    with pytest.raises(ValueError, match=r"the bundle has \d+ bytes, expected at most 100: leave packages out"):
        made(tmp_path, monkeypatch)

"""A folder with all that the checks need on a machine without a network: ``python -m hetbrian._gpu.bundle FOLDER``."""

import importlib.metadata
import io
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

from packaging.requirements import Requirement

from hetbrian._support.scratch import temporary_folder

ROOT = Path(__file__).parents[2]

ROOTS = ("brian2", "brian2cuda", "xarray", "lightning")
"""What hetbrian needs for the checks, apart from torch and what these need."""

OF_THE_MACHINE = re.compile("torch|pytorch-lightning|nvidia-.*")
"""What is not in it: torch and its libraries are the machine's, and lightning has all of pytorch-lightning in it."""

LARGEST = 40_000_000
"""Bytes that the folder may have."""


def needed(roots: Iterable[str] = ROOTS) -> dict[str, str]:
    """
    Return the packages that others need, and these themselves, in the versions of this environment.

    Parameters
    ----------
    roots : iterable of str
        Names.

    Returns
    -------
    dict of str to str
        Version by name.
    """
    found: dict[str, str] = {}
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name in found or OF_THE_MACHINE.fullmatch(name):
            continue
        distribution = importlib.metadata.distribution(name)
        found[name] = distribution.version
        for line in distribution.requires or ():
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(re.sub(r"[-_.]+", "-", requirement.name).lower())
    return found


def pack(wheels: Path, archive: Path) -> None:
    """
    Write wheels into one archive, without compression of their own, so that all of it is compressed together.

    Parameters
    ----------
    wheels : Path
        Folder of them.
    archive : Path
        ``.tar.xz``.
    """
    with tarfile.open(archive, "w:xz", preset=6) as together:
        for path in sorted(wheels.glob("*.whl")):
            stored = io.BytesIO()
            with zipfile.ZipFile(path) as wheel, zipfile.ZipFile(stored, "w") as plain:
                for item in wheel.infolist():
                    plain.writestr(item, wheel.read(item), compress_type=zipfile.ZIP_STORED)
            entry = tarfile.TarInfo(path.name)
            entry.size = stored.tell()
            stored.seek(0)
            together.addfile(entry, stored)


def bundle(folder: Path) -> int:
    """
    Make the folder: the archive of the wheels, and the script ``check``.

    The wheels are those of this environment's versions for its Python, with that of this checkout.

    Parameters
    ----------
    folder : Path
        Made anew.

    Returns
    -------
    int
        Its size in bytes.

    Raises
    ------
    subprocess.CalledProcessError
        If a wheel is not to be had.
    ValueError
        If it is larger than `LARGEST`.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with temporary_folder(folder) as wheels:
        names = [f"{name}=={version}" for name, version in needed().items()]
        options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:", "--dest", str(wheels)]
        subprocess.run([sys.executable, "-m", "pip", "download", *options, *names], check=True)
        command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(wheels), str(ROOT)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        pack(wheels, folder / "wheels.tar.xz")
    shutil.copyfile(Path(__file__).with_name("check.sh"), folder / "check")
    (folder / "check").chmod(0o755)
    size = sum(path.stat().st_size for path in folder.iterdir())
    if size > LARGEST:
        raise ValueError(f"the bundle has {size} bytes, expected at most {LARGEST}: leave packages out.")
    return size


if __name__ == "__main__":
    print(f"{sys.argv[1]}: {bundle(Path(sys.argv[1])) / 1e6:.1f} MB; copy it, and run its script check")

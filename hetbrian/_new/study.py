"""Write a study: files to edit, made from templates or from a published protocol."""

import ast
import contextlib
import keyword
import os
import re
from pathlib import Path

from hetbrian._support.checks import did_you_mean, shown
from hetbrian._support.files import writable
from hetbrian._support.scratch import remove_stale, temporary_folder
from hetbrian.study.figure import FIGURES, find_figure
from hetbrian.study.protocol import hides_module, load_protocol, protocols

TEMPLATE = Path(__file__).with_name("template")
"""``own/``, a study that runs, and ``copied/``, what a published protocol lacks to be one."""

LONGEST = 60
"""Characters of the name of a study."""

NAME, SOURCE = "mystudy", "published_name"
"""What stands in the templates for the name of the study, and for that of the published protocol."""


def write_study(folder: str | Path, source: str | None = None) -> list[Path]:
    """
    Write a study into a new folder.

    Parameters
    ----------
    folder : path-like
        The folder, whose name is that of the study.
    source : str, optional
        Name of a published protocol to begin from; by default the template.

    Returns
    -------
    list of Path
        The files: the protocol first.

    Raises
    ------
    ValueError
        If the name is none for a Python module, the folder has something in it, or the protocol is unknown or too
        large to be tested.
    OSError
        If the folder cannot be written.
    """
    place = Path(folder)
    name = place.absolute().name
    _check_name(name)
    remove_stale(place)  # of one that was killed
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise ValueError(f"{str(place)!r} exists and is not empty, expected a new folder: choose another name.")
    files = {path.name: path.read_text(encoding="utf-8") for path in _templates("own" if source is None else "copied")}
    if source is not None:
        files = _published(source) | files
        if f"{NAME}_figure.py" not in files:
            files["README.md"] = re.sub(rf"^.*{NAME}_figure.py.*\n", "", files["README.md"], flags=re.M)
    texts = {
        file.replace(NAME, name): text.replace(NAME, name).replace(SOURCE, str(source)) for file, text in files.items()
    }
    _write(place, texts)
    return sorted((place / file for file in texts), key=lambda path: path.stem != name)


def _write(place: Path, texts: dict[str, str]) -> None:
    """Write files into a folder, all or none; folders that it needs are made, and removed if it fails."""
    missing = [folder for folder in (place, *place.parents) if not folder.exists()]
    try:
        writable(place, "choose another folder")
        with temporary_folder(place) as staged:
            for file, text in texts.items():
                (staged / file).write_text(text, encoding="utf-8")
            for file in texts:
                os.replace(staged / file, place / file)
    except BaseException as error:
        for file in texts:
            with contextlib.suppress(OSError):  # it was not there yet
                (place / file).unlink()
        for folder in missing:
            with contextlib.suppress(OSError):  # another has something in it by now
                folder.rmdir()
        if isinstance(error, OSError) and error.errno is not None:
            raise OSError(
                f"{str(place)!r} could not be written ({error.strerror}), expected a folder with space: "
                "choose another folder."
            ) from error
        raise


def _check_name(name: str) -> None:
    """Refuse a name that no module of a study can have."""
    if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_") or len(name) > LONGEST:
        near = re.sub(r"\W", "_", name)[:20].strip("_")
        raise ValueError(
            f"{shown(name)} is no name for a study, expected up to {LONGEST} letters, digits and underscores, as its "
            "files are Python modules: "
            f"take {near if near.isidentifier() and not keyword.iskeyword(near) else f'study_{near}'!r}, say."
        )
    if hides_module(name):
        raise ValueError(
            f"{name!r} is the name of a Python module, which the study would hide, expected another: "
            f"take {f'my_{name}'!r}, say."
        )


def _templates(kind: str) -> list[Path]:
    return sorted(path for path in (TEMPLATE / kind).iterdir() if path.is_file())


def _published(source: str) -> dict[str, str]:
    """Return protocol and figure of a published protocol under the names of the templates."""
    known = protocols()
    if source not in known:
        raise ValueError(f"--from is {shown(source)}, expected one of {', '.join(known)}{did_you_mean(source, known)}")
    module = load_protocol(known[source])
    if not hasattr(module, "SMALL"):
        raise ValueError(
            f"--from is {source!r}, which has no small size to be tested at, expected a protocol with SMALL: "
            "choose another."
        )
    text = known[source].read_text(encoding="utf-8")
    figure = FIGURES / f"{source}.py"
    if hasattr(module, "draw") or not figure.is_file():
        return {f"{NAME}.py": text}
    hooks = ", ".join(function for function in ("ask", "draw") if find_figure(module, function) is not None)
    return {f"{NAME}.py": _with_figure(text, hooks), f"{NAME}_figure.py": figure.read_text(encoding="utf-8")}


def _with_figure(text: str, hooks: str) -> str:
    """Return the text of a protocol that imports functions of its figure, after what it imports already."""
    lines = text.splitlines(keepends=True)
    last = max(node.end_lineno or 0 for node in ast.parse(text).body if isinstance(node, (ast.Import, ast.ImportFrom)))
    return "".join([*lines[:last], f"from {NAME}_figure import {hooks}  # noqa: F401\n", *lines[last:]])

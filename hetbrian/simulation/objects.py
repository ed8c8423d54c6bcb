"""Compiled files of a C++ project, kept for other projects with the same file: another duration compiles one anew."""

import contextlib
import hashlib
import re
import shlex
import shutil
from collections.abc import Iterable
from pathlib import Path

from hetbrian._support.cache import cache_folder, put
from hetbrian._support.compiler import command, toolchain
from hetbrian._support.sealed import used

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"\n]*)"|<([^>\n]*)>|)', re.MULTILINE)
"""An include: of a header in quotes or brackets, or of what a macro says."""

UNREAD = ("SRCS =", "H_SRCS =", "LFLAGS =", "PROGRAM =")
"""Lines of a makefile that no single file is compiled with."""


def fetch(folder: Path) -> dict[Path, Path]:
    """
    Put those compiled files into a project that were compiled before from the same text, headers and options.

    Parameters
    ----------
    folder : Path
        The project, whose sources are written.

    Returns
    -------
    dict of Path to Path
        Compiled files that are still to be made, and where `keep` will put each.
    """
    folder = folder.resolve()
    lines = (folder / "makefile").read_text(encoding="utf-8").splitlines()
    tools = "\n".join([toolchain(), *command(), *(line for line in lines if not line.startswith(UNREAD))])
    missing = {}
    for source in sorted(folder.rglob("*.cpp")):
        if (included := headers([source], folder)) is None:
            continue
        found = hashlib.sha256(tools.encode())
        for path in (source, *sorted(included)):
            found.update(f"\n{path.relative_to(folder) if path.is_relative_to(folder) else path}\n".encode())
            found.update(path.read_bytes())
        kept, compiled = cache_folder() / "objects" / f"{found.hexdigest()[:32]}.o", source.with_suffix(".o")
        with used(kept) as is_whole:
            if is_whole:
                shutil.copyfile(kept, compiled)
            else:
                missing[compiled] = kept
    return missing


def keep(made: dict[Path, Path]) -> None:
    """
    Keep what was compiled, for projects to come; a cache that cannot be written costs time only.

    Parameters
    ----------
    made : dict of Path to Path
        What `fetch` returned.
    """
    with contextlib.suppress(OSError):
        (cache_folder() / "objects").mkdir(exist_ok=True)
        for compiled, kept in made.items():
            put(compiled, kept)


def headers(sources: Iterable[Path], folder: Path) -> set[Path] | None:
    """
    Return the headers that files of a project include, also by others, without those of compiler and system.

    Parameters
    ----------
    sources : iterable of Path
        The files.
    folder : Path
        The project, with its makefile.

    Returns
    -------
    set of Path or None
        In the project, beside the file that includes them, and in folders that the makefile names; None if it cannot
        be told, because a macro says what is included.
    """
    lines = (folder / "makefile").read_text(encoding="utf-8").splitlines()
    flags = shlex.split(next((line.partition("=")[2] for line in lines if line.startswith("OPTIMISATIONS =")), ""))
    named = [folder / flag[2:] for flag in flags if flag.startswith("-I") and len(flag) > 2]
    found: set[Path] = set()
    waiting = list(sources)
    while waiting:
        path = waiting.pop()
        for quoted, bracketed in INCLUDE.findall(path.read_text(encoding="utf-8", errors="replace")):
            if not quoted and not bracketed:
                return None
            for place in (*([path.parent] if quoted else []), folder, *named):
                header = (place / (quoted or bracketed)).resolve()
                if header.is_file() and header not in found:
                    found.add(header)
                    waiting.append(header)
    return found

"""Compiled files of a C++ project, kept for other projects with the same file: another duration compiles one anew."""

import contextlib
import hashlib
import os
import re
import shlex
import shutil
from collections.abc import Iterable
from pathlib import Path

from brian2 import prefs

from hetbrian._support.cache import cache_folder, put
from hetbrian._support.compiler import command, toolchain
from hetbrian._support.sealed import used

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"\n]+)"|<([^>\n]+)>)', re.MULTILINE)
"""An include as everybody writes it, of a header in quotes or in brackets."""

ANY = re.compile(r"(?:#|%:|\?\?=)(?:\s|\\\n|/\*.*?\*/)*(?:include|import|embed)|__has_include|__has_embed", re.DOTALL)
"""Whatever may bring in another file: if there is more of it than of `INCLUDE`, nobody knows what."""

SYSTEM = re.compile(
    r"[a-z_]+|(?:assert|inttypes|limits|math|omp|stdint|stdio|stdlib|string|time|unistd|immintrin|xmmintrin|sys/prctl"
    r"|cuda|curand|curand_kernel)\.h|(?:thrust|cub|gsl)/\w+\.h"
)
"""Headers that come with the compiler, the system, CUDA or the GSL."""

SEARCHED = ("CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH", "GCC_EXEC_PREFIX", "COMPILER_PATH")
"""Variables of the environment that say where a compiler looks."""

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
    options = "\n".join([tools(), *(line for line in _makefile(folder) if not line.startswith(UNREAD))])
    missing = {}
    for source in sorted(folder.rglob("*.cpp")):
        if (included := headers([source], folder)) is None:
            continue
        found = hashlib.sha256(options.encode())
        for path in (source, *sorted(included)):
            found.update(f"\n{path.relative_to(folder)}\n".encode())
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
    for compiled, kept in made.items():
        with contextlib.suppress(OSError):  # also if a file of an earlier network lies there, which nobody compiles
            kept.parent.mkdir(exist_ok=True)
            put(compiled, kept)


def tools() -> str:
    """Return what compiles, with what is said to it beside a makefile, as text."""
    standalone = prefs.devices.cpp_standalone
    said = [*command(), standalone.make_cmd_unix, *standalone.extra_make_args_unix]
    return "\n".join([toolchain(), *said, *(f"{name}={os.environ.get(name)}" for name in SEARCHED)])


def headers(sources: Iterable[Path], folder: Path) -> set[Path] | None:
    """
    Return the headers of a project that its files include, also by others.

    Parameters
    ----------
    sources : iterable of Path
        The files.
    folder : Path
        The project, with its makefile.

    Returns
    -------
    set of Path or None
        None if there may be others: a file or header outside of the project, which could change, as that of a
        function of the user's, or one that a macro or an option names.
    """
    lines, folder = _makefile(folder), folder.resolve()
    written = shlex.split(next((line.partition("=")[2] for line in lines if line.startswith("SRCS =")), ""))
    options = shlex.split(next((line.partition("=")[2] for line in lines if line.startswith("OPTIMISATIONS =")), ""))
    if any(not (folder / name).resolve().is_relative_to(folder) for name in written):
        return None
    if any(option.startswith(("@", "-include", "-imacros")) for option in options):
        return None
    found: set[Path] = set()
    waiting = list(sources)
    while waiting:
        path = waiting.pop()
        text = path.read_text(encoding="utf-8", errors="replace")
        included = INCLUDE.findall(text)
        if len(included) != len(ANY.findall(text)):
            return None
        for quoted, bracketed in included:
            if not quoted and SYSTEM.fullmatch(bracketed):
                continue
            places = {path.parent / quoted, folder / quoted} if quoted else {folder / bracketed}
            here = {place.resolve() for place in places if place.is_file()}
            if not here or not all(header.is_relative_to(folder) for header in here):
                return None
            waiting += here - found
            found |= here
    return found


def _makefile(folder: Path) -> list[str]:
    return (folder / "makefile").read_text(encoding="utf-8").splitlines()

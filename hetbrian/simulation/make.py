"""How a C++ standalone project is compiled: with headers that were read before, optimised where there is arithmetic."""

import hashlib
import os
import shlex
import signal
import subprocess
from pathlib import Path
from typing import Any

from brian2 import prefs

from hetbrian._support.cache import cache_folder, keep
from hetbrian._support.compiler import CompilerError, command, missing, toolchain
from hetbrian._support.scratch import temporary_folder
from hetbrian._support.sealed import hold, is_whole, seal_of
from hetbrian.simulation import objects

HEADER = Path(__file__).with_suffix(".h")
"""What is compiled beforehand: headers of the standard library, which are most of what a source file includes."""

RULES = """
DEPS =

all: $(PROGRAM)

.PHONY: all clean

$(PROGRAM): $(OBJS) makefile
	$(CXX) $(OBJS) -o $(PROGRAM) $(LFLAGS)

clean:
	rm -f $(OBJS) $(PROGRAM)

# they read, write and call, and hold no arithmetic
main.o objects.o run.o: CXXFLAGS += -O1

%.o : %.cpp makefile $(H_SRCS)
	$(CXX) $(CXXFLAGS) $(if $(HETBRIAN_PRECOMPILED),-include "$(HETBRIAN_PRECOMPILED)") $< -o $@
"""
"""Rules of a makefile behind Brian2's variables; ``HETBRIAN_PRECOMPILED`` may name a compiled header."""


def simplify(folder: Path) -> None:
    """
    Put our rules into a project's makefile, in place of Brian2's.

    Brian2's run the preprocessor on all files to find which headers they need, and compile each file with all
    optimisations. The arithmetic is compiled as before.

    Parameters
    ----------
    folder : Path
        The project, whose sources are written.
    """
    path = folder / "makefile"
    variables, found, _ = path.read_text(encoding="utf-8").partition("DEPS = make.deps")
    if found:  # another version of Brian2 may write another one, which works too
        path.write_text(variables + RULES, encoding="utf-8")


def precompiled(folder: Path) -> str:
    """
    Return the header that the compiler has read already with the options of a project, from the cache or new.

    Parameters
    ----------
    folder : Path
        The project, with its makefile.

    Returns
    -------
    str
        Its path; empty if the compiler is not GCC, or it could not be compiled or kept, which costs time only.
    """
    text = (folder / "makefile").read_text(encoding="utf-8")
    options = next((line for line in text.splitlines() if line.startswith("OPTIMISATIONS = ")), "")
    flags = shlex.split(options.partition("= ")[2])
    tools, header = toolchain(), HEADER.read_text(encoding="utf-8")
    if "Free Software Foundation" not in tools:
        return ""
    key = hashlib.sha256("\n".join([tools, *flags, header]).encode()).hexdigest()[:32]
    kept = cache_folder() / "headers" / f"{key}.h"
    compiled = kept.with_suffix(".h.gch")
    hold(seal_of(compiled))
    if not is_whole(compiled):
        try:
            kept.parent.mkdir(parents=True, exist_ok=True)
            _compile(header, flags, kept)
            hold(seal_of(compiled))
        except (OSError, subprocess.CalledProcessError):
            return ""
    return str(kept)


def _compile(header: str, flags: list[str], kept: Path) -> None:
    """Compile a header; two processes may do so at once, each puts a whole file in place."""
    with temporary_folder(kept.parent) as folder:
        source, result = folder / kept.name, folder / "result.gch"
        source.write_text(header, encoding="utf-8")
        options = ["-Wno-write-strings", *flags, "-x", "c++-header", str(source), "-o", str(result)]
        subprocess.run([*command(), *options], check=True, capture_output=True)
        os.replace(source, kept)
        keep(result, kept.with_suffix(".h.gch"))


def make(folder: Path, is_cuda: bool = False) -> None:
    """
    Compile a project whose sources and makefile are written; what was compiled before for another is not again.

    Brian2 calls a shell, which keeps Ctrl-C from Python while the compiler runs; here it stops both.

    Parameters
    ----------
    folder : Path
        The project.
    is_cuda : bool
        Whether nvcc compiles it, with the makefile of brian2cuda.

    Raises
    ------
    CompilerError
        If there is no compiler or make, or it fails; the message holds the first error.
    """
    if said := missing(make=True):
        raise CompilerError(f"the program of a network was not compiled, expected a compiler: {said}.")
    standalone = prefs.devices.cpp_standalone
    arguments = [*shlex.split(standalone.make_cmd_unix), *standalone.extra_make_args_unix]
    made = {} if is_cuda else objects.fetch(folder)
    environment = {**os.environ, "HETBRIAN_PRECOMPILED": "" if is_cuda else precompiled(folder)}
    environment["CXX"] = shlex.join(command())  # an empty one would leave make its options for a command
    for name in ("MAKEFLAGS", "MAKELEVEL"):  # of a make that we may run in, as of make test
        environment.pop(name, None)
    options: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(arguments, cwd=folder, env=environment, start_new_session=True, **options) as process:
        try:
            output, _ = process.communicate()
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    if process.returncode:
        lines = output.splitlines() or ["it says nothing"]
        first = next((line for line in lines if "error" in line.lower()), lines[-1])
        raise CompilerError(
            f"the program of a network in {str(folder)!r} was not compiled ({first.strip()}), expected sources that "
            "compile: check code of your own, the compiler's options in Brian2's preferences, and space on the disk."
        )
    objects.keep(made)

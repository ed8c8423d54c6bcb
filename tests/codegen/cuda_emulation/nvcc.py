"""What the emulated toolkit has as nvcc: a C++ compiler, with the launches of kernels as calls of functions."""

import re
import subprocess
import sys
from pathlib import Path

LAUNCH = re.compile(r"([\w:]+(?:<[\w:, ]+>)?)<<<(.*?)>>>\((.*?)\);", re.DOTALL)
THREADS = re.compile(r"(const int \w+_THREADS) = \d+;")
SHARED = re.compile(r"extern __shared__ (\w+) (\w+)\[\];")

INCLUDED = re.compile(r'^#include "(\w+\.cuh)"$', re.MULTILINE)

VERSION = """nvcc: NVIDIA (R) Cuda compiler driver
emulated by a C++ compiler

Cuda compilation tools, release 13.0, V13.0.0
"""


def as_cpp(source: str, threads: int | None = None) -> str:
    """
    Return CUDA as C++ for cuda_emulation.h: arguments are computed once, and each thread has copies of them.

    Blocks have as many threads as rls.cuh says, or another number, so that few weights already need several passes.
    """

    def call(found):
        kernel, configuration, given = found.groups()
        arguments = f", {given}" if given.strip() else ""
        return f"emulation::Launch({configuration})([](auto... given) {{ {kernel}(given...); }}{arguments});"

    if threads is not None:
        source = THREADS.sub(rf"\1 = {threads};", source)
    return SHARED.sub(r"\1* const \2 = reinterpret_cast<\1*>(emulation::memory.data());", LAUNCH.sub(call, source))


def whole(path: Path, folders: list[Path]) -> str:
    """Return a source with the kernels that it includes."""

    def text(found):
        return whole(next(folder / found[1] for folder in folders if (folder / found[1]).exists()), folders)

    return INCLUDED.sub(text, path.read_text())


def main(toolkit: str, *given: str) -> int:
    """Compile or link, as the arguments say; return the exit status."""
    if given == ("--version",):
        print(VERSION, end="")
        return 0
    words = iter(given)
    sources, objects, kept, target = [], [], [], ""
    for word in words:
        if word == "-o":
            target = next(words)
        elif word in ("-Xcompiler", "-Xlinker", "-ccbin"):  # for the host alone: the emulation has options of its own
            next(words)
        elif word.endswith(".cu"):
            sources.append(Path(word))
        elif word.endswith(".o"):
            objects.append(word)
        elif word.startswith("-I"):
            kept.append(word)
    for path in sources:
        written = Path(f"{target}.cpp")
        written.write_text(as_cpp(whole(path, [Path(word[2:]) for word in kept]), threads=64))
        kept += ["-iquote", str(path.parent)]
        objects.append(str(written))
    header = ["-include", f"{toolkit}/include/toolkit.h", f"-I{toolkit}/include"] if sources else []
    command = ["g++", *FLAGS, *header, *kept, *(["-c"] if "-dc" in given else []), *objects, "-o", target]
    return subprocess.run(command, check=False).returncode


FLAGS = ("-std=c++17", "-O1", "-w")

if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

"""Programs of CUDA alone: what the card is, and how fast the kernels over P are on it."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

from hetbrian import codegen
from hetbrian._gpu.checks import Place
from hetbrian._gpu.findings import Findings
from hetbrian._support.compiler import CompilerError
from hetbrian.simulation import cuda

HERE = Path(__file__).parent
KERNELS = Path(codegen.__file__).parent / "kernels"


def compiled(name: str, folder: Path, flags: Sequence[str] = ()) -> Path:
    """
    Return the program of a CUDA source of this room, for the card that is here.

    Parameters
    ----------
    name : str
        Its file, without suffix.
    folder : Path
        Where to compile.
    flags : sequence of str
        More of nvcc's.

    Returns
    -------
    Path

    Raises
    ------
    CompilerError
        If nvcc fails or is not there.
    """
    root, found, program = cuda.toolkit_root(), cuda.gpus(), Path(folder) / name
    if root is None:
        raise CompilerError("there is no nvcc, expected the CUDA toolkit: install it, or set CUDA_PATH.")
    capability = found[0].compute_capability if found else cuda.COMPUTE_CAPABILITY
    architecture = f"-arch=sm_{round(10 * capability)}"
    command = [str(root / "bin" / "nvcc"), "-std=c++17", "-O3", architecture, f"-I{KERNELS}", *flags]
    said = subprocess.run(
        [*command, str(HERE / f"{name}.cu"), "-o", str(program)], capture_output=True, text=True, check=False
    )
    if said.returncode:
        raise CompilerError(f"nvcc did not compile {name}.cu, expected a program for {architecture}: {said.stderr}")
    return program


def ran(program: Path, *arguments: str) -> list[dict]:
    """
    Return what a program prints, one object of JSON a line.

    Parameters
    ----------
    program : Path
    *arguments : str

    Returns
    -------
    list of dict

    Raises
    ------
    RuntimeError
        If it fails; with what it said.
    """
    said = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    if said.returncode:
        raise RuntimeError(
            f"{program.name} ended with {said.returncode}, expected 0: {said.stderr.strip() or 'it said nothing'}"
        )
    return [json.loads(line) for line in said.stdout.splitlines()]


def probe(place: Place, findings: Findings, folder: Path) -> None:
    """What the card says of itself, and how fast its memory is."""
    (found,) = ran(compiled("probe", folder))
    for name, value in found.items():
        findings.note(name, value)
    findings.holds("copied", found["copied"], "the kernel wrote other numbers than it read")


SIZES = (1000, 2000, 4000, 8000, 16_000, 32_000)


def rls_speed(place: Place, findings: Findings, folder: Path) -> None:
    """Microseconds of an update, of every size that fits, and the share of the bandwidth that a copy reaches."""
    (card,) = ran(compiled("probe", folder))
    bandwidth = card["bandwidth (GB/s)"]
    findings.note("bandwidth of a copy (GB/s)", bandwidth)
    for row in ran(compiled("rls_speed", folder), *map(str, (40,) if place.is_small else SIZES)):
        name = f"N = {row['N']}, {row['P']}, {row['kernel']}"
        findings.note(f"us an update, {name}", row["us an update"])
        findings.note(f"share of the bandwidth, {name}", row["GB/s"] / bandwidth)

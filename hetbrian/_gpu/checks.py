"""The checks, in the order of their value: what is right comes before how fast it is."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hetbrian._gpu.findings import Findings
from hetbrian.simulation.program import Device


@dataclass(frozen=True)
class Place:
    """
    Where the checks run: on a GPU by default, elsewhere in tests.

    Parameters
    ----------
    device, reference : str
        Brian2 devices, that which is checked and that which it is compared with.
    torch : str
        Device of torch.
    is_small : bool
        Whether sizes are those of a test.
    """

    device: Device = "cuda_standalone"
    reference: Device = "cpp_standalone"
    torch: str = "cuda"
    is_small: bool = False


@dataclass(frozen=True)
class Check:
    """
    One thing that is looked at.

    Parameters
    ----------
    name, shows : str
        What it is called, and what it shows if it passes.
    function : str
        ``module:function``; called with a `Place`, `Findings` and a folder.
    seconds : int
        How long it is expected to take with 16 cores to compile with; it is stopped after four times that.
    needs : tuple of str
        Parts of `hetbrian._gpu.machine.missing` without which it cannot run.
    """

    name: str
    shows: str
    function: str
    seconds: int
    needs: tuple[str, ...] = ()

    def run(self, place: Place, findings: Findings, folder: Path) -> None:
        """
        Run it here, in this process.

        Parameters
        ----------
        place : Place
        findings : Findings
            Where it puts what it finds.
        folder : Path
            Where it may write.

        Raises
        ------
        CheckFailed
            If something is not as expected.
        """
        module, _, function = self.function.partition(":")
        found: Callable[[Place, Findings, Path], None] = getattr(importlib.import_module(module), function)
        found(place, findings, folder)
        findings.close()


HERE = __package__

STANDALONE, TORCH = ("brian2cuda", "CUDA toolkit", "curand"), ("torch with CUDA",)

CHECKS = (
    Check("toolkit", "nvcc compiles a program that runs on the card", f"{HERE}.toolkit:probe", 15, ("CUDA toolkit",)),
    Check(
        "fused",
        "the fused torch kernel gives the plain module's spikes and gradients",
        f"{HERE}.fused:agrees",
        30,
        TORCH,
    ),
    Check(
        "force",
        "FORCE fires the same spikes and learns the same weights as in C++",
        f"{HERE}.force:agrees",
        90,
        STANDALONE,
    ),
    Check(
        "many networks",
        "eight networks in one program are as in C++, where each is as alone",
        f"{HERE}.force:agrees_for_many",
        90,
        STANDALONE,
    ),
    Check("errors", "errors after learning, over five seeds, are those of C++", f"{HERE}.force:errors", 75, STANDALONE),
    Check("guard", "runs that leave the finite numbers stop as in C++", f"{HERE}.force:diverges", 30, STANDALONE),
    Check("all-to-all", "the all-to-all network fires the spikes of C++", f"{HERE}.alltoall:agrees", 75, STANDALONE),
    Check("training", "a training epoch gives finite losses, as the plain module's", f"{HERE}.fused:trains", 45, TORCH),
    Check("resume", "a saved state goes on there, and in C++", f"{HERE}.force:resumes", 120, STANDALONE),
    Check(
        "values",
        "a value of a run gives the network that is built with it",
        f"{HERE}.force:takes_values",
        60,
        STANDALONE,
    ),
    Check(
        "speed of RLS",
        "updates a second against the card's bandwidth",
        f"{HERE}.toolkit:rls_speed",
        60,
        ("CUDA toolkit",),
    ),
    Check("speed of the cell", "fused cell, torch.compile and CPU", f"{HERE}.fused:speed", 90, TORCH),
    Check("speed of FORCE", "steps a second of whole networks", f"{HERE}.force:speed", 240, STANDALONE),
    Check(
        "speed of many networks",
        "steps a second of small networks in one program",
        f"{HERE}.force:speed_of_many",
        240,
        STANDALONE,
    ),
)
"""In the order of their value: six minutes tell the most."""

"""The clocks in the sources of a CUDA project, which Brian2CUDA 1.0b1 takes for others than those of the network."""

import re
from pathlib import Path

PASSED = re.compile(r"\b(\w+)\.timestep\[0\],")
"""Argument of the kernel of a synaptic pathway: the time step of its own clock."""

DELAYED = re.compile(r"\bdefaultclock(?=\.timestep\[0\] >= \w+_delay\))")
"""Whether a pathway's delay has passed, asked of the default clock, which a network need not have."""

CALLED_CLOCK = re.compile(r"(?<![\w.>])clock(?=\.(?:timestep|t)\[0\]|\.i_end\b)")
"""A clock of this name, a function of C, which Brian2 calls ``_clock`` after code was generated that does not."""


def mend(folder: Path) -> None:
    """
    Let each code object of a project read the clock that it runs on.

    Without this a network whose clock is not Brian2's default one does not compile if it has synapses, or, if
    something else in it runs on the default clock, its spikes wait for that one's time steps.

    Parameters
    ----------
    folder : Path
        The project, whose sources are written.
    """
    for path in sorted((folder / "code_objects").glob("*.cu")):
        source = path.read_text(encoding="utf-8")
        clocks = set(PASSED.findall(source))
        mended = DELAYED.sub(clocks.pop(), source) if len(clocks) == 1 else source
        mended = CALLED_CLOCK.sub("_clock", mended)
        if mended != source:
            path.write_text(mended, encoding="utf-8")

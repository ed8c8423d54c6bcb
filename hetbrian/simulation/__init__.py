"""A network, a device and a seed give a Dataset: build, run, record, guard, resume."""

from hetbrian.simulation.checkpoint import load_state, save_state
from hetbrian.simulation.guard import Guard
from hetbrian.simulation.program import DEVICES, Program, simulate
from hetbrian.simulation.record import load, save
from hetbrian.simulation.reuse import reused
from hetbrian.simulation.sampling import SampledMonitor
from hetbrian.simulation.survey import Finding, find_devices

__all__ = [
    "DEVICES", "Finding", "Guard", "Program", "SampledMonitor", "find_devices", "load", "load_state", "reused",
    "save", "save_state", "simulate",
]  # fmt: skip

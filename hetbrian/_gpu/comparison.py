"""How the spikes and weights of two devices are compared."""

from typing import Any

import numpy as np

from hetbrian._gpu.findings import Findings


def compare_spikes(
    findings: Findings, found: Any, expected: Any, dt: float, until: float = np.inf, of: str = ""
) -> None:
    """
    Keep how many spikes there are, and that those of two Datasets before a time are the same.

    Parameters
    ----------
    findings : Findings
        Where to keep it.
    found, expected : xarray.Dataset
        With ``spike_time`` and ``spike_neuron``.
    dt : float
        Time step in seconds.
    until : float
        Later spikes do not count, in seconds.
    of : str
        What they are of, where there are several in one check.
    """
    steps = [_by_step(dataset, dt, until) for dataset in (found, expected)]
    differing = sorted(set(map(tuple, steps[0])) ^ set(map(tuple, steps[1])))
    findings.note(f"spikes{of}", len(steps[1]))
    findings.holds(f"there are spikes{of}", len(steps[1]) > 100, f"there are {len(steps[1])}")
    first = f"the first of {len(differing)} that only one has is at {differing[0][0] * dt:g} s" if differing else ""
    findings.holds(f"same spikes{of}", not differing, first)


def compare_weights(findings: Findings, found: Any, expected: Any, bound: float, of: str = "") -> None:
    """
    Keep the largest difference of weights, relative to the largest weight.

    Parameters
    ----------
    findings : Findings
        Where to keep it.
    found, expected : array_like
        Of the same shape.
    bound : float
        What it may be at most.
    of : str
        As for `compare_spikes`.
    """
    found, expected = np.asarray(found), np.asarray(expected)
    largest = np.abs(expected).max()
    findings.holds(f"weights were learnt{of}", bool(largest > 0), "they are all zero")
    findings.at_most(f"difference of weights{of}", float(np.abs(found - expected).max() / largest), bound)


def _by_step(dataset, dt, until):
    """Return step and neuron of the spikes before a time, shape (spike, 2)."""
    steps = np.round(dataset.spike_time.values / dt).astype(int)
    chosen = steps * dt < until - dt / 2
    return np.column_stack([steps[chosen], dataset.spike_neuron.values[chosen]])

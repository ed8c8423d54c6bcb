"""The all-to-all network in CUDA standalone against C++."""

from pathlib import Path

import hetbrian as hb
from hetbrian._gpu.checks import Place
from hetbrian._gpu.comparison import compare_spikes
from hetbrian._gpu.findings import Findings
from hetbrian._gpu.networks import all_to_all_network


def agrees(place: Place, findings: Findings, folder: Path) -> None:
    """All neurons read one gate, to which each spike adds; the order of the sums is another on a GPU."""
    time_unit = hb.MeanField.CA3.time_unit
    duration, n_neurons = (20 * time_unit, 100) if place.is_small else (30 * time_unit, 1000)
    found, expected = (
        hb.simulate(all_to_all_network, duration, record=("spikes",), device=device, n_neurons=n_neurons)
        for device in (place.device, place.reference)
    )
    compare_spikes(findings, found, expected, 1e-3 * float(time_unit))

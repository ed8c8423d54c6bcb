"""Pictures of what hetbrian returns: each takes a Dataset and axes, and returns the axes."""

from hetbrian.plot.cells import heat_map
from hetbrian.plot.connectivity import readout_weights, spectrum
from hetbrian.plot.diagram import bifurcation_diagram
from hetbrian.plot.histogram import distribution
from hetbrian.plot.learning import learning_curve, output_and_target
from hetbrian.plot.plane import phase_plane
from hetbrian.plot.spikes import population_rate, raster

__all__ = [
    "bifurcation_diagram", "distribution", "heat_map", "learning_curve", "output_and_target", "phase_plane",
    "population_rate", "raster", "readout_weights", "spectrum",
]  # fmt: skip

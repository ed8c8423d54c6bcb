"""The same equations as a torch module."""

from hetbrian.torch.cell import Cell, Output
from hetbrian.torch.comparison import Comparison, Difference, compare, compare_model, compare_recorded
from hetbrian.torch.events import Events
from hetbrian.torch.export import to_torch
from hetbrian.torch.fused import FusedCell, fuse
from hetbrian.torch.limits import ExportError
from hetbrian.torch.population import Population
from hetbrian.torch.stack import Stack
from hetbrian.torch.surrogate import ArcTan, FastSigmoid, SuperSpike, Surrogate, Triangle
from hetbrian.torch.units import COHERENT, SI, UnitSystem

__all__ = [
    "COHERENT", "SI", "ArcTan", "Cell", "Comparison", "Difference", "Events", "ExportError", "FastSigmoid",
    "FusedCell", "Output", "Population", "Stack", "SuperSpike", "Surrogate", "Triangle", "UnitSystem", "compare",
    "compare_model", "compare_recorded", "fuse", "to_torch",
]  # fmt: skip

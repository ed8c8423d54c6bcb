"""What learns: targets, ridge, recursive least squares, FORCE."""

from hetbrian.readout.audio import resynthesise, sound
from hetbrian.readout.force import FORCE
from hetbrian.readout.offline import Ridge, ridge
from hetbrian.readout.online import RecursiveLeastSquares
from hetbrian.readout.operation import ReadoutOperation
from hetbrian.readout.rls import RLS
from hetbrian.readout.signals import lorenz, ode_to_joy, product_of_sines, sine
from hetbrian.readout.target import Target

__all__ = [
    "FORCE", "RLS", "ReadoutOperation", "RecursiveLeastSquares", "Ridge", "Target", "lorenz", "ode_to_joy",
    "product_of_sines", "resynthesise", "ridge", "sine", "sound",
]  # fmt: skip

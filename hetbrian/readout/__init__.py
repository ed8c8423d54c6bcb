"""What learns: targets, ridge, recursive least squares, FORCE."""

from hetbrian.readout.audio import resynthesise, sound
from hetbrian.readout.force import FORCE, RLS
from hetbrian.readout.offline import Ridge, ridge
from hetbrian.readout.online import RecursiveLeastSquares
from hetbrian.readout.target import Target, lorenz, ode_to_joy, product_of_sines, sine

__all__ = [
    "FORCE", "RLS", "RecursiveLeastSquares", "Ridge", "Target", "lorenz", "ode_to_joy", "product_of_sines",
    "resynthesise", "ridge", "sine", "sound",
]  # fmt: skip

"""Stand-ins for data sets that cannot be downloaded, in their file formats."""

from hetbrian.training.data.cochlea import Cochlea
from hetbrian.training.data.standins.camera import EventCamera
from hetbrian.training.data.standins.make import STAND_INS, make_stand_in
from hetbrian.training.data.standins.speech import speak

__all__ = ["STAND_INS", "Cochlea", "EventCamera", "make_stand_in", "speak"]

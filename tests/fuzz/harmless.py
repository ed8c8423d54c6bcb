"""What is accepted although it looks wrong, and why that is harmless."""

import re

HARMLESS = (
    (r"network\.Constant|network\.Heterogeneity(\.lorentzian)?", "value|eta|g", "plain",
     "a law has any unit; population compares it with that of the parameter set"),
    (r"network\.Izhikevich(\.replace)?", "E|tau_s|s_jump", "none", "None stands for no gating synapses, as documented"),
    (r"torch\.UnitSystem\..*", "dimension", "none", "None stands for no dimension, as in Brian2's tables"),
    (r"torch\.UnitSystem\..*", "values", "nan", "a change of units: NaN in, NaN out"),
    (r"analysis\.MeanField\.(rate|potential)", "[rv]", "nan", "a change of units: NaN in, NaN out"),
    (r"analysis\.VectorField\.(derivative|rhs|jacobian|sensitivity|linearised)", "state", "nan|inf|huge",
     "arithmetic: what is not finite there is looked for by those who follow it"),
    (r"analysis\.correlation", "output|target", "zero", "NaN where a signal is constant, as documented"),
    (r"training\.EpochBatches", "training|validation|test", "none", "None stands for no samples, as documented"),
    (r"file\.(digit|gesture|(table of )?clips?|words|sound)", "file", "flipped|zeroed|longer|truncated",
     "formats of others, whose numbers have no checksum; that of the archive that they come in is verified"),
)  # fmt: skip
"""Patterns of call, argument and tag, and the reason."""


def harmless(name, tags):
    """Return whether one of the tagged arguments of a call explains what was accepted."""
    return any(
        re.fullmatch(call, name) and re.fullmatch(argument, given) and re.fullmatch(tag, what)
        for call, argument, tag, _ in HARMLESS
        for given, what in tags
    )

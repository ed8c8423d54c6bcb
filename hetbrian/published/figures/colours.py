"""Colours that all figures share."""

COLOURS = {
    "homogeneous": "#6b6b6b",
    "eta": "#0072b2",
    "g": "#d55e00",
    "theta": "#009e73",
    "combined": "#8f4fa8",
    "target": "#000000",
}
"""One colour per kind of heterogeneity, in every figure."""

REGIMES = {"I": "#eef3f8", "II": "#fbeceb", "III": "#eef6ec"}
"""Backgrounds: I quiescent, II oscillatory, III persistently active."""

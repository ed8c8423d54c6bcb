"""One file per figure: ``draw(dataset, axes=None)`` returns axes; colours and labels that all share."""

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


def label(variable):
    """Return ``name (unit)`` of a Dataset variable, or only its name if it has no unit."""
    name, unit = variable.attrs.get("long_name", variable.name), variable.attrs.get("units", "1")
    return name if unit in ("", "1") else f"{name} ({unit})"
